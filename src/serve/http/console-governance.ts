/** /api/governance: what the console's page Governance reads. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import { z } from "zod";
import type { GovernanceSource } from "../governance-source.ts";
import { governanceReportKinds } from "./console-answers/governance.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

export const actsQuery = z.object({
  kind: z
    .string()
    .regex(/^[a-z]{1,32}$/, "a kind of act")
    .optional(),
  most: z.coerce.number().int().min(1).max(10_000).default(100),
});
const positionPath = z.object({ position: z.coerce.number().int().min(0) });
const reportPath = z.object({ kind: z.enum(governanceReportKinds) });

/** `found` refuses as the other paths of /api do. */
export function governanceRoutes(
  source: GovernanceSource | undefined,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/governance/acts", async c => {
    const { kind, most } = parseBody(actsQuery, c.req.query());
    return c.json((await source?.acts(kind, most)) ?? { acts: [], log: { size: 0, root: "" } });
  });
  api.get("/governance/proofs/:position", async c => {
    const { position } = parseBody(positionPath, c.req.param());
    return c.json(found(await source?.proof(position), String(position)));
  });
  api.get("/governance/reports/:kind", async c => {
    const { kind } = parseBody(reportPath, c.req.param());
    return c.json(found(await source?.report(kind), kind));
  });
  return api;
}
