/**
 * What the gateway's door asks of identity, policy, limits and usage, as types alone: who is it, may they, is there room, what did it come to.
 * Four questions in this order, each answered with plain data. What carries them out is opened by `openControl` (`control.ts`).
 */

import type { ControlConfig } from "./control-config.ts";
import type { Endpoint } from "./endpoints.ts";
import type { AgedState, OlderThan } from "./erasure/aged-state.ts";
import type { GatewayErased } from "./erasure/erase-subject.ts";
import type { RequestRecord } from "./http/request-record.ts";
import type { ChangeEntry } from "./identity/changes.ts";
import type { Authentication, Credentials, Identity } from "./identity/contract.ts";
import type { Entries } from "./identity/entry.ts";
import type { LimitEvent, Limits, LimitsAsk, LimitsView } from "./limits/contract.ts";
import type { Parameters } from "./policy/parameter.ts";
import type { ReviewQueue } from "./review/queue.ts";

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

/** Sums of a key over a day, all models together. */
export type KeyUsage = Pick<UsageRow, "keyId" | "subject" | "team" | "requests" | "errors" | "inputTokens" | "outputTokens" | "costNano">;
export interface TopUsage {
  readonly keys: readonly KeyUsage[];
  readonly all: Omit<KeyUsage, "keyId" | "subject" | "team">;
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

/** Where an id is good. */
export interface IdPlace {
  /** Of the configuration. */
  readonly upstream: string;
  /** `ownerOf` an identity. */
  readonly owner: string;
}

export interface ObjectSeal {
  /** The id as its owner is given it; its first word stays, since clients look at it: `resp_`, `file-`. */
  seal(place: IdPlace, id: string): string;
  /** The upstream's id; undefined for what was not sealed for this owner and this upstream. */
  open(place: IdPlace, sealed: string): string | undefined;
  /** A client's `Idempotency-Key` as an upstream is told it: two owners never share one. */
  idempotencyKey(owner: string, value: string): string;
  /** The `cache_salt` of an owner for an upstream, with what the client chose: nobody can make another owner's. */
  cacheSalt(owner: string, chosen: unknown): string;
}

export interface JournalConfig {
  readonly keepMs: number;
  readonly most: number;
  readonly sample: number;
}

/** A record as it is kept. */
export type JournalEntry = Omit<RequestRecord, "ip">;

export interface JournalFilter {
  readonly key?: string;
  readonly subject?: string;
  readonly model?: string;
  /** Milliseconds since 1970. */
  readonly sinceMs?: number;
  /** A status, `4xx`, `5xx`, or `error` for both. */
  readonly status?: string;
  /** 100 when absent, 1,000 at most. */
  readonly most?: number;
}

export interface Journal {
  /** How it is kept from now on; undefined: nothing is. */
  keep(how: JournalConfig | undefined): void;
  /** Returns at once. */
  note(record: RequestRecord): void;
  /** Called before anybody looks: notes what has ended and was not noted yet. Whoever is set last replaces the one before. */
  beforeLook: (() => void) | undefined;
  /** Entries of a request's id, the newest first: a client may give the same id again. Errors: stateLost. */
  find(id: string): Promise<readonly JournalEntry[]>;
  /** The newest first. Errors: stateLost. */
  list(filter?: JournalFilter): Promise<readonly JournalEntry[]>;
  /** Lines that were not written because the state did not keep up. */
  readonly dropped: number;
  close(): Promise<void>;
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
  /** Cases that wait for people or were decided by them. */
  readonly reviews: ReviewQueue;
  /** Erases a person from the state; what stays is named in the result's type. Errors: stateLost. */
  eraseSubject(subject: string): Promise<GatewayErased>;
  /** Decided review cases that have a text, or requests of the journal, from before a time. Errors: stateLost. */
  countOlder(state: AgedState, older: OlderThan): Promise<number>;
  /** Erases them; answers how many. Errors: stateLost. */
  eraseOlder(state: AgedState, older: OlderThan): Promise<number>;
  /** Requests of the last days. */
  readonly journal: Journal;
  /** Rows of usage from `fromDay` to `toDay` (`2026-11-26`, UTC, both included). */
  usage(fromDay: string, toDay: string): Promise<readonly UsageRow[]>;
  /** Usage of a day by key: the keys with the most tokens, and the sum of all keys. Errors: stateLost. */
  topUsage(day: string, most: number): Promise<TopUsage>;
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
