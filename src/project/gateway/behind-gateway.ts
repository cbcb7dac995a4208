/**
 * A project's server with its gateway before it, in one process: the gateway's address is the public one, requests for a model go on to the server
 * without a socket, and what the gateway has no address for is the server's own behind the same door. Without a key or a session answer only: probes
 * and the console's files.
 */
import type { Writable } from "node:stream";
import { defined } from "../../base/index.ts";
import { followConfig, Gateway, noticeText, type RequestRecord, type ServeHere } from "../../gateway/index.ts";
import { type App, type AuthorizeRequest, consoleLocation } from "../../serve/index.ts";
import { Login } from "../../session/index.ts";
import type { ReadWatchFigures } from "../../tracing/index.ts";
import { projectErrors } from "../errors.ts";
import { ownPackage } from "../package.ts";
import { findProject, type ProjectFile, projectFile } from "../project-file.ts";
import { type Feedback, gatewayFeedback } from "../watching/feedback/index.ts";
import { consoleIdentity, withConsole } from "./console-session.ts";
import { demoRequest } from "./demo-curl.ts";
import { demoKey } from "./demo-key.ts";
import { servicesFor } from "./follow-service.ts";
import { joinedMetrics, joinedModels, type ModelList } from "./joined-answers.ts";
import { openFor } from "./open-control.ts";
import { type ProjectGateway, type ProjectGatewayGiven, projectGateway } from "./project-part.ts";
import { logOf, watching } from "./watching.ts";

export interface BehindOptions {
  readonly project: ProjectFile;
  readonly app: App;
  /** Where the server listens. */
  readonly host: string;
  readonly port: number;
  readonly isLoopback: boolean;
  /** Names of the models that the server has now. */
  readonly names: () => readonly string[];
  /** Of the server: the gateway tells it of responses of other servers. */
  readonly feedback?: Feedback | undefined;
  readonly warn: (text: string) => void;
  /** Where a log to `stdout` goes; default: nowhere. */
  readonly stdout?: Writable | undefined;
  readonly onRequest?: (record: RequestRecord) => void;
  /** What monitors say, for /metrics. */
  readonly watchFigures?: ReadWatchFigures;
}

export interface BehindGateway {
  readonly gateway: Gateway;
  /** The server's application with the gateway before it; `listen` takes it. */
  readonly app: App;
  readonly login: Login;
  /** The demo's key; undefined where the file asks for none. */
  readonly demo: string | undefined;
  /** Models have come or gone. */
  refresh(): void;
  /** Is not ready from now on; each answer is the last of its connection. */
  leave(): void;
  close(): Promise<void>;
}

/** Answers without a key: for supervisors, and the page's own files, which are the same for everybody. */
const open = /^\/(health|v1\/health|healthz|readyz|ping|v2\/health\/(live|ready)|index\.html|icon\.svg|assets\/[\w.-]+)?$/;
/** What the console reads and writes of the project: whoever is signed in reaches it past the gateway, keys through it. */
const consoleData =
  /^\/api\/(overview|models|runs|run-table|evaluations|graph|data|labels|releases|reports|logged|engine|serving|watch|governance|deployments|events|openapi\.json)(\/|$)/;

/** Nothing but the console's routes, whatever the path is read as. */
const consolesOwn: AuthorizeRequest = async ({ endpoint }) => (endpoint === "admin" ? undefined : new Response(null, { status: 403 }));

/** Errors: those of `projectGateway`, of the state. A demo key is given on the loopback address alone. */
export async function behindGateway(options: BehindOptions): Promise<BehindGateway | undefined> {
  const { app, project, isLoopback, warn } = options;
  const serveHere: ServeHere = request => app.fetch(request);
  const given = (): ProjectGatewayGiven => ({ names: options.names(), host: options.host, port: options.port, here: serveHere });
  const first = await projectGateway(project, given());
  if (!first) return undefined;
  const demoSubject = isLoopback ? first.demoSubject : undefined;
  if (demoSubject !== first.demoSubject)
    warn(
      `loam: ${projectFile}: gateway.demoKey: no demo key is given on an address that other machines reach (${options.host}). Make keys: loam gateway keys create NAME --subject USER.`,
    );
  const control = await openFor(first.config, warn);
  let gateway: Gateway;
  let demo: string | undefined;
  const login = new Login({
    info: { gateway: true, record: true },
    secretInfo: () => ({
      demo: demo === undefined ? null : { key: demo, ...demoRequest(app.engines, gateway.config.routes, options.names()) },
    }),
  });
  const log = logOf(first.config, options);
  try {
    gateway = await Gateway.open({
      config: first.config,
      control: withConsole(control, login),
      login,
      server: (request, authorize) => app.fetch(request, undefined, authorize),
      later: { own: [consoleIdentity] },
      ...(options.feedback ? { feedback: gatewayFeedback(options.feedback) } : {}),
      ...(await watching(first.config, undefined, warn)),
      version: ownPackage().version,
      ...servicesFor(warn),
      onRequest: record => {
        log.write(record);
        options.onRequest?.(record);
      },
      ...defined({ watchFigures: options.watchFigures }),
      onShadow: record => log.copy(record),
      onFailure: (error, id) => warn(`loam gateway: request ${id}: ${error instanceof Error ? error.message : String(error)}`),
      onHealth: (upstream, isHealthy) => warn(`loam gateway: ${upstream} ${isHealthy ? "is healthy again" : "failed its probe"}`),
      onNotice: notice => {
        const text = noticeText(notice);
        if (text !== undefined) warn(`loam gateway: ${text}`);
      },
    });
    if (demoSubject !== undefined) demo = await demoKey(control, project.folder, demoSubject);
  } catch (error) {
    await control.close();
    await log.close();
    throw error;
  }

  const read = async (): Promise<ProjectGateway> => {
    const found = await projectGateway(findProject(project.folder), given());
    if (found) return found;
    throw projectErrors.fail("reference", {
      place: `${projectFile}: gateway`,
      expected: "the part that the server was started with",
      received: "none",
      hint: "Start the server again to serve without a gateway.",
    });
  };
  const following = await followConfig({
    path: project.file,
    gateway,
    read: async () => (await read()).config,
    onReload: error => {
      if (error !== undefined)
        warn(`loam gateway: ${projectFile} was not taken up: ${error instanceof Error ? error.message : String(error)}`);
    },
  });

  /** A page that looks every second uses up no limits and stands in no usage. What is refused, the gateway refuses in its words. */
  const isSignedIn = ({ headers, method }: Request): boolean => {
    try {
      const isKnown = login.callerOf(name => headers.get(name), method) !== undefined;
      return isKnown && gateway.control.decide(consoleIdentity, { endpoint: "admin", model: null }).allowed;
    } catch {
      return false;
    }
  };
  /** Both sets of metrics, behind the gateway's own rule of who may read them. */
  const metrics = async (request: Request, peer: unknown): Promise<Response> => {
    const own = await gateway.fetch(request, peer as Parameters<Gateway["fetch"]>[1]);
    if (!own.ok) return own;
    const accept = request.headers.get("accept");
    const headers = { host: new URL(request.url).host, ...(accept === null ? {} : { accept }) };
    const server = await app.fetch(new Request(request.url, { headers }));
    return new Response(joinedMetrics(await own.text(), await server.text()), { status: 200, headers: own.headers });
  };
  /** For the console alone: others have no use for the versions behind a name that they may use. */
  const models = async (request: Request, peer: unknown): Promise<Response> => {
    const own = await gateway.fetch(request, peer as Parameters<Gateway["fetch"]>[1]);
    if (!own.ok || login.callerOf(name => request.headers.get(name), request.method) === undefined) return own;
    const server = await app.fetch(new Request(request.url, { headers: { host: new URL(request.url).host } }));
    return Response.json(joinedModels((await own.json()) as ModelList, (await server.json()) as ModelList), {
      headers: { "cache-control": "no-store" },
    });
  };
  const fetch: App["fetch"] = async (request, peer) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/metrics" && request.method === "GET") return metrics(request, peer);
    if (pathname === "/v1/models" && request.method === "GET") return models(request, peer);
    const isReading = request.method === "GET" || request.method === "HEAD";
    if ((isReading && open.test(pathname)) || consoleLocation(request) !== undefined) return app.fetch(request);
    if (consoleData.test(pathname) && isSignedIn(request)) return app.fetch(request, undefined, consolesOwn);
    return gateway.fetch(request, peer as Parameters<Gateway["fetch"]>[1]);
  };
  let offered = [...options.names()].sort().join();
  return {
    gateway,
    app: {
      engines: app.engines,
      fetch,
      get inFlight() {
        return Math.max(app.inFlight, gateway.inFlight);
      },
      close: () => app.close(),
    },
    login,
    demo,
    refresh: () => {
      const names = [...options.names()].sort().join();
      if (!first.followsModels || names === offered) return;
      offered = names;
      void following.reload();
    },
    leave: () => gateway.leave(),
    close: async () => {
      following.stop();
      gateway.cutOff();
      await gateway.close();
      await log.close();
    },
  };
}
