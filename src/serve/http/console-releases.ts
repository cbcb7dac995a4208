/** /api/releases, /api/reports, /api/logged: what the console's pages of releases, evaluations and runs read. */
import { Hono } from "hono";
import type { ReleaseSource } from "../release-source.ts";
import type { AppEnvironment } from "./exchange.ts";

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
  api.get("/logged/:artifact", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source?.logged(id), id));
  });
  return api;
}
