/**
 * The gateway as an application without sockets: addresses to handlers, a request id, errors in OpenAI's form, one record a request. A request
 * for a model goes: who is it, is it well formed, may they, is there room, to an upstream and back, what did it come to.
 */
import { Hono } from "hono";
import { pathFault, staticResponse } from "../../base/index.ts";
import { loginPaths } from "../../session/index.ts";
import { administered } from "../admin/page.ts";
import { adminPages } from "../admin/pages.ts";
import { mayReadMetrics } from "../admin/roles.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { ownServer } from "../own/own-server.ts";
import { aloneSession } from "../own/session.ts";
import { passedThrough } from "../passthrough/pass.ts";
import { passThroughOf } from "../passthrough/places.ts";
import { messages } from "../translate/messages.ts";
import { apis } from "./apis.ts";
import { answered, type Place, type Written } from "./around.ts";
import { askModel, type Handle, type Peer } from "./ask-model.ts";
import { countTokens } from "./count-tokens.ts";
import { admitted } from "./door.ts";
import type { Answer } from "./exchange.ts";
import { modelPages, modelPlace } from "./models.ts";
import type { Asked } from "./node-request.ts";
import { signable } from "./signable.ts";

export type AppFetch = (request: Request, peer?: Peer) => Promise<Response>;

function responseOf({ status, headers: list, body }: Written): Response {
  const headers = new Headers();
  for (let i = 0; i < list.length; i += 2) headers.set(list[i]!, list[i + 1]!);
  return new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers });
}

/** The addresses of requests for a model. */
export function modelPlaces(gateway: Gateway): ReadonlyMap<string, Place<Asked>> {
  const places = apis.map((api): Place<Asked> => ({ path: `/v1${api.path}`, handle: askModel(gateway, api), isHeld: true }));
  const chat = apis[0]!;
  places.push({ path: "/v1/messages", handle: askModel(gateway, chat, messages), isHeld: true, contract: messages });
  places.push({ path: "/v1/messages/count_tokens", handle: countTokens(gateway), contract: messages });
  return new Map(places.map(place => [place.path, place]));
}

export function createApp(gateway: Gateway): AppFetch {
  const answerAt = async (place: Place, request: Request, peer: Peer | undefined): Promise<Response> =>
    responseOf(await answered(gateway, { ...place, handle: signable(gateway, place.handle) }, request, peer));
  const around =
    (path: string, handle: Handle, isHeld = false) =>
    (request: Request, peer?: Peer): Promise<Response> =>
      answerAt({ path, handle, isHeld }, request, peer);

  const json = (value: unknown, status = 200): Answer => ({
    status,
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
  });

  const app = new Hono<{ Bindings: Peer }>();
  // a server behind the gateway has addresses and methods that the gateway has not
  const own = gateway.server && around("server", ownServer(gateway, gateway.server), true);
  const onEach = (path: string, handles: Readonly<Record<string, ReturnType<typeof around>>>) => {
    const allow = Object.keys(handles).join(", ").replace("GET", "GET, HEAD");
    const other = around(path, async request => {
      throw gatewayErrors.fail("method", { place: path, expected: allow, received: request.method.slice(0, 20) });
    });
    const byMethod = new Map(Object.entries(handles));
    if (handles.GET) byMethod.set("HEAD", handles.GET);
    // one handler an address: Hono then calls it without a chain
    app.all(path, async c => {
      const handle = byMethod.get(c.req.method);
      if (handle) return handle(c.req.raw, c.env);
      if (own) return own(c.req.raw, c.env);
      const response = await other(c.req.raw, c.env);
      response.headers.set("allow", allow);
      return response;
    });
  };
  const on = (method: "GET" | "POST", path: string, handle: ReturnType<typeof around>) => onEach(path, { [method]: handle });
  const places = modelPlaces(gateway);
  const at = (place: Place<Asked>) => (request: Request, peer?: Peer) => answerAt(place, request, peer);
  for (const [path, place] of places) on("POST", path, at(place));
  const pages = modelPages(gateway);
  const ofModels = (path: string, handle: Handle) => (request: Request, peer?: Peer) =>
    answerAt(modelPlace(path, handle, request), request, peer);
  const [list, one] = [ofModels("/v1/models", pages.list), ofModels("/v1/models/:model", pages.one)];
  on("GET", "/v1/models", list);
  on("GET", own ? "/v1/models/:model{[^/:]+}" : "/v1/models/:model{.+}", one);
  on(
    "GET",
    "/healthz",
    around("/healthz", async () => json({ status: "ok" })),
  );
  for (const path of ["/readyz", "/health"])
    on(
      "GET",
      path,
      around(path, async () => {
        const status = gateway.isDraining
          ? "draining"
          : gateway.runtime.upstreams().some(u => u.state().isAvailable)
            ? "ready"
            : "not ready";
        return json({ status }, status === "ready" ? 200 : 503);
      }),
    );
  on(
    "GET",
    "/metrics",
    around("/metrics", async (request, exchange) => {
      if (!gateway.config.hasOpenMetrics) mayReadMetrics(gateway.control, await admitted(gateway.control, request.headers, exchange));
      return { status: 200, body: await gateway.metrics.text(), headers: { "content-type": gateway.metrics.contentType } };
    }),
  );
  for (const { path, methods } of adminPages)
    onEach(path, Object.fromEntries(Object.entries(methods).map(([m, how]) => [m, around(path, administered(gateway, path, how))])));
  const { login } = gateway;
  if (login)
    for (const path of loginPaths) {
      const handle: Handle = async (request, { ip }) => {
        const response = await login.answer(request, ip ?? "unknown");
        if (response) return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
        throw gatewayErrors.fail("method", { place: path, expected: "another method", received: request.method.slice(0, 20) });
      };
      app.all(path, c => around(path, handle)(c.req.raw, c.env));
    }
  // the same for everybody: without a key
  for (const path of gateway.page?.keys() ?? [])
    on(
      "GET",
      path,
      around("page", async request => {
        const found = staticResponse(gateway.page!, request)!;
        return { status: found.status, headers: Object.fromEntries(found.headers), body: new Uint8Array(await found.arrayBuffer()) };
      }),
    );
  if (gateway.page && !login)
    on(
      "GET",
      "/api/session",
      around("/api/session", async () => json(aloneSession)),
    );
  const nowhere = around("unknown", async request => {
    const place = `${request.method} ${new URL(request.url).pathname}`.slice(0, 200);
    throw gatewayErrors.fail("unknownUrl", { place, message: "there is nothing at this address" });
  });
  const known = new Set([...places.keys(), "/v1/models"]);
  const through = around("passThrough", passedThrough(gateway, known), true);
  const isPassed = ({ url }: Request): boolean =>
    gateway.config.passThrough.length > 0 && passThroughOf(gateway.config.passThrough, new URL(url).pathname) !== undefined;
  /** The same without `/v1`, as clients ask that were written for a door without it; only where nothing else is. */
  const bare = ({ method, url }: Request) => {
    const { pathname } = new URL(url);
    const place = method === "POST" ? places.get(`/v1${pathname}`) : undefined;
    if (place) return at(place);
    if (method !== "GET" && method !== "HEAD") return undefined;
    return pathname === "/models" ? list : pathname.startsWith("/models/") ? one : undefined;
  };
  app.notFound(c => (isPassed(c.req.raw) ? through : (own ?? bare(c.req.raw) ?? nowhere))(c.req.raw, c.env));
  const crooked = around("unknown", async ({ url }) => {
    throw gatewayErrors.fail("parameter", { place: "path", message: `the address ${pathFault(new URL(url).pathname)}` });
  });
  return async (request, peer) =>
    pathFault(new URL(request.url).pathname) === undefined ? app.fetch(request, peer ?? {}) : crooked(request, peer);
}
