/** /api/watch: what the console's page Watch reads. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import { z } from "zod";
import type { WatchSource } from "../watch-source.ts";
import { watchSteps } from "./console-answers/watch.ts";
import type { AppEnvironment } from "./exchange.ts";
import { parseBody } from "./parse.ts";

export const watchHistoryQuery = z.object({
  metric: z.string().regex(/^[a-z0-9-]{1,64}$/, "a figure's name"),
  model: z.string().max(256),
  step: z.enum(watchSteps).default("1m"),
});

export const watchSamplesQuery = z.object({ alarm: z.string().min(1).max(128) });

const nothing = { lookedAt: null, servers: [], models: [], alarms: [], objectives: [] };

export function watchRoutes(source: WatchSource | undefined): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  api.get("/watch", async c => c.json((await source?.status()) ?? nothing));
  api.get("/watch/history", async c => {
    const { metric, model, step } = parseBody(watchHistoryQuery, c.req.query());
    return c.json((await source?.history(metric, model, step)) ?? { metric, model, stepMs: 60_000, points: [] });
  });
  api.get("/watch/drift", async c => c.json((await source?.drift()) ?? []));
  api.get("/watch/quality", async c => c.json((await source?.quality()) ?? []));
  api.get("/watch/loops", async c => c.json((await source?.loops()) ?? []));
  api.get("/watch/samples", async c => {
    const { alarm } = parseBody(watchSamplesQuery, c.req.query());
    return c.json((await source?.samples(alarm)) ?? { isKept: false, samples: [] });
  });
  return api;
}
