/** Answers about what can be started: parts of loam.yaml, their forms, what a change makes of the file, the run under way. */
import { z } from "zod";
import { timeMs } from "./measured.ts";

const part = z
  .object({
    path: z.string().describe("models.NAME or data.NAME"),
    kind: z.enum(["model", "tuned", "data"]),
    name: z.string(),
    command: z.array(z.string()).describe("words behind `loam` that run it"),
  })
  .meta({ id: "ProjectPart" });
export const shownParts = z
  .strictObject({
    parts: z.array(part),
    labels: z.array(z.string()).describe("label sets that a classifier can be tuned from"),
  })
  .meta({ id: "ProjectParts" });

const yaml = z.string().nullable().describe("YAML");
const field = z
  .strictObject({
    path: z.string().describe("inside the part"),
    kind: z.enum(["text", "number", "boolean", "choice", "yaml"]),
    help: z.string(),
    isRequired: z.boolean(),
    choices: z.array(z.string()),
    usual: yaml,
    example: yaml,
    value: yaml,
  })
  .meta({ id: "FormField" });
export const shownPartForm = part
  .extend({ isThere: z.boolean().describe("false: the values are a proposal"), fields: z.array(field), digest: z.string() })
  .meta({ id: "PartForm" });

export const editedPart = z
  .strictObject({
    diff: z.array(z.string()).describe("changed lines of loam.yaml with some around them; ` `, `-` or `+` before each"),
    problem: z
      .object({ code: z.string(), message: z.string(), place: z.string().optional(), hint: z.string().optional() })
      .nullable()
      .describe("what is wrong with the changed file; null: nothing"),
    digest: z.string(),
    isWritten: z.boolean(),
  })
  .meta({ id: "EditedPart" });

export const startedRun = z
  .strictObject({
    id: z.int(),
    command: z.array(z.string()),
    path: z.string(),
    by: z.string(),
    startedAt: timeMs,
    endedAt: timeMs.nullable(),
    state: z.enum(["running", "stopping", "done", "failed", "stopped"]),
    code: z.int().nullable(),
    output: z.string().describe("the end of what it has printed"),
  })
  .meta({ id: "StartedRun" });
export const runState = z.strictObject({ run: startedRun.nullable() }).meta({ id: "RunState" });

const path = z.string().max(200);
export const startBodies = {
  edit: z.strictObject({
    changes: z
      .array(
        z.strictObject({
          path: z
            .string()
            .regex(/^[\w-]+(\.[\w-]+)*$/, "keys with dots between them")
            .max(200),
          value: z.string().max(100_000).nullable(),
        }),
      )
      .max(200),
    labels: z.string().max(100).optional(),
    digest: z.string().max(100).optional(),
    write: z.boolean().optional(),
  }),
  start: z.strictObject({ path, force: z.boolean().default(false) }),
};
