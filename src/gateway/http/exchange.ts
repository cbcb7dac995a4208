/** One request at the gateway's door while it lives: what is known of it so far, and its one line in the log and the metrics when it ends. */

import { redact } from "../../base/index.ts";
import type { TokenUsage } from "../../protocols/index.ts";
import type { Authentication, Identity, Reservation } from "../contract.ts";
import type { GuardActs } from "../guards/acts.ts";
import type { Attempt } from "../routing/attempts.ts";
import type { RequestTrace } from "../tracing/tracing.ts";
import type { ShownCertificate } from "../transport/client-certificate.ts";

/** The log's line. No prompt, no answer, no secret. */
export interface RequestRecord {
  readonly id: string;
  readonly time: string;
  readonly method: string;
  /** The route's pattern, never the path itself. */
  readonly path: string;
  readonly ip: string | null;
  readonly key: string | null;
  readonly subject: string | null;
  /** Public name of the model, null where none is known. */
  readonly model: string | null;
  readonly target: string | null;
  /** Of them, those before the last failed. */
  readonly attempts: readonly Attempt[];
  readonly status: number;
  /** Of the gateway's table, or `upstream/STATUS`. */
  readonly error: string | null;
  /** For the log alone: what an error for the client does not say. */
  readonly detail: string | null;
  readonly ms: number;
  /** Until the first byte of the answer. */
  readonly firstMs: number | null;
  readonly isStream: boolean;
  /** Times that the answer was gone on with by another upstream. */
  readonly resumed: number;
  /** The rule that said which targets it may go to. */
  readonly rule: string | null;
  /** Of the time, that in lines before servers that take only so many at once. */
  readonly queuedMs: number;
  /** Two servers were asked, since the first was slow. */
  readonly isHedged: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** As the upstream calls what answered: its model, or Loam's own version `mail-small@3`. */
  readonly served: string | null;
  /** Of the trace, where it is sampled. */
  readonly trace: string | null;
  /** What the cache of answers did; null where there is none. */
  readonly cache: string | null;
  /** What guards did: name, stage, decision. */
  readonly guards: readonly string[];
  /** Limits that were near, or would have denied. */
  readonly warnings: readonly string[];
}

/** Of a request that was put to servers. */
export interface Routed {
  readonly pricedAs: string | undefined;
  readonly rule: string | undefined;
  readonly queuedMs: number;
  readonly isHedged: boolean;
  /** Of the model that answered, where its server says it. */
  readonly version: string | undefined;
}

export interface Exchange {
  readonly id: string;
  readonly startMs: number;
  readonly method: string;
  readonly ip: string | null;
  path: string;
  identity?: Identity;
  model?: string;
  isStream: boolean;
  reservation?: Reservation;
  /** Of the prompt, as it was reserved. */
  inputTokens: number;
  attempts: readonly Attempt[];
  target?: string | undefined;
  firstMs?: number;
  resumed: number;
  /** How it was routed. */
  way?: Routed;
  served?: string | undefined;
  trace?: RequestTrace;
  /** What the cache of answers did. */
  cache?: string;
  guards?: GuardActs;
  detail?: string;
  isOver: boolean;
  /** What the connection's certificate says, where clients may show one. */
  readonly certificate?: ShownCertificate;
  /** Of a request that is signed: who has signed it. */
  signed?: Authentication;
}

/** What a handler gives; the response is made of it once, with what all answers carry. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Further ones, name and value in turn: what can be made ready while an upstream works. */
  readonly more?: readonly string[];
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

export interface End {
  readonly status: number;
  readonly error?: string | undefined;
  readonly usage?: TokenUsage | undefined;
}

let lastRecord: RequestRecord | undefined;
let lastText = "";

/** A record as one line of JSON, its detail redacted; made once for all who write it down one after the other. */
export function textOfRecord(record: RequestRecord): string {
  if (record !== lastRecord) {
    lastText = JSON.stringify(record.detail === null ? record : { ...record, detail: redact(record.detail) });
    lastRecord = record;
  }
  return lastText;
}

/** The same without the client's address, which `recordOf` puts last. */
export function textWithoutAddress(record: RequestRecord): string {
  const text = textOfRecord(record);
  const address = `,"ip":${JSON.stringify(record.ip)}}`;
  if (text.endsWith(address)) return `${text.slice(0, -address.length)}}`;
  const { ip: _, ...kept } = record;
  return JSON.stringify({ ...kept, detail: record.detail === null ? null : redact(record.detail) });
}

const none: readonly string[] = [];
const rounded = (ms: number): number => Math.round(ms * 100) / 100;

export function recordOf(x: Exchange, { status, error, usage }: End, nowMs: number, monotonicMs: number): RequestRecord {
  return {
    id: x.id,
    time: new Date(nowMs).toISOString(),
    method: x.method,
    path: x.path,
    key: x.identity?.keyId ?? null,
    subject: x.identity?.subject ?? null,
    model: x.model ?? null,
    target: x.target ?? null,
    attempts: x.attempts,
    status,
    error: error ?? null,
    detail: x.detail ?? null,
    ms: rounded(monotonicMs - x.startMs),
    firstMs: x.firstMs === undefined ? null : rounded(x.firstMs),
    isStream: x.isStream,
    resumed: x.resumed,
    rule: x.way?.rule ?? null,
    queuedMs: x.way === undefined ? 0 : rounded(x.way.queuedMs),
    isHedged: x.way?.isHedged ?? false,
    inputTokens: usage?.inputTokens ?? 0,
    outputTokens: usage?.outputTokens ?? 0,
    cachedTokens: usage?.cachedTokens ?? 0,
    cache: x.cache ?? null,
    served: x.served ?? null,
    trace: x.trace?.traceId ?? null,
    guards: x.guards?.lines ?? none,
    warnings: x.reservation?.warnings.map(w => `${w.kind}: ${w.limit}`) ?? none,
    ip: x.ip,
  };
}
