/** /api/labels: texts to label, and labels as they are given. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import { z } from "zod";
import type { LabelSource } from "../label-source.ts";
import { readJson } from "./body.ts";
import { givenLabel, person } from "./console-answers/given.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

export function labelRoutes(
  source: LabelSource | undefined,
  checkedId: (id: string | undefined) => string,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/labels", async c => c.json((await source?.sets()) ?? []));
  api.get("/labels/:name", async c => {
    const name = checkedId(c.req.param("name"));
    const { by } = parseBody(z.object({ by: person }), { by: c.req.query("by") });
    return c.json(found(await source?.batch(name, by), name));
  });
  api.get("/labels/:name/disagreements", async c => {
    const name = checkedId(c.req.param("name"));
    return c.json(found(await source?.disagreements(name), name));
  });
  api.post("/labels/:name", async c => {
    const name = checkedId(c.req.param("name"));
    const body = parseBody(givenLabel, await readJson(c.req.raw));
    return c.json(found(await source?.give(name, body), name));
  });
  return api;
}
