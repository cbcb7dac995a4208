/** /api/labels: texts to label, and labels as they are given. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import { z } from "zod";
import { serveErrors } from "../errors.ts";
import type { LabelSource } from "../label-source.ts";
import { readJson } from "./body.ts";
import { verifiedAccountOf } from "./console-actions.ts";
import { givenLabel, person } from "./console-answers/given.ts";
import type { AppContext, AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

/** Whose labels they are: the account's of the request, else what it says. Errors: serve/parameter. */
function labeller(c: AppContext, said: string | undefined): { readonly by: string; readonly isVerified: boolean } {
  const account = verifiedAccountOf(c);
  if (account === undefined) return { by: parseBody(z.object({ by: person }), { by: said }).by, isVerified: false };
  if (said === undefined || said === account) return { by: account, isVerified: true };
  throw serveErrors.fail("parameter", {
    place: "by",
    expected: `"${account}", the account of this request, or nothing`,
    received: JSON.stringify(said),
  });
}

export function labelRoutes(
  source: LabelSource | undefined,
  checkedId: (id: string | undefined) => string,
  found: <T>(value: T | undefined, id: string) => T,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/labels", async c => c.json((await source?.sets()) ?? []));
  api.get("/labels/:name", async c => {
    const name = checkedId(c.req.param("name"));
    const { by, isVerified } = labeller(c, c.req.query("by"));
    return c.json(found(await source?.batch(name, by, isVerified), name));
  });
  api.get("/labels/:name/disagreements", async c => {
    const name = checkedId(c.req.param("name"));
    return c.json(found(await source?.disagreements(name), name));
  });
  api.post("/labels/:name", async c => {
    const name = checkedId(c.req.param("name"));
    const body = parseBody(givenLabel, await readJson(c.req.raw));
    return c.json(found(await source?.give(name, { ...body, ...labeller(c, body.by) }), name));
  });
  return api;
}
