/** /api/run-table: runs filtered, searched, sorted and grouped, and what people say of them. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import type { RunTableSource } from "../run-table-source.ts";
import { readJson } from "./body.ts";
import { givenAnnotation, runTableQuery } from "./console-answers/run-table.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

const noRuns = { total: 0, matched: 0, offset: 0, columns: [], rows: [], groups: null };

export function runTableRoutes(
  source: RunTableSource | undefined,
  checkedId: (id: string | undefined) => string,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/run-table", async c => {
    const { ids, training, ...query } = parseBody(runTableQuery, c.req.query());
    return c.json((await source?.table({ ...query, isTraining: training === "yes", ids: ids?.split(",").filter(Boolean) })) ?? noRuns);
  });
  api.post("/run-table/:run", async c => {
    const id = checkedId(c.req.param("run"));
    const given = parseBody(givenAnnotation, await readJson(c.req.raw));
    return c.json(found(await source?.annotate(id, given), id));
  });
  return api;
}
