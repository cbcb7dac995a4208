/** /api: what the console reads, restricted (`access.ts`). JSON; errors are `{ error: { code, message, ... } }`. */
import { cpus, totalmem } from "node:os";
import { Hono } from "hono";
import type { z } from "zod";
import { type Answered, type Clock, isLoamError, redact } from "../../base/index.ts";
import { eventStreamResponse } from "../../protocols/index.ts";
import type { Login } from "../../session/index.ts";
import type { ConsoleSource, ServedMachine } from "../console-source.ts";
import type { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import { isDescribed, type ModelMetadata } from "../model-metadata.ts";
import { checkAccess } from "./access.ts";
import { actionRoutes, actorOf } from "./console-actions.ts";
import type { overview } from "./console-answers/project.ts";
import { ChangeFeed } from "./console-changes.ts";
import { deploymentRoutes } from "./console-deployments.ts";
import { documentRoutes } from "./console-documents.ts";
import { engineRoutes } from "./console-engines.ts";
import { governanceRoutes } from "./console-governance.ts";
import { labelRoutes } from "./console-labels.ts";
import { releaseRoutes } from "./console-releases.ts";
import { runTableRoutes } from "./console-runs.ts";
import { startRoutes } from "./console-start.ts";
import { consoleTopics } from "./console-topics.ts";
import { watchRoutes } from "./console-watch.ts";
import type { AppEnvironment } from "./exchange.ts";
import type { FineTuning } from "./fine-tuning/port.ts";
import { wireError } from "./wire-error.ts";

export interface ConsoleApiOptions {
  readonly engines: Engines;
  readonly fleet?: Fleet | undefined;
  readonly source: ConsoleSource | undefined;
  /** Whoever reaches the server may administer it. */
  readonly admin: boolean;
  readonly login?: Login | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly fineTuning?: FineTuning | undefined;
  readonly heartbeatMs: number;
  /** Why no model is served yet, and what to run. */
  readonly noModels?: string | undefined;
}

interface ConsoleApi {
  readonly routes: Hono<AppEnvironment>;
  /** Whether an address below /api is the console's; the others are Ollama's. */
  owns(pathname: string): boolean;
  /** Ends the event streams. */
  close(): void;
}

type Overview = Answered<z.output<typeof overview>>;

const thisMachine = (): ServedMachine => ({
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
  revisions: () => ({ artifacts: "", runs: "" }),
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
  throw serveErrors.fail("unknownRecord", { place: "id", expected: "the id of a stored artifact", received: `"${id}"` });
};

const servedModel = ({ model }: ModelMetadata, parameters: number) => ({
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

export function consoleApi(options: ConsoleApiOptions): ConsoleApi {
  const { engines, fleet, source = nothing, admin, login, version, clock, noModels } = options;
  const api = new Hono<AppEnvironment>();
  const startedAt = clock.now();

  /** Who the page is to a server without a login; a login, and a gateway in front, answer instead. */
  api.get("/session", c => c.json({ gateway: false, record: true, access: admin ? "open" : "none", csrf: null, demo: null }));
  api.use("*", async (c, next) => {
    checkAccess(c, { admin, login });
    c.header("cache-control", "no-store");
    await next();
  });
  api.get("/overview", async c => {
    const engine = engines.models().find(isDescribed);
    const body: Overview = {
      loam: version,
      project: source.project,
      model: engine ? servedModel(engine, engine.numParameters) : null,
      models: (await source.models()).map(m => m.id),
      noModels: engines.models().length === 0 ? (noModels ?? "No model is loaded yet.") : null,
      startedAt,
      machine: await source.machine(),
    };
    return c.json(body);
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
  api.get("/runs/:artifact/cost", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source.cost?.(id), id));
  });
  api.get("/runs/:artifact/profile", async c => {
    const id = checkedId(c.req.param("artifact"));
    return c.json(found(await source.profile?.(id), id));
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
  api.route("/", documentRoutes(source.documents, checkedId, found));
  api.route("/", labelRoutes(source.labels, checkedId, found));
  api.route("/", releaseRoutes(source.releases, checkedId, found));
  api.route("/", runTableRoutes(source.runTable, checkedId, found));
  api.route("/", actionRoutes(source.actions, checkedId));
  api.route("/", deploymentRoutes(source.deployments, source.actions, checkedId));
  api.route("/", startRoutes(source.starts, actorOf(source.actions), checkedId));
  api.route("/", governanceRoutes(source.governance, found));
  api.route("/", watchRoutes(source.watch));
  api.route("/", engineRoutes({ engines, fleet, clock }));
  const feed = new ChangeFeed({ read: consoleTopics({ engines, fleet, source, jobs: options.fineTuning, clock }), clock });
  api.get("/events", c => eventsResponse(feed, options.heartbeatMs, c.var.exchange.requestId));
  let document: Promise<object> | undefined;
  api.get("/openapi.json", async c => {
    document ??= import("./console-operations.ts").then(m => m.consoleDocument(version));
    return c.json(await document);
  });
  const own = new Set(api.routes.map(r => r.path.split("/")[1]).filter(first => first !== "*"));
  api.all("*", c => {
    throw serveErrors.fail("unknownUrl", { place: new URL(c.req.url).pathname, message: "there is nothing at this address" });
  });
  return { routes: api, owns: pathname => own.has(pathname.split("/")[2]), close: () => feed.close() };
}

/** Is no work under way: a shutdown does not wait for it. */
function eventsResponse(feed: ChangeFeed, heartbeatMs: number, requestId: string): Response {
  const onError = (error: unknown) => wireError(error, requestId);
  const framing = {
    contentType: "text/event-stream; charset=utf-8",
    piece: (value: unknown) => `event: changes\ndata: ${JSON.stringify(value)}\n\n`,
    end: "",
    error: () => "",
    silence: ": open\n\n",
  };
  return eventStreamResponse(feed.open(), { framing, heartbeatMs, onError, onLeave: () => {}, onEnd: () => {} });
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
