/** A model as its users name it, and the targets that can answer for it. */

import type { Guard } from "../guards/contract.ts";
import type { ModelPrice } from "../limits/price-table.ts";
import type { Conditions } from "./conditions.ts";

export const strategies = ["weighted", "leastOutstanding", "latency", "prefix", "cost", "load"] as const;
export type Strategy = (typeof strategies)[number];

export interface Target {
  /** `upstream/model`: unique within a route, the same on every replica. */
  readonly id: string;
  readonly upstream: string;
  /** The upstream of the file where this is one endpoint of its Service; absent: `upstream` is the file's. */
  readonly ofUpstream?: string;
  /** As the upstream names it. */
  readonly model: string;
  /** Share among targets of the same priority. */
  readonly weight: number;
  /** Targets of the lowest number are asked first; others only while none of those can be. */
  readonly priority: number;
  /** Marks by which rules name it. */
  readonly tags: readonly string[];
  /** What its tokens cost; undefined where nobody wrote it. */
  readonly price: ModelPrice | undefined;
  /** Under which name of the price table its answers are charged. */
  readonly priceName: string;
}

/** What keeps a caller with the target that it had before. */
export const stickyKeys = ["none", "user", "key"] as const;
type Sticky = (typeof stickyKeys)[number];

/** Copies go there, and nobody gets what comes back. */
export interface Shadow {
  readonly target: Target;
  readonly share: number;
  readonly by: Sticky;
  readonly atOnce: number;
}

/** A second target is asked where the first is slow. */
export interface Hedge {
  /** Undefined: the 95th percentile of first bytes. */
  readonly afterMs: number | undefined;
  readonly share: number;
}

/** What is compiled from the file's words about routing. */
export interface RouteExtras {
  /** Of whose exact shares it takes part. */
  readonly sharesName: string;
  /** What the file calls the version behind the name: answers kept under another one are not given. */
  readonly version: string | undefined;
  /** All of its targets are charged under its own name. */
  readonly hasOwnPrice: boolean;
  /** Looked at in order; undefined where there are none. */
  readonly rules: readonly RouteRule[] | undefined;
  /** The rule that narrowed it. */
  readonly rule: string | undefined;
  readonly shadow: Shadow | undefined;
  readonly hedge: Hedge | undefined;
}

export interface Route {
  /** The model's public name. */
  readonly name: string;
  readonly strategy: Strategy;
  readonly sticky: Sticky;
  readonly targets: readonly Target[];
  /** Other models, asked in order when no target of this one answers. */
  readonly fallbacks: readonly string[];
}

export interface RouteRule {
  readonly name: string;
  readonly when: Conditions;
  readonly route: ModelRoute;
}

/** A route with what a request for it is held against. */
export interface ModelRoute extends Route, RouteExtras {
  readonly aliases: readonly string[];
  /** A tokenizer.json, as an absolute path. */
  readonly tokenizer: string | undefined;
  readonly maxOutputTokens: number;
  /** The file says it, so servers are told it where a request bounds nothing. */
  readonly boundsOutput: boolean;
  /** Most that its servers take at once: so much they are believed to have read, or written where nothing bounds it. */
  readonly contextTokens: number;
  /** In the order that a request passes; an answer passes them the other way. With those of the models that may stand in for it. */
  readonly guards: readonly Guard[];
}
