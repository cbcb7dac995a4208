/** /api/project: parts of loam.yaml as forms, and the run under way. Restricted as all of /api; behind a gateway, writing needs the role admin. */
import { Hono } from "hono";
import { z } from "zod";
import { serveErrors } from "../errors.ts";
import type { StartSource } from "../start-source.ts";
import { startBodies } from "./console-answers/starting.ts";
import { type AppContext, type AppEnvironment, bodyOf } from "./exchange.ts";
import { parseBody } from "./parse.ts";

export const formQuery = z.object({ labels: z.string().max(100).optional() });

/** `who` names the caller; `checkedId` refuses as the other paths of /api do. Errors: serve/unsupported without a project. */
export function startRoutes(
  source: StartSource | undefined,
  who: (c: AppContext) => string,
  checkedId: (id: string | undefined) => string,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  const there = (): StartSource => {
    if (source) return source;
    throw serveErrors.fail("unsupported", { place: "project", message: "this server was started without a project that can be changed" });
  };
  api.get("/project/parts", async c => c.json((await source?.parts()) ?? { parts: [], labels: [] }));
  api.get("/project/parts/:path", async c => {
    const path = checkedId(c.req.param("path"));
    return c.json(await there().form(path, parseBody(formQuery, c.req.query()).labels));
  });
  api.post("/project/parts/:path", async c => {
    const path = checkedId(c.req.param("path"));
    return c.json(await there().edit(path, parseBody(startBodies.edit, await bodyOf(c))));
  });
  api.get("/project/run", async c => c.json({ run: (await source?.state()) ?? null }));
  api.post("/project/run", async c => {
    const { path, force } = parseBody(startBodies.start, await bodyOf(c));
    return c.json(await there().start(path, force, who(c)));
  });
  api.post("/project/run/stop", async c => c.json(await there().stop(who(c))));
  return api;
}
