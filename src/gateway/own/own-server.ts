/**
 * The server of the same process behind the gateway, for addresses that the gateway does not have: the client is authenticated, the server routes the
 * request and says what it is for (`server-port.ts`), policies and limits decide, and then the server answers. So nothing of a server with a gateway is
 * reached without a key, and no model by another way than the one that policies judged, whichever contract a client speaks.
 */
import { isRow } from "../../protocols/index.ts";
import { mayAdminister } from "../admin/roles.ts";
import type { Identity } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import { contentBytes } from "../http/ask.ts";
import type { Handle } from "../http/ask-model.ts";
import { admitted, allowed, notDenied, reserved } from "../http/door.ts";
import type { Exchange } from "../http/exchange.ts";
import { ownerHeader, ownerValue } from "../owners/owner.ts";
import { bodyParameters, parametersIn } from "../policy/parameters.ts";
import { callerHeader } from "./callers.ts";
import type { Authorize, NamedModel, OwnServer, RoutedRequest } from "./server-port.ts";
import { bytesPerToken, TokensWritten } from "./tokens-written.ts";
import { checkUnguarded } from "./unguarded.ts";

/** Of the answer, what the gateway or its socket writes anew. */
const ownHeaders = ["connection", "content-length", "keep-alive", "transfer-encoding", "x-request-id"];
/** Of the request: credentials are the gateway's, not the server's; the caller is whom the gateway names; and the body goes on decoded. */
const ungiven = ["authorization", "x-api-key", "api-key", "cookie", callerHeader, ownerHeader, "content-encoding", "content-length"];

type Body = Readonly<Record<string, unknown>>;

/** A column of one value each, or of one value for all. */
const valuesOf = (column: unknown): readonly unknown[] => (Array.isArray(column) ? column : [column]);

/** Where the contracts have parameters: in the body, in a part of it, or in each row of TensorFlow's, which may come as columns. */
function partsOf(body: Body): Body[] {
  const { options, parameters, instances, inputs } = body;
  const rows = Array.isArray(instances) ? instances : [];
  const columns = isRow(inputs) ? bodyParameters.flatMap(name => valuesOf(inputs[name]).map(value => ({ [name]: value }))) : [];
  return [body, options, parameters, ...rows, ...columns].filter(isRow);
}

/** Counts what goes through; `done` once, however it ends. */
function counted(body: ReadableStream<Uint8Array>, add: (piece: Uint8Array) => void, done: (isWhole: boolean) => void) {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value } = await reader.read();
        if (value) {
          add(value);
          return controller.enqueue(value);
        }
        done(true);
        controller.close();
      } catch (error) {
        done(false);
        controller.error(error);
      }
    },
    async cancel(reason) {
      done(false);
      await reader.cancel(reason);
    },
  });
}

/** A route of the configuration that the model is called by, one with guards before others. */
function routeOf({ config }: Gateway, { model, also = [] }: RoutedRequest) {
  const names = model === undefined ? [] : [model, ...also.map(a => a.model)];
  const found = names.flatMap(name => config.routes.get(name) ?? []);
  return found.find(r => r.guards.length > 0) ?? found[0];
}

interface Asking {
  readonly gateway: Gateway;
  readonly exchange: Exchange;
  readonly identity: Identity;
  readonly request: Request;
  readonly sizeBytes: number;
}

/** Decides on what the server would do, and holds room for it once. Errors: those of the door, gateway/unguarded. */
async function decided({ gateway, exchange, identity, request, sizeBytes }: Asking, routed: RoutedRequest): Promise<void> {
  const { control } = gateway;
  const { endpoint, asksModel, isDeferred, body = {}, model = null, label = null, also = [] } = routed;
  exchange.path = routed.name;
  const route = routeOf(gateway, routed);
  // only names that the configuration has go into logs and metrics
  if (route) exchange.model = route.name;
  const parameters = parametersIn(partsOf(body));
  const action = { endpoint, model, label, parameters, dataClass: request.headers.get("x-loam-data-class") };
  if (!routed.isUnknown) {
    allowed(control, identity, action);
    for (const name of also) notDenied(control, identity, { ...action, ...name });
    if (route && route.name !== model) notDenied(control, identity, { ...action, model: route.name });
  }
  // lines that come back through the gateway are looked at there
  const isUnseen = isDeferred && !gateway.callers;
  if (asksModel || isUnseen) checkUnguarded(routed.name, isUnseen ? undefined : route, gateway.config.routes);
  if (endpoint === "admin") mayAdminister(control, identity, request.method === "GET" ? "look" : "change");
  if (exchange.reservation) return;
  const wanted = parameters.max_tokens;
  const most = route?.maxOutputTokens ?? 0;
  exchange.inputTokens = asksModel ? Math.ceil(sizeBytes / bytesPerToken) : 0;
  const maxOutputTokens = !asksModel ? 0 : typeof wanted === "number" && Number.isFinite(wanted) ? Math.ceil(wanted) : most;
  const demand = { inputTokens: exchange.inputTokens, maxOutputTokens, bytes: sizeBytes };
  exchange.reservation = await reserved(control, gateway.metrics, { identity, model: route?.name ?? model, ip: exchange.ip }, demand);
}

type SeenModel = Parameters<NonNullable<Authorize["sees"]>>[0];

/** Whether `decided` would let a request be told of a model. */
function isSeen({ gateway: { control, config }, identity, request }: Asking, { model, label, also }: SeenModel): boolean {
  const action = { endpoint: "models", model, label, dataClass: request.headers.get("x-loam-data-class") } as const;
  const route = [model, ...also.map(a => a.model)].flatMap(name => config.routes.get(name) ?? [])[0];
  const others = [...also, ...(route ? [{ model: route.name, label }] : [])];
  const isDenied = (name: NamedModel) => {
    const { allowed, policy } = control.decide(identity, { ...action, ...name });
    return !allowed && policy !== null;
  };
  return control.decide(identity, action).allowed && !others.some(isDenied);
}

/** The server's answer to a request that was decided on. Errors: those of `decided`. */
async function servedAs(serve: OwnServer, asking: Asking): Promise<{ readonly response: Response; readonly isCounted: boolean }> {
  let refusal: { readonly error: unknown } | undefined;
  let isDecided = false;
  let asksModel = false;
  const authorize = async (routed: RoutedRequest): Promise<Response | undefined> => {
    try {
      await decided(asking, routed);
      isDecided = true;
      asksModel = routed.asksModel;
      asking.exchange.target = "server";
      return undefined;
    } catch (error) {
      refusal = { error };
      return new Response(null, { status: 403 });
    }
  };
  const sees: Authorize["sees"] = use => isSeen(asking, use);
  const response = await serve(asking.request, Object.assign(authorize, { sees }));
  if (!refusal && (isDecided || response.status >= 400)) return { response, isCounted: asksModel && response.ok };
  await response.body?.cancel();
  throw refusal ? refusal.error : new TypeError("the server has answered a request that was not decided on");
}

/** The handler of what the gateway has no address for. Errors: those of the door, gateway/tooLarge, unguarded. */
export const ownServer =
  (gateway: Gateway, serve: OwnServer): Handle =>
  async (request, exchange, end) => {
    gateway.checkRoom();
    const identity = await admitted(gateway.control, request.headers, exchange);
    const bytes = request.body ? await contentBytes(request) : undefined;
    const headers = new Headers(request.headers);
    for (const name of ungiven) headers.delete(name);
    headers.set(ownerHeader, ownerValue(gateway.control, identity));
    if (gateway.callers) headers.set(callerHeader, gateway.callers.note(identity, request.headers.get("x-loam-data-class")));
    headers.set("x-request-id", exchange.id);
    const { url, method, signal } = request;
    const given = new Request(url, { method, headers, signal, body: (bytes ?? null) as Uint8Array<ArrayBuffer> | null });
    const asking = { gateway, exchange, identity, request: given, sizeBytes: bytes?.length ?? 0 };
    const { response, isCounted } = await servedAs(serve, asking);
    exchange.firstMs = gateway.clock.monotonic() - exchange.startMs;
    const kept = new Headers(response.headers);
    for (const name of ownHeaders) kept.delete(name);
    const tokens = new TokensWritten(kept.get("content-type") ?? "");
    const { inputTokens } = exchange;
    const over = (status: number) =>
      end({ status, usage: isCounted ? tokens.counted(inputTokens) : { inputTokens: 0, outputTokens: 0, cachedTokens: 0 } });
    const answer = { status: response.status, headers: { ...Object.fromEntries(kept), ...exchange.reservation?.headers() } };
    if (!response.body) {
      over(response.status);
      return { ...answer, body: "" };
    }
    return {
      ...answer,
      body: counted(
        response.body,
        piece => {
          if (isCounted) tokens.add(piece);
        },
        isWhole => over(isWhole ? response.status : 499),
      ),
    };
  };
