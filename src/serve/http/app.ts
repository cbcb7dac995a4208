/**
 * The HTTP application: routes to handlers, and around all of them a request id, the host check, security headers, errors in the form of each
 * contract, and one record a request for metrics and logs. It knows no sockets; `listen.ts` does.
 */
import { Hono } from "hono";
import { type Clock, systemClock } from "../../base/index.ts";
import type { ConsoleSource } from "../console-source.ts";
import type { Engine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { createMetrics, type RequestRecord } from "../metrics.ts";
import { chatCompletions } from "./chat.ts";
import { completions } from "./completions.ts";
import { consoleApi, consoleError } from "./console-api.ts";
import { type AppContext, type AppEnvironment, clientLeft, type Exchange, newId, type Services } from "./exchange.ts";
import { type AllowedHosts, checkHost } from "./hosts.ts";
import { listModels, oneModel } from "./models.ts";
import { staticFile } from "./static-files.ts";
import { wireError } from "./wire-error.ts";

export interface AppOptions {
  readonly engines: Engines | readonly Engine[];
  /** Reads the record for the console. */
  readonly console?: ConsoleSource;
  /** Folder of the built console. */
  readonly consoleFolder?: string;
  /** Loam's version. */
  readonly version?: string;
  /** Names that the server answers to; this machine's own when absent. */
  readonly hosts?: AllowedHosts;
  readonly heartbeatMs?: number;
  readonly clock?: Clock;
  /** One call a request, when its answer has ended. */
  readonly onRequest?: (record: RequestRecord) => void;
  /** Unknown failures, with the id that the client was given. */
  readonly onFailure?: (error: unknown, requestId: string) => void;
}

export interface App {
  readonly engines: Engines;
  fetch(request: Request): Response | Promise<Response>;
  /** Requests whose answer has not ended. */
  readonly inFlight: number;
}

/** A client's own id is echoed where it is harmless. */
const requestIdPattern = new RegExp(`^[\\w.:-]{1,${limits.requestIdCharacters}}$`);

const methods: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const securityHeaders = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

const noConsole = `Loam serves the OpenAI API under /v1 (models, completions, chat/completions), metrics at /metrics,
liveness at /healthz, readiness at /readyz. The web console is not built: run its build, or see the documentation.
`;

export function createApp(options: AppOptions): App {
  const { version = "0.0.0", clock = systemClock, hosts = "loopback", heartbeatMs = limits.heartbeatMs, consoleFolder } = options;
  const engines = options.engines instanceof Engines ? options.engines : new Engines(options.engines);
  const metrics = createMetrics(engines, version);
  const services: Services = { engines, created: () => Math.floor(clock.now() / 1000), heartbeatMs };
  const started = services.created();
  const app = new Hono<AppEnvironment>();
  let inFlight = 0;

  app.use("*", async (c, next) => {
    const startMs = clock.monotonic();
    const own = c.req.header("x-request-id");
    const requestId = own !== undefined && requestIdPattern.test(own) ? own : newId("req");
    let isFinished = false;
    const exchange: Exchange = {
      requestId,
      route: "unknown",
      isStreaming: false,
      finish: (status, error) => {
        if (isFinished) return;
        isFinished = true;
        inFlight--;
        const method = methods.includes(c.req.method) ? c.req.method : "other";
        const ms = clock.monotonic() - startMs;
        const record = { id: requestId, method, route: exchange.route, status, ms, ...(error === undefined ? {} : { error }) };
        metrics.request(record);
        options.onRequest?.(record);
      },
    };
    c.set("exchange", exchange);
    inFlight++;
    await next();
    c.res.headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(securityHeaders)) c.res.headers.set(name, value);
    if (engines.isDraining) c.res.headers.set("connection", "close");
    if (exchange.isStreaming) return;
    const left = c.req.raw.signal.aborted;
    exchange.finish(left ? clientLeft : c.res.status, c.error ? codeOf(c.error) : undefined);
  });
  app.use("*", async (c, next) => {
    checkHost(hosts, c.req.header("host") ?? new URL(c.req.url).host);
    await next();
  });

  const on = (method: "GET" | "POST", path: string, handle: (c: AppContext) => Response | Promise<Response>) => {
    const named = (c: AppContext) => {
      c.var.exchange.route = path;
      return c;
    };
    app.on(method, path, c => handle(named(c)));
    app.all(path, c => {
      named(c).var.exchange.allow = method === "GET" ? "GET, HEAD" : method;
      throw serveErrors.fail("method", { place: path, expected: method, received: c.req.method.slice(0, 20) });
    });
  };

  on("POST", "/v1/completions", c => completions(c, services));
  on("POST", "/v1/chat/completions", c => chatCompletions(c, services));
  on("GET", "/v1/models", c => listModels(c, services, started));
  on("GET", "/v1/models/:model{.+}", c => oneModel(c, services, started));
  on("GET", "/healthz", c => c.json({ status: "ok" }));
  on("GET", "/readyz", c => {
    const states = Object.fromEntries(engines.all().map(e => [e.model.id, e.state]));
    const status = engines.isDraining ? "draining" : engines.isReady ? "ready" : "not ready";
    return c.json({ status, models: states }, status === "ready" ? 200 : 503);
  });
  on("GET", "/metrics", async c => c.body(await metrics.text(), 200, { "content-type": metrics.contentType }));

  app.use("/api/*", async (c, next) => {
    c.var.exchange.route = "/api";
    await next();
  });
  app.route("/api", consoleApi({ engines, source: options.console, version, clock }));

  app.get("*", async (c, next) => {
    const { pathname } = new URL(c.req.url);
    if (pathname.startsWith("/v1/") || pathname === "/v1") return next();
    const file = consoleFolder === undefined ? undefined : await staticFile(c, consoleFolder);
    if (file) {
      c.var.exchange.route = "console";
      return file;
    }
    if (pathname !== "/") return next();
    c.var.exchange.route = "/";
    return c.text(noConsole);
  });

  app.notFound(c => {
    const place = `${c.req.method} ${new URL(c.req.url).pathname}`.slice(0, 200);
    throw serveErrors.fail("unknownUrl", { place, message: "there is nothing at this address" });
  });

  app.onError((error, c) => {
    const { exchange } = c.var;
    const wire = wireError(error, exchange.requestId);
    if (wire.status >= 500 && wire.status !== 503) options.onFailure?.(error, exchange.requestId);
    const isConsole = exchange.route === "/api";
    const { status, body } = isConsole ? consoleError(error, exchange.requestId) : wire;
    const headers = new Headers({ "content-type": "application/json" });
    if (status === 429 || status === 503) headers.set("retry-after", String(exchange.engine?.retryAfterSeconds ?? retryUnknownSeconds));
    if (exchange.allow !== undefined) headers.set("allow", exchange.allow);
    return new Response(JSON.stringify(body), { status, headers });
  });

  return {
    engines,
    fetch: request => app.fetch(request),
    get inFlight() {
      return inFlight;
    },
  };
}

/** When a client should come back where nothing is known about the queue. */
const retryUnknownSeconds = 2;

const codeOf = (error: unknown): string => wireError(error, "").ours;
