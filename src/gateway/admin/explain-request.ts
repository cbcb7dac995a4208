/**
 * Why a request would be allowed or not: what a method and a path ask for in the words of policies, and what the policies say to it; and where it
 * would go.
 */

import type { Action, Control, Explanation } from "../contract.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import { apis } from "../http/apis.ts";
import type { Identity } from "../identity/contract.ts";
import type { Parameters } from "../policy/parameter.ts";
import { listParameters, parametersIn, wordParameters } from "../policy/parameters.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { Runtime } from "../routing/runtime.ts";
import { type ExplainedRoute, explainRoute, headerReaderOf } from "./explain-route.ts";
import { adminPaths } from "./paths.ts";

const matches = (pattern: string, path: string): boolean => {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith(":") || part === given[i]);
};

/** Errors: gateway/parameter. */
export function endpointOf(method: string, path: string): Endpoint {
  const wrong = (place: string, expected: string, received: string) => gatewayErrors.fail("parameter", { place, expected, received });
  const { pathname } = new URL(path, "http://gateway");
  const wants = (m: string, endpoint: Endpoint): Endpoint => {
    if (method.toUpperCase() === m) return endpoint;
    throw wrong("method", `${m} ${pathname}`, JSON.stringify(method.slice(0, 20)));
  };
  const api = apis.find(a => `/v1${a.path}` === pathname);
  if (api) return wants("POST", api.endpoint);
  if (pathname === "/v1/messages") return wants("POST", "messages");
  if (pathname === "/v1/models" || pathname.startsWith("/v1/models/")) return wants("GET", "models");
  if (pathname === "/metrics" || adminPaths.some(p => matches(p, pathname))) return "admin";
  throw wrong(
    "path",
    `one of ${apis.map(a => `/v1${a.path}`).join(", ")}, /v1/messages, /v1/models, /metrics, ${adminPaths.join(", ")}`,
    JSON.stringify(pathname.slice(0, 100)),
  );
}

/** `max_tokens=200` as a number, `stream=true` as truth, the rest as text. Errors: gateway/parameter. */
function parameterOf(text: string): readonly [string, number | string | boolean] {
  const cut = text.indexOf("=");
  if (cut < 1) throw gatewayErrors.fail("parameter", { place: "set", expected: "KEY=VALUE", received: JSON.stringify(text.slice(0, 60)) });
  const value = text.slice(cut + 1);
  const isTruth = value === "true" || value === "false";
  return [text.slice(0, cut), isTruth ? value === "true" : value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value];
}

type Said = Readonly<Record<string, number | string | boolean>>;

const inside: readonly string[] = [...listParameters, ...wordParameters];

/** What lists and words of a body come to is said as it is: `tools=3`, `tools.type=function,web_search`. */
function parametersSaid(said: Said): Parameters {
  const isInside = ([name]: readonly [string, unknown]) => inside.includes(name);
  const given = Object.entries(said).filter(isInside);
  const plain = Object.fromEntries(Object.entries(said).filter(entry => !isInside(entry)));
  const several = given.map(([name, value]) => [name, typeof value === "string" && value.includes(",") ? value.split(",") : value]);
  return { ...parametersIn([plain]), ...(Object.fromEntries(several) as Parameters) };
}

export interface Explained extends Explanation {
  readonly identity: Identity;
  readonly action: Action;
  /** Null where the request names no model. */
  readonly route: ExplainedRoute | null;
}

export interface ExplainAsked {
  /** Id of a key. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** May carry a label (`chat@canary`). */
  readonly model: string | null;
  /** `KEY=VALUE` of the body. */
  readonly set: readonly string[];
  /** `NAME=VALUE`: `x-loam-data-class` is for policies, any of them for rules of routing. */
  readonly header?: readonly string[] | undefined;
  /** Length of the prompt in tokens, likewise; 0 when absent. */
  readonly tokens?: number | undefined;
}

/** `runtime`: of the running gateway, for the state of its servers. Errors: gateway/parameter, unknownKey, unknownSubject. */
export async function explainRequest(
  control: Control,
  routes: ReadonlyMap<string, ModelRoute>,
  asked: ExplainAsked,
  runtime?: Runtime,
): Promise<Explained> {
  const endpoint = endpointOf(asked.method, asked.path);
  const at = asked.model?.lastIndexOf("@") ?? -1;
  const named = at > 0 ? asked.model!.slice(0, at) : asked.model;
  const route = named === null ? undefined : routes.get(named);
  if (named !== null && !route)
    throw gatewayErrors.fail("parameter", {
      place: "model",
      expected: `one of ${[...routes.keys()].slice(0, 10).join(", ")}`,
      received: JSON.stringify(named.slice(0, 100)),
    });
  const identity = await control.identityOf(asked.key);
  const label = at > 0 ? asked.model!.slice(at + 1) : null;
  const body: Said = Object.fromEntries(asked.set.map(parameterOf));
  const headers = headerReaderOf(asked.header ?? []);
  // lists of models and administration are of no data
  const dataClass = endpoint === "models" || endpoint === "admin" ? null : headers.get("x-loam-data-class");
  const action = { endpoint, model: route?.name ?? null, label, parameters: parametersSaid(body), dataClass };
  const facts = { headers, identity, endpoint, body, inputTokens: asked.tokens ?? 0, isStream: body.stream === true };
  return {
    identity,
    action,
    ...control.explain(identity, action),
    route: route ? explainRoute(route, { ...facts, model: route.name }, runtime) : null,
  };
}
