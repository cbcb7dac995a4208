/** What the console sends to change a project, and what it is answered. */
import { z } from "zod";
import { timeMs } from "./measured.ts";
import { gate } from "./releases.ts";

const alias = z.string().min(1).max(64);
const reason = z.string().max(500).optional();
export const actionBodies = {
  promote: z.strictObject({ alias, reason, dryRun: z.boolean().optional() }),
  rollback: z.strictObject({ alias, reason }),
  approve: z.strictObject({
    alias,
    role: z.string().min(1).max(64),
    note: z.string().max(500).optional(),
    withdraw: z.boolean().optional(),
  }),
};

export const actions = z
  .strictObject({
    who: z.string().describe("under whose name actions are recorded"),
    verified: z.boolean().describe("whether that is an account that the server has checked, and not a name that anybody may type"),
    unavailable: z.string().nullable().describe("why the project cannot be changed; null: it can"),
  })
  .meta({ id: "ProjectActions" });

export const movedAlias = z
  .object({ model: z.string(), alias: z.string(), kind: z.string(), number: z.int().nullable(), previous: z.int().nullable() })
  .meta({ id: "MovedAlias" });

export const promotedVersion = z
  .object({
    model: z.string(),
    version: z.int(),
    alias: z.string(),
    dryRun: z.boolean(),
    verdict: z.object({ passed: z.boolean(), gates: z.array(gate) }),
    release: movedAlias.nullable().describe("null where the version had the alias already, and after a dry run"),
  })
  .meta({ id: "PromotedVersion" });

export const approvedVersion = z
  .object({
    model: z.string(),
    version: z.int(),
    alias: z.string(),
    changed: z.boolean(),
    approvals: z.array(z.object({ role: z.string(), by: z.string(), isVerified: z.boolean(), atMs: timeMs })),
  })
  .meta({ id: "ApprovedVersion" });
