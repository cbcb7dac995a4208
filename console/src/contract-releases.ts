/** What the server says of releases, reports and logged figures, as schemas; see `contract.ts`. */
import * as z from "zod/mini";
import { picture } from "./contract.ts";

const measured = z.pipe(
  z.nullish(z.number()),
  z.transform(value => value ?? null),
);

const gate = z.object({
  kind: z.string(),
  gate: z.string(),
  passed: z.boolean(),
  told: z.string(),
});

const move = z.object({
  at: z.number(),
  alias: z.string(),
  kind: z.string(),
  number: z.nullable(z.number()),
  previous: z.nullable(z.number()),
  by: z.nullable(z.string()),
  reason: z.nullable(z.string()),
  verdict: z.nullable(z.object({ passed: z.boolean(), gates: z.optional(z.array(gate)) })),
});

export const releases = z.array(
  z.object({
    model: z.string(),
    /** The newest first. */
    versions: z.array(
      z.object({
        id: z.string(),
        version: z.number(),
        artifact: z.string(),
        createdAt: z.number(),
        aliases: z.array(z.string()),
        isArchived: z.boolean(),
      }),
    ),
    aliases: z.array(
      z.object({
        alias: z.string(),
        isGuarded: z.boolean(),
        holder: z.nullable(z.number()),
        /** Where a rollback would go. */
        goesBackTo: z.nullable(z.number()),
      }),
    ),
    /** The newest first. */
    history: z.array(move),
  }),
);

export const verdicts = z.object({
  id: z.string(),
  digest: z.string(),
  gates: z.array(z.object({ alias: z.string(), holder: z.nullable(z.number()), passed: z.boolean(), gates: z.array(gate) })),
  approvals: z.array(
    z.object({
      alias: z.string(),
      role: z.string(),
      by: z.string(),
      note: z.nullable(z.string()),
      signedBy: z.nullable(z.string()),
      at: z.number(),
    }),
  ),
  signatures: z.array(z.object({ fingerprint: z.string(), by: z.nullable(z.string()), isValid: z.boolean(), at: z.number() })),
  tags: z.record(z.string(), z.string()),
  notes: z.array(z.object({ by: z.string(), text: z.string(), at: z.number() })),
});

const score = z.object({ metric: z.string(), better: z.enum(["higher", "lower"]), value: measured, low: measured, high: measured });
const changed = z.object({
  id: z.string(),
  place: z.string(),
  prompt: z.string(),
  right: z.string(),
  came: z.string(),
  before: z.string(),
});

export const report = z.object({
  id: z.string(),
  against: z.nullable(z.string()),
  tasks: z.array(
    z.object({
      task: z.string(),
      output: z.string(),
      artifact: z.string(),
      at: z.number(),
      items: z.number(),
      scores: z.array(score),
      slices: z.array(z.object({ by: z.string(), group: z.string(), items: z.number(), scores: z.array(score) })),
      picture: z.optional(picture),
      comparison: z.optional(
        z.object({
          differences: z.array(
            z.object({
              metric: z.string(),
              better: z.enum(["higher", "lower"]),
              items: z.number(),
              first: measured,
              second: measured,
              value: measured,
              low: measured,
              high: measured,
              p: measured,
              test: z.string(),
              wins: z.number(),
              losses: z.number(),
            }),
          ),
          onlyThis: z.number(),
          onlyOther: z.number(),
          wins: z.array(changed),
          losses: z.array(changed),
        }),
      ),
    }),
  ),
});

export const logged = z.object({
  artifact: z.string(),
  stage: z.string(),
  options: z.unknown(),
  summary: z.record(z.string(), z.unknown()),
  madeFrom: z.record(z.string(), z.string()),
  steps: z.array(z.number()),
  columns: z.record(z.string(), z.array(measured)),
});

export type ModelReleases = z.infer<typeof releases>[number];
export type Verdicts = z.infer<typeof verdicts>;
export type Gate = z.infer<typeof gate>;
export type Report = z.infer<typeof report>;
export type TaskReport = Report["tasks"][number];
export type ReportScore = z.infer<typeof score>;
export type Logged = z.infer<typeof logged>;
