/** Answers about releases: versions, aliases with their gates and approvals, what a run logged. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { timeMs } from "./measured.ts";

export const gate = z
  .object({
    kind: z.string(),
    gate: z.string().describe("as the release rules say it"),
    passed: z.boolean(),
    told: z.string().describe("figures, interval, approvals; for people"),
  })
  .meta({ id: "Gate" });

const move = z.strictObject({
  at: timeMs,
  alias: z.string(),
  kind: z.string(),
  number: z.int().nullable(),
  previous: z.int().nullable(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  verdict: z.object({ passed: z.boolean(), gates: z.array(gate).optional() }).nullable(),
});

export const modelReleases = z
  .strictObject({
    model: z.string(),
    versions: z
      .array(
        z.strictObject({
          id: z.string(),
          version: z.int(),
          artifact: z.string(),
          createdAt: timeMs,
          aliases: z.array(z.string()),
          isArchived: z.boolean(),
        }),
      )
      .describe("the newest first"),
    aliases: z.array(
      z.strictObject({
        alias: z.string(),
        isGuarded: z.boolean(),
        holder: z.int().nullable(),
        goesBackTo: z.int().nullable().describe("the target of a rollback"),
      }),
    ),
    history: z.array(move).describe("the newest first"),
  })
  .meta({ id: "ModelReleases" });

export const verdicts = z
  .strictObject({
    id: z.string(),
    digest: z.string(),
    looks: z.array(z.string()).optional().describe("how often the test sets were evaluated on, in sentences"),
    gates: z.array(z.object({ alias: z.string(), holder: z.int().nullable(), passed: z.boolean(), gates: z.array(gate) })),
    approvals: z.array(
      z.object({
        alias: z.string(),
        role: z.string(),
        by: z.string(),
        note: z.string().nullable().optional(),
        signedBy: z.string().nullable(),
        isVerified: z.boolean().describe("signed, or given by an account that the server has checked"),
        at: timeMs,
      }),
    ),
    signatures: z.array(z.strictObject({ fingerprint: z.string(), by: z.string().nullable(), isValid: z.boolean(), at: timeMs })),
    tags: z.record(z.string(), z.string()),
    notes: z.array(z.object({ by: z.string(), text: z.string(), at: timeMs })),
  })
  .meta({ id: "Verdicts" });

export const logged = z
  .strictObject({
    artifact: z.string(),
    stage: z.string(),
    options: z.unknown(),
    summary: z.record(z.string(), z.unknown()),
    madeFrom: z.record(z.string(), z.string()).describe("artifacts by the names of inputs"),
    steps: z.array(z.number()),
    columns: z.record(z.string(), z.array(measured)).describe("every number that was logged, by name, one a step"),
    units: z.record(z.string(), z.string()).describe("of the columns that have one"),
  })
  .meta({ id: "Logged" });
