/**
 * What the gateway's door asks of identity, policy, limits and usage, as types alone: who is it, may they, is there room, what did it come to.
 * Four questions in this order, each answered with plain data. What carries them out is opened by `openControl` (`control.ts`).
 */
import type { Journal } from "./admin/journal.ts";
import type { ControlConfig } from "./control-config.ts";
import type { Entries } from "./identity/access.ts";
import type { Wire } from "./identity/sigv4.ts";
import type { LimitEvent } from "./limits/limiter.ts";
import type { ObjectSeal } from "./owners/seal.ts";
import type { Parameters } from "./policy/parameters.ts";

/** What a request brings to say who it is; `credentialsOf` (`identity/credentials.ts`) reads it from headers. Never logged. */
export interface Credentials {
  /** What follows `Bearer` in Authorization, or stands in `x-api-key` or `api-key`: an API key or a JWT. */
  readonly token?: string;
  /** Account that the connection's certificate names, checked; `null`: one was shown that is not good. Asked only where there is no token. */
  readonly certificate?: string | null;
  /** A request with a signature instead (AWS Signature Version 4). */
  readonly signed?: Signed;
}

export interface Signed {
  readonly wire: Wire;
  /** All of it, read when it is needed. Errors: those of the reading, which `authenticate` gives on. */
  body(): Promise<Uint8Array>;
}

/** Whoever passed authentication. Ids are what policies, limits and usage speak of; none of it is secret. */
export interface Identity {
  readonly kind: "key" | "jwt" | "certificate";
  /** Of the API key; for a JWT `jwt:ISSUER_NAME:SUBJECT`; for a client's certificate `cert:ACCOUNT`. */
  readonly keyId: string;
  /** User or service account; what it is called in a log. */
  readonly subject: string;
  readonly subjectKind: "user" | "serviceAccount";
  readonly teams: readonly string[];
  readonly organisation: string | null;
  readonly roles: readonly string[];
  /** Empty: whatever the policies say. Otherwise only endpoints named here (`chat`, `embeddings`, ..., `admin`), and then what the policies say. */
  readonly scopes: readonly string[];
}

/**
 * Why somebody was not let in, ready for an answer. `message` says the same for unknown, wrong, revoked and expired credentials; `detail` is
 * for the log only and names no secret.
 */
export interface Refusal {
  readonly status: 401 | 503;
  /** `missing`: none given; `invalid`: not (or no longer) good; `ambiguous`: two that differ; `unavailable`: nobody can be asked now. */
  readonly code: "missing" | "invalid" | "ambiguous" | "unavailable";
  readonly message: string;
  readonly detail: string;
  /** For the header WWW-Authenticate. */
  readonly challenge: string;
}

export type Authentication =
  | { readonly identity: Identity; readonly refusal?: never }
  | { readonly identity?: never; readonly refusal: Refusal };

/** What endpoints are called in policies and scopes. */
export const endpoints = [
  "chat",
  "completions",
  "responses",
  "embeddings",
  "messages",
  "models",
  "moderations",
  "files",
  "batches",
  "fine-tuning",
  "other",
  "admin",
] as const;
export type Endpoint = (typeof endpoints)[number];

/** What somebody wants to do. */
export interface Action {
  readonly endpoint: Endpoint;
  /** As the request names it, without a label after `@`; null where the endpoint has none. */
  readonly model: string | null;
  /** Version label (`mail@canary`: "canary") or null. */
  readonly label?: string | null;
  /** Numbers and words of the body that policies may bound: `max_tokens`, `temperature`, `stream`, how many `tools`, ... */
  readonly parameters?: Parameters;
  /** Of the data in the request, as its header or route says: `public`, `internal`, `personal`, ... */
  readonly dataClass?: string | null;
}

export interface Decision {
  readonly allowed: boolean;
  /** The policy that decided, or null where nothing allows (the default) or a scope of the key forbids. */
  readonly policy: string | null;
  /** One sentence for the caller: `policy "night": denied for team research between 22:00 and 06:00`. */
  readonly reason: string;
}

/** Every policy that was looked at, in order, and what it came to: what `loam gateway explain` prints. */
export interface Explanation {
  readonly decision: Decision;
  readonly considered: readonly {
    readonly policy: string;
    readonly effect: "allow" | "deny";
    readonly applies: boolean;
    readonly why: string;
  }[];
  /** Every limit that would be asked, and the buckets it would use; capacity as the limit is written. */
  readonly limits: readonly {
    readonly limit: string;
    readonly bucket: string;
    readonly capacity: number;
    readonly mode: "enforce" | "shadow";
  }[];
}

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

export const measures = ["requests", "inputTokens", "outputTokens", "tokens", "concurrency", "bytes", "cost"] as const;
export type Measure = (typeof measures)[number];

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

/** One row of usage: sums over a day (UTC). */
export interface UsageRow {
  readonly day: string;
  readonly keyId: string;
  readonly subject: string;
  readonly team: string;
  readonly organisation: string;
  readonly model: string;
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** In 1e-9 of the currency's unit. */
  readonly costNano: number;
}

export interface KeyGiven {
  readonly name: string;
  /** User or service account that must exist (`principals` of the configuration). */
  readonly subject: string;
  readonly scopes?: readonly string[];
  /** Milliseconds since 1970; null: never. */
  readonly expiresMs?: number | null;
  /** `sigv4`: requests are signed with its secret instead of carrying it; what is visible of it is the access key id. `bearer` when absent. */
  readonly kind?: "bearer" | "sigv4";
}

/** A key without its secret. */
export interface KeyInfo {
  readonly id: string;
  /** Its visible beginning, by which people find it. */
  readonly prefix: string;
  readonly name: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  /** To within a few seconds; null: never used. */
  readonly lastUsedMs: number | null;
}

/** One entry of the tamper-evident list of changes. */
export interface ChangeEntry {
  readonly position: number;
  readonly atMs: number;
  /** Who changed it, as they said. */
  readonly by: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly head: string;
}

/** Keys: made, listed, revoked, rotated; every change is in the list of changes in the same transaction. Errors: unknownKey, unknownSubject, lastAdmin, state... */
export interface Keys {
  /** Of one, by id or visible beginning. Errors: unknownKey. */
  info(keyOrPrefix: string): Promise<KeyInfo>;
  /** `secret` is shown this once and kept nowhere. */
  create(given: KeyGiven, by: string): Promise<{ readonly key: KeyInfo; readonly secret: string }>;
  /** Live ones that end within a time, at most 1,000, the soonest first. */
  ending(withinMs: number): Promise<readonly KeyInfo[]>;
  /** The newest 10,000 at most. */
  list(filter?: { readonly subject?: string }): Promise<readonly KeyInfo[]>;
  /** `keyOrPrefix`: its id or its visible beginning. In this process at once, in others within `keyCacheMs`. */
  revoke(keyOrPrefix: string, by: string): Promise<KeyInfo>;
  /** A new secret for the same key (same limits, same usage); the old one goes on for `overlapMs`, 24 h when absent. */
  rotate(keyOrPrefix: string, by: string, overlapMs?: number): Promise<{ readonly key: KeyInfo; readonly secret: string }>;
}

/** All of it, opened by `openControl(options)` of `control.ts` over one store: `memory:`, `sqlite:PATH` or `postgres://...?schema=NAME`. */
export interface Control {
  /** At once where what decides is in memory. */
  authenticate(credentials: Credentials): Authentication | Promise<Authentication>;
  /** Who a browser is by its session's cookie, asked where a request has no token; undefined where it is nobody's. Errors: session/forgery. */
  sessionOf?(header: (name: string) => string | null | undefined, method: string): Identity | undefined;
  decide(identity: Identity, action: Action): Decision;
  explain(identity: Identity, action: Action): Explanation;
  /** The identity that a key stands for, without its secret: for `explain`. Errors: unknownKey. */
  identityOf(keyOrPrefix: string): Promise<Identity>;
  /** Who there is and who may do what, as it is now. */
  access(): Pick<ControlConfig, "principals" | "policies" | "sigv4">;
  /** Principals and policies one by one: those of the file are shown, those of the state changed. */
  readonly entries: Entries;
  /** Of an account, those of its teams among them; none where it is not known. */
  rolesOf(subject: string): readonly string[];
  readonly limits: Limits;
  /** Binds the ids of what upstreams store to their owners. */
  readonly objects: ObjectSeal;
  /** What is used and left of each limit. Errors: stateLost. */
  limitsView(ask?: LimitsAsk): Promise<LimitsView>;
  readonly keys: Keys;
  /** Requests of the last days. */
  readonly journal: Journal;
  /** Rows of usage from `fromDay` to `toDay` (`2026-11-26`, UTC, both included). */
  usage(fromDay: string, toDay: string): Promise<readonly UsageRow[]>;
  /** From a position on (the first when absent), the oldest first. */
  changes(from?: number): AsyncIterable<ChangeEntry>;
  /** Of the newest change; null where there is none. */
  head(): Promise<{ readonly position: number; readonly head: string } | null>;
  /** Tells of limits that are near or deny, for webhooks; `undefined`: no more. */
  watchLimits(listener: ((event: LimitEvent) => void) | undefined): void;
  /** Walks the chain; the sentence of the first entry that does not fit, or null. */
  verifyChanges(): Promise<string | null>;
  /**
   * Takes another configuration (`controlPart` of `control-config.ts`) for what comes from now on: checked whole first, applied at once.
   * Errors: those of the check, lastAdmin; then the old one stays.
   */
  reload(config: unknown, by: string): Promise<void>;
  /** Gives back what is held, writes what is pending. */
  close(): Promise<void>;
}
