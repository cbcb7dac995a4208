/** What policies and limits say to a request for the server behind the gateway, once that server has said what the request is for. */

import { isRow } from "../../protocols/index.ts";
import { mayAdminister } from "../admin/roles.ts";
import type { GatewayExchange } from "../http/exchange.ts";
import type { Identity } from "../identity/contract.ts";
import { reserveRoom } from "../limits/reserve-room.ts";
import { checkAllowed, checkNotDenied } from "../policy/check-allowed.ts";
import { bodyParameters, parametersIn } from "../policy/parameters.ts";
import type { GatewayPorts } from "../ports.ts";
import type { Authorize, NamedModel, RoutedRequest } from "./server-port.ts";
import { bytesPerToken } from "./tokens-written.ts";
import { checkUnguarded } from "./unguarded.ts";

export interface AskedOfServer {
  readonly gateway: GatewayPorts;
  readonly exchange: GatewayExchange;
  readonly identity: Identity;
  readonly request: Request;
  readonly sizeBytes: number;
}

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

/** A request of which an answer has no length that the server obeys has said nothing of it, whatever stands elsewhere in its body. */
const isLengthSaid = ({ lengths = [] }: RoutedRequest): boolean => lengths.every(length => length !== undefined && length !== null);

/** A route of the configuration that the model is called by, one with guards before others. */
function routeOf({ config }: GatewayPorts, { model, also = [] }: RoutedRequest) {
  const names = model === undefined ? [] : [model, ...also.map(a => a.model)];
  const found = names.flatMap(name => config.routes.get(name) ?? []);
  return found.find(r => r.guards.length > 0) ?? found[0];
}

/** Decides on what the server would do, and holds room for it once. Errors: gateway/forbidden, gateway/unguarded, an answer that the limits wrote. */
export async function authoriseServed(
  { gateway, exchange, identity, request, sizeBytes }: AskedOfServer,
  routed: RoutedRequest,
): Promise<void> {
  const { control } = gateway;
  const { endpoint, asksModel, isDeferred, body = {}, model = null, label = null, also = [] } = routed;
  exchange.path = routed.name;
  const route = routeOf(gateway, routed);
  // only names that the configuration has go into logs and metrics
  if (route) exchange.model = route.name;
  const parameters = parametersIn(partsOf(body), isLengthSaid(routed));
  const action = { endpoint, model, label, parameters, dataClass: request.headers.get("x-loam-data-class") };
  if (!routed.isUnknown) {
    checkAllowed(control, identity, action);
    for (const name of also) checkNotDenied(control, identity, { ...action, ...name });
    if (route && route.name !== model) checkNotDenied(control, identity, { ...action, model: route.name });
  }
  // lines that come back through the gateway are looked at there
  const isUnseen = isDeferred && !gateway.callers;
  if (asksModel || isUnseen) checkUnguarded(routed.name, isUnseen ? undefined : route, gateway.config.routes);
  if (endpoint === "admin") mayAdminister(control, identity, request.method === "GET" ? "look" : "change");
  // reading pages uses up no limits and stands in no usage
  if (exchange.reservation || (exchange.isPageRead && !asksModel)) return;
  const wanted = parameters.max_tokens;
  const most = route?.maxOutputTokens ?? 0;
  exchange.inputTokens = asksModel ? Math.ceil(sizeBytes / bytesPerToken) : 0;
  const maxOutputTokens = !asksModel ? 0 : typeof wanted === "number" && Number.isFinite(wanted) ? Math.ceil(wanted) : most;
  const demand = { inputTokens: exchange.inputTokens, maxOutputTokens, bytes: sizeBytes };
  exchange.reservation = await reserveRoom(
    control.limits,
    gateway.metrics,
    { identity, model: route?.name ?? model, ip: exchange.ip },
    demand,
  );
}

type SeenModel = Parameters<NonNullable<Authorize["sees"]>>[0];

/** Whether `authoriseServed` would let a request be told of a model. */
export function isSeen({ gateway: { control, config }, identity, request }: AskedOfServer, { model, label, also }: SeenModel): boolean {
  const action = { endpoint: "models", model, label, dataClass: request.headers.get("x-loam-data-class") } as const;
  const route = [model, ...also.map(a => a.model)].flatMap(name => config.routes.get(name) ?? [])[0];
  const others = [...also, ...(route ? [{ model: route.name, label }] : [])];
  const isDenied = (name: NamedModel) => {
    const { allowed, policy } = control.decide(identity, { ...action, ...name });
    return !allowed && policy !== null;
  };
  return control.decide(identity, action).allowed && !others.some(isDenied);
}
