/** What a contract with clients is to the application: addresses with their handlers, and the form of its errors. Adding one is a row in `contracts.ts`. */

import type { Operation } from "../tracing/tracing.ts";
import type { AppContext, Services } from "./exchange.ts";
import type { WireError } from "./wire-error.ts";

export type Method = "GET" | "POST" | "DELETE";

export interface Route {
  readonly method: Method;
  readonly path: string;
  /** Name in metrics and logs; the path when absent. */
  readonly name?: string;
  /** What it is for, in traces. */
  readonly operation?: Operation | undefined;
  handle(c: AppContext, services: Services): Response | Promise<Response>;
}

export interface Contract {
  readonly name: string;
  /** Addresses of its own: what is unknown below it is answered in its form. */
  readonly prefix?: string;
  readonly routes: readonly Route[];
  /** Bodies name their model in `model`. */
  readonly namesModel?: true;
  /** Bodies need not be declared as JSON: its clients, and the examples of its pages, do not. */
  readonly takesUndeclared?: true;
  error(wire: WireError): { readonly status: number; readonly body: unknown };
}

export const get = (path: string, handle: Route["handle"]): Route => ({ method: "GET", path, handle });
export const post = (path: string, handle: Route["handle"], operation?: Operation): Route => ({ method: "POST", path, handle, operation });
export const del = (path: string, handle: Route["handle"]): Route => ({ method: "DELETE", path, handle });
