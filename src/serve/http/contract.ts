/** What a contract with clients is to the application: addresses with their handlers, and the form of its errors. Adding one is a row in `contracts.ts`. */

import { defined } from "../../base/index.ts";
import { errorBodies, type WireError } from "../../protocols/index.ts";
import type { RouteEndpoint } from "../authorization.ts";
import type { TracedOperation } from "../tracing/tracing.ts";
import type { SplitBody } from "./body.ts";
import type { AppContext, Services } from "./exchange.ts";

type Method = "GET" | "POST" | "DELETE";

export type AnswerLengths = (body: Readonly<Record<string, unknown>>) => readonly unknown[];

export interface ContractRoute {
  readonly method: Method;
  readonly path: string;
  /** Name in metrics and logs; the path when absent. */
  readonly name?: string;
  /** What it is for, in traces. */
  readonly operation?: TracedOperation | undefined;
  /** What it is called in policies; as its contract says when absent. */
  readonly endpoint?: RouteEndpoint;
  /** One model computes its answer, or is described by it. The handler resolves the model by `Engines` before it does anything else. */
  readonly uses?: "answer" | "model";
  /** How long each answer that a body asks for may be, as its handler reads it, and empty where it says nothing; absent where answers have no length. */
  readonly lengths?: AnswerLengths;
  /** Begins work whose requests come later. */
  readonly isDeferred?: true;
  handle(c: AppContext, services: Services): Response | Promise<Response>;
}

export interface Contract {
  readonly name: string;
  /** Addresses of its own: what is unknown below it is answered in its form. */
  readonly prefix?: string;
  readonly routes: readonly ContractRoute[];
  /** Addresses below it answer without it too, as clients ask whose base URL lacks it; where a contract has such an address of its own, that one answers. */
  readonly optionalPrefix?: "/v1";
  /** Of routes that say none. */
  readonly endpoint: RouteEndpoint;
  /** Bodies name their model in `model`. */
  readonly namesModel?: true;
  /** Bodies need not be declared as JSON: its clients, and the examples of its pages, do not. */
  readonly takesUndeclared?: true;
  /** Reads its bodies, where JSON is not quite what it says. */
  readonly parse?: (text: string) => unknown;
  /** Its bodies, where they are more than JSON. */
  readonly split?: SplitBody;
  /** Whose form its errors take; OpenAI's when absent. */
  readonly errors?: (wire: WireError) => object;
  /** Statuses that it has others for. */
  readonly statuses?: Readonly<Record<number, number>>;
}

/** The routes of a contract by the addresses without its prefix that no contract has for its own. They keep their names, in policies and logs as well. */
export function withoutPrefix(contract: Contract, all: readonly Contract[]): ContractRoute[] {
  const { optionalPrefix: prefix, routes } = contract;
  if (prefix === undefined) return [];
  const taken = new Set(all.flatMap(k => k.routes.map(r => `${r.method} ${r.path}`)));
  return routes
    .filter(r => r.path.startsWith(`${prefix}/`))
    .map(r => ({ ...r, path: r.path.slice(prefix.length), name: r.name ?? r.path }))
    .filter(r => !taken.has(`${r.method} ${r.path}`));
}

/** An error as a contract answers it. */
export const errorAnswer = (
  wire: WireError,
  { errors = errorBodies.openai, statuses = {} }: Partial<Pick<Contract, "errors" | "statuses">> = {},
) => ({
  status: statuses[wire.status] ?? wire.status,
  body: errors(wire),
});

export const get = (path: string, handle: ContractRoute["handle"]): ContractRoute => ({ method: "GET", path, handle });
export const post = (path: string, handle: ContractRoute["handle"], operation?: TracedOperation): ContractRoute => ({
  method: "POST",
  path,
  handle,
  operation,
});
export const del = (path: string, handle: ContractRoute["handle"]): ContractRoute => ({ method: "DELETE", path, handle });

/** Routes whose answers a model computes. */
export const answering = (endpoint: RouteEndpoint, route: ContractRoute, lengths?: AnswerLengths): ContractRoute => ({
  ...route,
  endpoint,
  uses: "answer",
  ...defined({ lengths }),
});
/** Routes that describe a model. */
export const describing = (endpoint: RouteEndpoint, route: ContractRoute): ContractRoute => ({ ...route, endpoint, uses: "model" });
/** Routes of an endpoint that use no model. */
export const under = (endpoint: RouteEndpoint, routes: readonly ContractRoute[]): ContractRoute[] =>
  routes.map(route => ({ endpoint, ...route }));
