/** /api: what the console reads, restricted (`access.ts`). JSON; errors are `{ error: { code, message, ... } }`. */
import { cpus, totalmem } from "node:os";
import { Hono } from "hono";
import { type Clock, isLoamError, redact } from "../../base/index.ts";
import type { Login } from "../../session/index.ts";
import { baseOf } from "../adapters/adapted-engine.ts";
import type { ConsoleSource, Machine } from "../console-source.ts";
import type { Engine } from "../engine.ts";
import { EngineHistory } from "../engine-history.ts";
import { type AnyEngine, type Engines, namesOf } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import { checkAccess } from "./access.ts";
import { labelRoutes } from "./console-labels.ts";
import { releaseRoutes } from "./console-releases.ts";
import type { AppEnvironment } from "./exchange.ts";

export interface ConsoleApiOptions {
  readonly engines: Engines;
  readonly fleet?: Fleet | undefined;
  readonly source: ConsoleSource | undefined;
  /** Whoever reaches the server may administer it. */
  readonly admin: boolean;
  readonly login?: Login | undefined;
  readonly version: string;
  readonly clock: Clock;
}

const thisMachine = (): Machine => ({
  cores: cpus().length,
  processor: cpus()[0]?.model ?? "unknown",
  memoryBytes: totalmem(),
  vector: [],
});

const nothing: ConsoleSource = {
  project: null,
  machine: thisMachine,
  models: () => [],
  runs: () => [],
  metrics: () => undefined,
  evaluations: () => [],
  graph: () => undefined,
  dataSets: () => [],
  dataReport: () => undefined,
};

/** Ids of artifacts and versions as people type them: short, and nothing that could be a path. */
const idPattern = /^[\w@.-]{1,128}$/;
function checkedId(id: string | undefined): string {
  if (id !== undefined && idPattern.test(id)) return id;
  throw serveErrors.fail("parameter", {
    place: "id",
    expected: "an artifact's id",
    received: id === undefined ? "nothing" : JSON.stringify(id.slice(0, 60)),
  });
}

const found = <T>(value: T | undefined, id: string): T => {
  if (value !== undefined) return value;
  throw serveErrors.fail("unknownRecord", { place: "id", expected: "an artifact in the record", received: `"${id}"` });
};

const servedModel = ({ model }: AnyEngine, parameters: number) => ({
  id: model.id,
  name: model.name ?? model.id,
  version: model.version ?? null,
  artifact: model.artifact ?? null,
  family: model.family,
  parameters,
  context: "longest" in model ? model.longest : model.config.context,
  vocab: model.config.vocab,
  layers: model.config.layers,
  width: model.config.width,
});

export function consoleApi({ engines, fleet, source = nothing, admin, login, version, clock }: ConsoleApiOptions): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  const startedAt = clock.now();
  // weak: a version that is unloaded leaves no trace
  const histories = new WeakMap<Engine, EngineHistory>();
  engines.watch(engine => histories.set(engine, new EngineHistory(engine, clock)));

  /** Who the page is to a server without a login; a login, and a gateway in front, answer instead. */
  api.get("/session", c => c.json({ gateway: false, record: true, access: admin ? "open" : "none", csrf: null, demo: null }));
  api.use("*", async (c, next) => {
    checkAccess(c, { admin, login });
    c.header("cache-control", "no-store");
    await next();
  });
  api.get("/overview", async c => {
    const engine = engines.all()[0] ?? engines.encoders()[0];
    return c.json({
      loam: version,
      project: source.project,
      model: engine ? servedModel(engine, engine.numParameters) : null,
      models: (await source.models()).map(m => m.id),
      startedAt,
      machine: await source.machine(),
    });
  });
  api.get("/models", async c => c.json(await source.models()));
  api.get("/runs", async c => c.json(await source.runs()));
  api.get("/runs/:artifact/metrics", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json({ points: found(await source.metrics(id), id) });
  });
  api.get("/runs/:artifact/examples", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source.examples?.(id), id));
  });
  api.get("/evaluations", async c => c.json(await source.evaluations()));
  api.get("/graph", async c => {
    const id = checkedId(c.req.query("id"));
    return c.json(found(await source.graph(id), id));
  });
  api.get("/data", async c => c.json(await source.dataSets()));
  api.get("/data/:artifact", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source.dataReport(id), id));
  });
  api.route("/", labelRoutes(source.labels, checkedId, found));
  api.route("/", releaseRoutes(source.releases, checkedId, found));
  api.get("/engine", c => {
    const name = c.req.query("model");
    const engine = name === undefined ? engines.all()[0] : baseOf(engines.find(name));
    const history = engine && histories.get(engine);
    if (!engine || !history) return c.json({ slots: 0, running: 0, queued: 0, tokensPerSecond: 0, requests: 0, history: [] });
    const { slots, running, queued, requests, cacheTokens, cacheRoom, cacheBytes } = engine.stats();
    return c.json({
      model: engine.model.id,
      slots,
      running,
      queued,
      tokensPerSecond: history.tokensPerSecond,
      requests,
      cacheUse: cacheRoom ? cacheTokens / cacheRoom : null,
      cacheBytes,
      history: history.points(),
    });
  });
  /** Every version with what it does now; a model without a lifecycle is its only version. */
  api.get("/serving", c => {
    const both = [...engines.all(), ...engines.encoders()];
    const fixed = both.map(e => ({
      name: e.model.name ?? e.model.id,
      version: e.model.version ?? 1,
      id: e.model.id,
      state: e.state,
      labels: namesOf(e).flatMap(n => (n.includes("@") && n !== e.model.id ? [n.slice(n.lastIndexOf("@") + 1)] : [])),
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
    return c.json({ versions });
  });
  api.all("*", c => {
    throw serveErrors.fail("unknownUrl", { place: new URL(c.req.url).pathname, message: "there is nothing at this address" });
  });
  return api;
}

/** An error as the console reads it; unknown ones carry the request's id and no detail. */
export function consoleError(error: unknown, requestId: string) {
  if (!isLoamError(error) || error.status >= 500)
    return {
      status: isLoamError(error) ? error.status : 500,
      body: { error: { code: "internal", message: `internal error, request ${requestId}` } },
    };
  const { code, message: _, ...rest } = error.problem;
  return { status: error.status, body: { error: { code, message: redact(error.message), ...rest } } };
}
