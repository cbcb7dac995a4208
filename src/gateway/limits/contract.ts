/** What a request asks of limits and what it is answered, as types alone. `Limiter` (`limiter.ts`) carries it out. */
import type { Identity } from "../identity/contract.ts";
import type { Measure } from "./measures.ts";
import type { LimitRule } from "./rules.ts";

/** Whose limits are asked. */
export interface Subjects {
  readonly identity: Identity;
  /** As it will be answered for (after aliases): prices and limits by model go by this name. */
  readonly model: string | null;
  /** Names of the price table under which the answer may be charged, where that is not the model's alone: what is dearest of them is held. */
  readonly priceNames?: readonly string[] | undefined;
  /** Of the client; null where it is not known. */
  readonly ip: string | null;
}

/** What a request will take, told before it is admitted. */
export interface Demand {
  /** Exact where our tokenizer knows the model, else the caller's upper estimate. */
  readonly inputTokens: number;
  /** Most tokens that the answer can have (`max_tokens` x n): held until the end, then what was used is charged. */
  readonly maxOutputTokens: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Requests that stand in one: the lines of a batch; 1 when absent. */
  readonly requests?: number;
}

/**
 * What it came to, with what an upstream cannot mean taken off (`http/charged.ts`). A number that is not finite or below 0 is an upstream that lies:
 * what was held is charged instead.
 */
export interface Actual {
  readonly inputTokens: number;
  /** Of the input, those read from a cache: they have a price of their own. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Of `priceNames`, that of whichever server answered; the model's when absent. */
  readonly pricedAs?: string | undefined;
  /** As the demand said. */
  readonly requests?: number | undefined;
  /** Status that the client got; 499 where it went away. */
  readonly status: number;
}

/** A limit after a decision. Amounts in the limit's measure (requests, tokens, bytes; currency in 1e-9 of its unit). */
export interface LimitState {
  readonly limit: string;
  readonly measure: Measure;
  /** What the limit says, for its window or period. */
  readonly quota: number;
  /** How much may come at once: another number than the quota where the limit has a burst. */
  readonly capacity: number;
  /** Of the capacity, now. */
  readonly remaining: number;
  /** Milliseconds until all of the capacity is free again, if nothing else comes. */
  readonly resetMs: number;
  /** Of the window or period, in milliseconds; null for concurrency. */
  readonly windowMs: number | null;
}

/** Taken; must be settled once, at the end, however the request ends. Settling never throws. */
export interface Reservation {
  readonly denial?: never;
  readonly id: string;
  readonly states: readonly LimitState[];
  /** Limits in use beyond their `warnAt`, and limits in shadow mode that would have denied. */
  readonly warnings: readonly { readonly limit: string; readonly kind: "near" | "shadow"; readonly message: string }[];
  /** The store did not answer and every limit concerned says `onStoreLoss: open`. */
  readonly unlimited: boolean;
  /** Headers for the answer, names in small letters. */
  headers(): Readonly<Record<string, string>>;
  /** The same, name and value in turn. */
  headerList(): readonly string[];
  /** Charges what was used, frees what was held, counts the usage. A second call does nothing. */
  settle(actual: Actual): Promise<void>;
  /** Where nothing reached an upstream: gives all back, the request too. */
  cancel(): Promise<void>;
}

/** Not taken; nothing has changed in any limit. */
export interface Denial {
  readonly denial: {
    /** 429; 503 where the store did not answer and a limit says `closed`; 413 where the demand is larger than the limit will ever allow. */
    readonly status: 429 | 413 | 503;
    /** OpenAI's words. */
    readonly code: "rate_limit_exceeded" | "insufficient_quota" | "request_too_large" | "limits_unavailable";
    readonly limit: string | null;
    readonly message: string;
    /** Milliseconds after which it can pass at the earliest; null where waiting does not help. */
    readonly retryAfterMs: number | null;
    readonly states: readonly LimitState[];
  };
  /** With `retry-after`, `retry-after-ms`, `x-should-retry` and the limits' own. */
  headers(): Readonly<Record<string, string>>;
  /** `{ error: { message, type, param, code } }`. */
  body(): object;
}

export interface Limits {
  /**
   * All limits of one request at once: all are taken, or none. Never throws; a lost store is a Denial or an unlimited Reservation. At once
   * where the store is this process's memory.
   */
  reserve(subjects: Subjects, demand: Demand): Reservation | Denial | Promise<Reservation | Denial>;
}

/** Which buckets are looked at. */
export interface LimitsAsk {
  /** Of each limit so many, the most used first; 20 when absent. */
  readonly top?: number;
  readonly limit?: string;
  /** Only buckets of this key, user, team, ... by the limit's own dimensions. */
  readonly only?: Readonly<Record<string, string>>;
}

export interface LimitBucket {
  /** Whose: by the limit's dimensions (`key`, `user`, `team`, `organisation`, `model`, `ip`); empty where everybody shares it. */
  readonly of: Readonly<Record<string, string>>;
  /** In the limit's measure; cost in 1e-9 of the currency's unit. */
  readonly used: number;
  /** For requests under way. */
  readonly held: number;
  readonly remaining: number;
  /** Of the capacity, used and held. */
  readonly share: number;
  /** Until all is free again if nothing else comes, or the period ends. */
  readonly resetMs: number;
}

export interface LimitView {
  readonly limit: string;
  readonly measure: Measure;
  readonly per: readonly string[];
  readonly mode: "enforce" | "shadow";
  readonly quota: number;
  readonly capacity: number;
  /** Of a sliding window; null where there is none. */
  readonly windowMs: number | null;
  /** The period that runs: `2026-11`; null where there is none. */
  readonly period: string | null;
  readonly warnAt: number | null;
  readonly onStoreLoss: "open" | "closed";
  /** Buckets that are in use, shown or not. */
  readonly numBuckets: number;
  /** The most used first. */
  readonly buckets: readonly LimitBucket[];
}

export interface LimitsView {
  /** What cost is in, in 1e-9 of its unit. */
  readonly currency: string;
  readonly limits: readonly LimitView[];
  /** False where there were more buckets than one look reads. */
  readonly isWhole: boolean;
}

/** A limit that is used beyond its `warnAt`, or that denied. */
export interface LimitEvent {
  readonly kind: "near" | "denied";
  readonly rule: LimitRule;
  readonly bucket: string;
  /** Used and held, in the limit's measure; without the request where it was denied. */
  readonly used: number;
  readonly capacity: number;
  readonly subjects: Subjects;
}
