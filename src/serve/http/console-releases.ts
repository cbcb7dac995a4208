/** /api/releases, /api/reports, /api/evaluations/list, /api/evaluations/diff, /api/logged: what the console's pages of releases, evaluations and runs read. */
import { Hono } from "hono";
import type { ReleaseSource } from "../release-source.ts";
import { evaluationDiffQuery } from "./console-answers/evaluation-list.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

/** Items of a page of a comparison: by default, and at most. */
const pageItems = 50;
const mostPageItems = 1_000;

/** `checkedId` and `found` refuse as the other paths of /api do. */
export function releaseRoutes(
  source: ReleaseSource | undefined,
  checkedId: (id: string | undefined) => string,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/releases", async c => c.json((await source?.releases()) ?? []));
  api.get("/releases/:version", async c => {
    const id = checkedId(c.req.param("version"));
    return c.json(found(await source?.verdicts(id), id));
  });
  api.get("/reports/:version", async c => {
    const id = checkedId(c.req.param("version"));
    const against = c.req.query("against");
    return c.json(found(await source?.report(id, against === undefined ? undefined : checkedId(against)), id));
  });
  api.get("/evaluations/list", async c => c.json((await source?.evaluations()) ?? []));
  api.get("/evaluations/diff", async c => {
    const query = parseBody(evaluationDiffQuery, c.req.query());
    const [first, second] = [checkedId(query.first), checkedId(query.second)];
    const { change, by, group, find, offset = "0", limit = String(pageItems) } = query;
    const wished = { change, by, group, find, offset: Number(offset), limit: Math.min(mostPageItems, Math.max(1, Number(limit))) };
    return c.json(found(await source?.diff(first, second, wished), `${first}, ${second}`));
  });
  api.get("/logged/:artifact", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source?.logged(id), id));
  });
  return api;
}
