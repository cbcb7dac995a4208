/** /api/engine and /api/serving: the load of the engines, now and over the last minutes. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import type { z } from "zod";
import type { Answered } from "../../base/index.ts";
import { baseOf } from "../adapters/adapted-engine.ts";
import type { Engine } from "../engine.ts";
import { EngineHistory } from "../engine-history.ts";
import { engineNames } from "../engines.ts";
import type { engine as engineSchema, serving as servingSchema } from "./console-answers/engine.ts";
import type { ConsoleApiOptions } from "./console-api.ts";
import type { AppEnvironment } from "./exchange.ts";

type EngineAnswer = Answered<z.output<typeof engineSchema>>;
type ServingAnswer = Answered<z.output<typeof servingSchema>>;

export function engineRoutes({ engines, fleet, clock }: Pick<ConsoleApiOptions, "engines" | "fleet" | "clock">): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  // weak: a version that is unloaded leaves no trace
  const histories = new WeakMap<Engine, EngineHistory>();
  engines.watch(engine => histories.set(engine, new EngineHistory(engine, clock)));

  api.get("/engine", c => {
    const name = c.req.query("model");
    // a page that looks wakes nobody: one that sleeps is idle
    const listed = engines.everything().find(m => (name === undefined ? "room" in m : engineNames(m).includes(name)));
    const told = listed ?? (name === undefined ? undefined : engines.describe(name));
    const engine = told && engines.all().find(e => e === baseOf(told));
    const history = engine && histories.get(engine);
    const idle: EngineAnswer = { slots: 0, running: 0, queued: 0, tokensPerSecond: 0, requests: 0, history: [] };
    if (!engine || !history) return c.json(idle);
    const { slots, running, queued, requests, cacheTokens, cacheRoom, cacheBytes } = engine.stats();
    const body: EngineAnswer = {
      model: engine.model.id,
      slots,
      running,
      queued,
      tokensPerSecond: history.tokensPerSecond,
      requests,
      cacheUse: cacheRoom ? cacheTokens / cacheRoom : null,
      cacheBytes,
      history: history.points(),
    };
    return c.json(body);
  });
  /** Every version with what it does now; a model without a lifecycle is its only version. */
  api.get("/serving", c => {
    const both = [...engines.all(), ...engines.encoders()];
    const fixed = both.map(e => ({
      name: e.model.name ?? e.model.id,
      version: e.model.version ?? 1,
      id: e.model.id,
      state: e.state,
      labels: engineNames(e).flatMap(n => (n.includes("@") && n !== e.model.id ? [n.slice(n.lastIndexOf("@") + 1)] : [])),
      weight: null,
      shadow: null,
    }));
    const versions = (fleet?.list() ?? fixed).map(({ name, version, id, state, labels, weight, shadow }) => {
      const engine = both.find(e => e.model.id === id);
      const stats = engine && "room" in engine ? engine.stats() : undefined;
      return {
        name,
        version,
        id,
        state,
        labels,
        weight,
        shadow,
        slots: stats?.slots ?? 0,
        running: engine?.stats().running ?? 0,
        queued: engine?.stats().queued ?? 0,
        requests: stats?.requests ?? 0,
        cacheUse: stats?.cacheRoom ? stats.cacheTokens / stats.cacheRoom : null,
        adapters: engines.adapters
          .list()
          .filter(a => a.parent === id)
          .map(a => ({ name: a.name, rank: a.rank })),
        tokensPerSecond: (engine && "room" in engine && histories.get(engine)?.tokensPerSecond) || 0,
      };
    });
    const body: ServingAnswer = { versions };
    return c.json(body);
  });
  return api;
}
