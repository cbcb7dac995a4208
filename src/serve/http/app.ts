/**
 * The HTTP application: routes to handlers, and around all of them a request id, the host check, security headers, errors in the form of each
 * contract, and one record a request for metrics and logs. It knows no sockets; `listen.ts` does.
 */
import { Hono } from "hono";
import { type Clock, corsRules, defined, pathFault, type StaticPage, staticResponse, systemClock } from "../../base/index.ts";
import { commonThresholdHeader, type FeedbackPort } from "../../protocols/index.ts";
import { type Login, loginPaths } from "../../session/index.ts";
import { acceptsOpenMetrics } from "../../tracing/index.ts";
import type { AuthorizeRequest } from "../authorization.ts";
import { isLate } from "../cancellation.ts";
import type { ConsoleSource } from "../console-source.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { Engine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import type { Fleet } from "../lifecycle/fleet.ts";
import { limits } from "../limits.ts";
import { createServeMetrics, type ServedRequestRecord, type ServeMetricsOptions } from "../metrics.ts";
import type { OptionalEndpoint } from "../optional-endpoints.ts";
import { accountAnswers } from "../response-account.ts";
import type { ResponseObserver } from "../response-observer.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { AnswerDefaults } from "./answer-defaults.ts";
import { ApiKeys } from "./api-keys.ts";
import { bodyRead } from "./body.ts";
import { consoleApi, consoleError } from "./console-api.ts";
import { consoleLocation } from "./console-paths.ts";
import { type Contract, type ContractRoute, errorAnswer, withoutPrefix } from "./contract.ts";
import { contracts } from "./contracts.ts";
import { endpointAt, refuseDisabled } from "./disabled-endpoints.ts";
import { endpointLoad, loadFormatHeader, loadHeader } from "./endpoint-load.ts";
import { type AppContext, type AppEnvironment, clientLeft, type Exchange, newId, type Services } from "./exchange.ts";
import { BatchRunner } from "./files/batch-runner.ts";
import { FileStore } from "./files/file-store.ts";
import type { FineTuning, KeepFile } from "./fine-tuning/port.ts";
import { type AllowedHosts, checkHost } from "./hosts.ts";
import { InferenceStatistics } from "./inference/statistics.ts";
import { llamaCpp } from "./llama-cpp/llama-cpp.ts";
import { ollama } from "./ollama/ollama.ts";
import { openAccount } from "./open-account.ts";
import { anonymous, type Caller } from "./owner.ts";
import { Permit } from "./permit.ts";
import { relaxedHeader } from "./relaxed.ts";
import { nameList } from "./request-fields.ts";
import { ResponseStore } from "./responses/store.ts";
import { isCopy, ownRequests, visits } from "./visited.ts";
import { wireError } from "./wire-error.ts";

export interface AppOptions extends Pick<ServeMetricsOptions, "watchFigures" | "storeFolder" | "usdPerCoreHour"> {
  readonly engines: Engines | readonly Engine[];
  /** Sentence encoders beside them, where `engines` is a list. */
  readonly encoders?: readonly EmbeddingEngine[];
  /** Loads and unloads versions of `engines` while the server runs. */
  readonly fleet?: Fleet;
  /** Whether whoever reaches the server may administer it and read the console; only `login`'s sessions and token when absent. */
  readonly admin?: boolean;
  /** Sessions of browsers and the token of local programs; without it and `admin`, the console and the administration are closed. */
  readonly login?: Login;
  /** Requests to the contracts need one of them; none is needed when absent. Where a gateway decides, its own count alone. */
  readonly apiKeys?: readonly string[];
  /** Why no model is served yet, and what to run: said by readiness and the console while there is none. */
  readonly noModels?: string;
  /** The model that is meant by requests which name none, or one that nobody knows; an error when absent. */
  readonly otherNames?: string;
  /** Adapters below it may be loaded on request, by those who may load models. */
  readonly adapterFolder?: string;
  /** Takes adapters that were made for other weights than the model's. */
  readonly adapterAnyBase?: boolean;
  /** Runs chat templates that requests bring (`chat_template`), within bounds; they are refused when absent. */
  readonly trustsChatTemplates?: boolean;
  /** What answers tell where a request does not ask for it. */
  readonly answers?: AnswerDefaults;
  /** Most likely tokens that a request may ask for beside each token; below 0 all of the vocabulary, 20 when absent. */
  readonly maxLogprobs?: number;
  /** Reads the record for the console. */
  readonly console?: ConsoleSource;
  /** The built console. */
  readonly page?: StaticPage;
  /** Loam's version. */
  readonly version?: string;
  /** Names that the server answers to; this machine's own when absent. */
  readonly hosts?: AllowedHosts;
  /** Pages of these origins are trusted as the server's own are, but for the administration; none when absent. */
  readonly corsOrigins?: readonly string[];
  /** Addresses that are turned off; none when absent. */
  readonly disabledEndpoints?: readonly OptionalEndpoint[];
  /** Keeps uploaded files and batches, and goes on with batches that were interrupted; a temporary one when absent. */
  readonly filesFolder?: string;
  /** The caller of a request, whose stored objects it may use; default: every request is anonymous. */
  readonly callerOf?: (request: Request) => Caller;
  /** Lets callers of different owners share computed prompt prefixes. Their time and `cached_tokens` then tell a caller that somebody sent the same prefix. */
  readonly sharedPrefixCache?: boolean;
  /** Sends a line of a batch for the caller who created it, by the note that `callerOf` gave then; default: the application itself answers it. */
  readonly batchLine?: (request: Request, note: string | null) => Promise<Response>;
  /** Carries fine-tuning jobs out; it is given where it may keep their result files. */
  readonly fineTuning?: (keep: KeepFile) => FineTuning;
  readonly heartbeatMs?: number;
  readonly clock?: Clock;
  /** Spans of every request; none when absent. */
  readonly tracing?: Tracing | undefined;
  /** One call a request, when its answer has ended. */
  readonly onRequest?: (record: ServedRequestRecord) => void;
  /** Told once of every response of a model, when it has ended. */
  readonly responses?: ResponseObserver;
  /** Keeps what clients say of responses (`/v1/feedback`); refused when absent. */
  readonly feedback?: FeedbackPort;
  /** Unknown failures, with the id that the client was given. */
  readonly onFailure?: (error: unknown, requestId: string) => void;
}

/** Of @hono/node-server's environment, what is looked at. */
interface Peer {
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined } };
}

export interface App {
  readonly engines: Engines;
  /** `peer`: of the socket. `authorize`: decides on the request where a gateway does. */
  fetch(request: Request, peer?: Peer, authorize?: AuthorizeRequest): Response | Promise<Response>;
  /** Requests whose answer has not ended. */
  readonly inFlight: number;
  /** Begins no further work of its own, and takes temporary files away. */
  close(): void;
}

/** A client's own id is echoed where it is harmless. */
const requestIdPattern = new RegExp(`^[\\w.:-]{1,${limits.requestIdCharacters}}$`);

const methods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const securityHeaders = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

const noConsole = `Loam serves the OpenAI API under /v1 (models, completions, chat/completions, responses, embeddings), metrics at /metrics,
liveness at /healthz, readiness at /readyz and /health. The web console is not built: run its build, or see the documentation.
`;

export function createApp(options: AppOptions): App {
  const { version = "0.0.0", clock = systemClock, hosts = "loopback", heartbeatMs = limits.heartbeatMs } = options;
  const disabled = new Set(options.disabledEndpoints);
  const page = disabled.has("console") ? undefined : options.page;
  const engines = options.engines instanceof Engines ? options.engines : new Engines(options.engines, options.encoders);
  if (options.otherNames !== undefined) engines.takeOtherNames(options.otherNames);
  const { fleet, admin = false, login, tracing, callerOf = () => anonymous } = options;
  /** Traces of requests under way, by the request's id. */
  const traces = new Map<string, string>();
  const metrics = createServeMetrics(engines, version, { ...options, traceOf: id => traces.get(id) });
  const created = () => Math.floor(clock.now() / 1000);
  const files = new FileStore(options.filesFolder);
  let runner: BatchRunner | undefined;
  const batches = () => {
    runner ??= new BatchRunner({
      store: files,
      engines,
      created,
      ask: async (request, { owner = null, caller = null }) => {
        if (options.batchLine) return options.batchLine(request, caller);
        callers.set(request, { owner, usesUnowned: owner === null, note: caller });
        return app.fetch(request, {});
      },
      onFailure: (error, place) => options.onFailure?.(error, place),
    });
    return runner;
  };
  const services: Services = {
    engines,
    fleet,
    admin,
    login,
    adapterFolder: options.adapterFolder,
    adapterAnyBase: options.adapterAnyBase,
    trustsChatTemplates: options.trustsChatTemplates,
    answers: options.answers,
    maxLogprobs: options.maxLogprobs,
    created,
    started: created(),
    disabled,
    clock,
    version,
    heartbeatMs,
    files,
    batches,
    responses: new ResponseStore(),
    feedback: options.feedback,
    statistics: new InferenceStatistics(engines, () => clock.now()),
    fineTuning: options.fineTuning?.(
      (name, content, owner) => files.add({ owner }, name, "fine-tune-results", Buffer.from(content), created()).id,
    ),
  };
  const cors = corsRules(options.corsOrigins ?? []);
  const app = new Hono<AppEnvironment>();
  const callers = ownRequests();
  const keys = new ApiKeys(options.apiKeys ?? [], login);
  const visited = visits(engines, (request, caller) => {
    callers.set(request, caller);
    return app.fetch(request, {});
  });
  if (tracing) engines.watch(engine => tracing.watch(engine));
  const { responses } = options;
  if (responses) accountAnswers(engines, responses);
  let inFlight = 0;
  /** Of them, those that a model answers. */
  let answering = 0;

  app.use("*", async (c, next) => {
    const startMs = clock.monotonic();
    const own = c.req.header("x-request-id");
    const requestId = own !== undefined && requestIdPattern.test(own) ? own : newId("req");
    let isFinished = false;
    const traceparent = c.req.header("traceparent");
    // probes, scrapes and the console's looks would be most of the traces: reading is traced where its caller is
    const isTraced = traceparent !== undefined || !["GET", "HEAD"].includes(c.req.method);
    const trace = isTraced
      ? tracing?.request({
          id: requestId,
          method: methods.includes(c.req.method) ? c.req.method : "_OTHER",
          url: new URL(c.req.url),
          traceparent,
          tracestate: c.req.header("tracestate"),
        })
      : undefined;
    if (trace?.traceId) traces.set(requestId, trace.traceId);
    const caller = () => callers.get(c.req.raw) ?? callerOf(c.req.raw);
    const exchange: Exchange = {
      requestId,
      startMs,
      caller,
      prefixOwner: () => (options.sharedPrefixCache ? null : caller().owner),
      route: "unknown",
      isOriginTrusted: cors.allows(c.req.header("origin") ?? ""),
      isStreaming: false,
      otherNames: engines.otherNames,
      finish: (status, error) => {
        if (isFinished) return;
        isFinished = true;
        inFlight--;
        if (exchange.isAnswer) answering--;
        const { route, operation, engine, inputTokens } = exchange;
        if (trace?.traceId) queueMicrotask(() => traces.delete(requestId));
        trace?.end({ route, operation, status, error, model: engine?.model.id, body: exchange.body ?? bodyRead(c.req.raw), inputTokens });
        exchange.account?.ended(status, error);
        if (isCopy(c.req.raw)) return;
        const method = methods.includes(c.req.method) ? c.req.method : "other";
        const ms = clock.monotonic() - startMs;
        const record = { id: requestId, method, route, status, ms, ...defined({ error }) };
        metrics.request(record);
        options.onRequest?.(record);
      },
    };
    c.set("exchange", exchange);
    inFlight++;
    await (trace ? trace.within(next) : next());
    c.res.headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(securityHeaders)) c.res.headers.set(name, value);
    if (exchange.ignored) c.res.headers.set("x-loam-ignored", nameList(exchange.ignored));
    if (exchange.relaxed) c.res.headers.set("x-loam-relaxed", relaxedHeader(exchange.relaxed));
    if (exchange.commonThreshold) c.res.headers.set(commonThresholdHeader, String(exchange.commonThreshold));
    // where a gateway decides, its callers are not told of one another's load
    const load = c.env?.authorize ? undefined : endpointLoad(c.req.header(loadFormatHeader), exchange.engine);
    if (load !== undefined) c.res.headers.set(loadHeader, load);
    if (engines.isLeaving) c.res.headers.set("connection", "close");
    if (exchange.isStreaming) return;
    const { signal } = c.req.raw;
    const left = signal.aborted && !isLate(signal);
    exchange.finish(left ? clientLeft : c.res.status, c.error ? codeOf(c.error) : undefined);
  });
  app.use("*", async (c, next) => {
    const { host, pathname } = new URL(c.req.url);
    checkHost(hosts, c.req.header("host") ?? host);
    const fault = pathFault(pathname);
    if (fault !== undefined) throw serveErrors.fail("parameter", { place: "path", message: `the address ${fault}` });
    const endpoint = disabled.size > 0 ? endpointAt(pathname, path => ofConsole.owns(path)) : undefined;
    if (endpoint !== undefined && disabled.has(endpoint)) {
      if (endpoint === "sequences") c.var.exchange.contract = llamaCpp;
      refuseDisabled(endpoint, pathname);
    }
    await next();
  });

  /** Around what is no contract's: the gateway's refusal, where there is one. */
  const refusedAt = (
    c: AppContext,
    name: string,
    endpoint: ContractRoute["endpoint"] = "other",
  ): Promise<Response | undefined> | undefined => c.env.authorize && new Permit(c, { path: name, endpoint }, c.env.authorize).ask();

  const named = (c: AppContext, name: string, contract: Contract | undefined, operation?: ContractRoute["operation"]) => {
    c.var.exchange.route = name;
    c.var.exchange.operation = operation;
    if (contract) c.var.exchange.contract = contract;
    return c;
  };
  const refuseOtherMethods = (path: string, routes: readonly ContractRoute[], contract: Contract | undefined) => {
    const allowed = [...new Set(routes.flatMap(r => (r.method === "GET" ? ["GET", "HEAD"] : [r.method])))];
    app.all(path, async c => {
      const refused = await refusedAt(c, path, routes[0]!.endpoint);
      if (refused) return refused;
      named(c, routes[0]!.name ?? path, contract).var.exchange.allow = allowed.join(", ");
      const expected = allowed.filter(m => m !== "HEAD").join(" or ");
      throw serveErrors.fail("method", { place: c.req.path.slice(0, 200), expected, received: c.req.method.slice(0, 20) });
    });
  };
  /** Addresses of several contracts: other methods are refused when all are known. */
  const shared = new Map<string, { readonly contract: Contract | undefined; readonly routes: ContractRoute[] }>();
  const on = (given: readonly ContractRoute[], contract?: Contract) => {
    const routes = given.map(route => ({ endpoint: contract?.endpoint ?? "other", ...route }));
    for (const row of routes)
      app.on(row.method, row.path, c => {
        const { exchange } = named(c, row.name ?? row.path, contract, row.operation).var;
        if (row.uses === "answer" && !isCopy(c.req.raw)) {
          exchange.isAnswer = true;
          answering++;
        }
        if (responses && contract && row.uses === "answer")
          exchange.account = openAccount(c, contract, row, { observer: responses, clock, onFailure: options.onFailure });
        if (contract && !c.env?.authorize && !callers.has(c.req.raw)) exchange.keyOwner = keys.check(c);
        return visited(c, services, row);
      });
    for (const path of new Set(routes.map(r => r.path))) {
      const of = routes.filter(r => r.path === path);
      if (!isShared(path)) refuseOtherMethods(path, of, contract);
      else shared.set(path, { contract, ...shared.get(path), routes: [...(shared.get(path)?.routes ?? []), ...of] });
    }
  };
  const ofServer = (path: string, handle: ContractRoute["handle"]) => on([{ method: "GET", path, handle }]);

  app.use("*", async (c, next) => {
    const { pathname } = new URL(c.req.url);
    const contract = contracts.find(k => k.prefix !== undefined && (pathname === k.prefix || pathname.startsWith(`${k.prefix}/`)));
    if (contract) c.var.exchange.contract = contract;
    await next();
  });
  ofServer("/healthz", c => c.json({ status: "ok" }));
  const states = () =>
    fleet ? fleet.list().map(v => [v.id, v.engine ?? v.state]) : [...engines.all(), ...engines.encoders()].map(e => [e.model.id, e.state]);
  /** Why a server is not ready, for people and supervisors. */
  const reasonOf = (): string => {
    if (engines.isLeaving) return "The server shuts down.";
    const known = states();
    if (known.length === 0) return options.noModels ?? "No model is loaded yet.";
    // a probe has no key, and policies may hide a model's name
    return options.callerOf ? "No model is loaded yet." : known.map(([id, state]) => `${id}: ${state}`).join(", ");
  };
  const readiness = (words: { readonly ready: string; readonly error?: () => object }) => (c: AppContext) => {
    const model = c.req.query("model");
    const isReady = !engines.isLeaving && (model === undefined ? engines.isReady : engines.isModelReady(model));
    const status = isReady ? words.ready : engines.isLeaving ? "draining" : "not ready";
    // a probe has no key, and policies may hide a model's name
    const models = options.callerOf ? {} : { models: Object.fromEntries(states()) };
    return c.json({ status, ...(isReady ? {} : (words.error?.() ?? { reason: reasonOf() })), ...models }, isReady ? 200 : 503);
  };
  ofServer("/readyz", readiness({ ready: "ready" }));
  // the names that llama.cpp, vLLM and their probes use, in llama.cpp's words; vLLM's clients look at the status alone
  const loading = () => ({
    error: { code: 503, message: (states().length === 0 && options.noModels) || "Loading model", type: "unavailable_error" },
  });
  for (const path of ["/health", "/v1/health"]) ofServer(path, readiness({ ready: "ok", error: loading }));
  ofServer("/version", c => c.json({ version }));
  // vLLM's: requests under way that a model answers, which a router chooses by
  ofServer("/load", c => c.json({ server_load: answering }));
  ofServer("/openapi.json", async c => {
    const { serverDocument } = await import("./openapi/server-document.ts");
    return c.json(serverDocument(version, !c.env?.authorize));
  });
  const pageHeaders = { "process-start-time-unix": String(services.started), vary: "accept" };
  ofServer("/metrics", async c =>
    acceptsOpenMetrics(c.req.header("accept"))
      ? c.body(await metrics.openText(), 200, { ...pageHeaders, "content-type": metrics.openContentType })
      : c.body(await metrics.text(), 200, { ...pageHeaders, "content-type": metrics.contentType }),
  );

  const noAddress = (c: AppContext): never => {
    const place = `${c.req.method} ${new URL(c.req.url).pathname}`.slice(0, 200);
    throw serveErrors.fail("unknownUrl", { place, message: "there is nothing at this address" });
  };

  if (login)
    for (const path of loginPaths)
      app.all(path, async (c, next) => {
        c.var.exchange.route = path;
        return (await login.answer(c.req.raw, c.env?.address ?? "unknown")) ?? next();
      });
  for (const contract of contracts) on(contract.routes, contract);
  for (const contract of contracts) on(withoutPrefix(contract, contracts), contract);
  // an address that ends in a word is no name
  const words = [...shared].sort(([a], [b]) => Number(/:[^/]*$/.test(a)) - Number(/:[^/]*$/.test(b)));
  for (const [path, { contract, routes }] of words) refuseOtherMethods(path, routes, contract);

  app.use("/api/*", async (c, next) => {
    c.var.exchange.route = "/api";
    const refused = await refusedAt(c, "/api", "admin");
    if (refused) return refused;
    if (ofConsole.owns(c.req.path)) return next();
    c.var.exchange.route = "unknown";
    c.var.exchange.contract = ollama;
    return noAddress(c);
  });
  const { fineTuning } = services;
  const ofConsole = consoleApi({
    ...{ engines, fleet, source: options.console, admin, login, version, clock, fineTuning, heartbeatMs },
    noModels: options.noModels,
  });
  app.route("/api", ofConsole.routes);

  app.get("*", async (c, next) => {
    const { pathname } = new URL(c.req.url);
    if (pathname.startsWith("/v1/") || pathname === "/v1") return next();
    const refused = await refusedAt(c, "console");
    if (refused) return refused;
    const file = page && staticResponse(page, c.req.raw);
    if (file) {
      c.var.exchange.route = "console";
      return file;
    }
    const location = page && consoleLocation(c.req.raw);
    if (location !== undefined) {
      c.var.exchange.route = "console";
      return c.redirect(location);
    }
    if (pathname !== "/" || disabled.has("console")) return next();
    c.var.exchange.route = "/";
    return c.text(noConsole);
  });

  app.notFound(async c => {
    const refused = await refusedAt(c, "unknown");
    if (refused) return refused;
    return noAddress(c);
  });

  app.onError((error, c) => {
    const { exchange } = c.var;
    const wire = wireError(error, exchange.requestId);
    if (wire.status >= 500 && !noFailure.includes(wire.status)) options.onFailure?.(error, exchange.requestId);
    const isConsole = exchange.route === "/api";
    const { status, body } = isConsole ? consoleError(error, exchange.requestId) : errorAnswer(wire, exchange.contract);
    const headers = new Headers({ "content-type": "application/json" });
    if (status === 429 || status === 503) headers.set("retry-after", String(exchange.engine?.retryAfterSeconds ?? retryUnknownSeconds));
    if (status === 401) headers.set("www-authenticate", 'Bearer realm="loam"');
    if (exchange.allow !== undefined) headers.set("allow", exchange.allow);
    return new Response(JSON.stringify(body), { status, headers });
  });

  if (options.filesFolder !== undefined && files.isUsed) batches();
  return {
    engines,
    fetch: (request, peer, authorize) => app.fetch(request, { address: peer?.incoming?.socket.remoteAddress, authorize }),
    get inFlight() {
      return inFlight;
    },
    close: () => {
      ofConsole.close();
      runner?.close();
      files.close();
    },
  };
}

/** Statuses that say nothing of a failure: turned off, no room or not ready, and a time that the request set itself. */
const noFailure: readonly number[] = [501, 503, 504];

/** When a client should come back where nothing is known about the queue. */
const retryUnknownSeconds = 2;

/** Models have addresses of OpenAI's, llama.cpp's and SageMaker's. */
const isShared = (path: string): boolean => path === "/models" || path.startsWith("/models/");

const codeOf = (error: unknown): string => wireError(error, "").ours;
