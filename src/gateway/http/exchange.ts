/** One request at the gateway's door while it lives: what is known of it so far, and its one line in the log and the metrics when it ends. */

import { redact } from "../../base/index.ts";
import type { TokenUsage } from "../../protocols/index.ts";
import type { GuardActs } from "../guards/acts.ts";
import type { Identity } from "../identity/contract.ts";
import type { Reservation } from "../limits/contract.ts";
import type { RequestTrace } from "../tracing/tracing.ts";
import type { ShownCertificate } from "../transport/client-certificate.ts";
import type { Attempt, RequestRecord } from "./request-record.ts";

/** Of a request that was put to servers. */
interface Routed {
  readonly pricedAs: string | undefined;
  readonly rule: string | undefined;
  readonly queuedMs: number;
  readonly isHedged: boolean;
  /** Of the model that answered, where its server says it. */
  readonly version: string | undefined;
}

export interface GatewayExchange {
  readonly id: string;
  readonly startMs: number;
  readonly method: string;
  readonly ip: string | null;
  path: string;
  identity?: Identity;
  /** A page of the console reads something, with the session of its browser: it looks every few seconds, and is nobody's request. */
  isPageRead?: true;
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
  routed?: Routed;
  served?: string | undefined;
  trace?: RequestTrace;
  /** What the cache of answers did. */
  cache?: string;
  guards?: GuardActs;
  /** Guards look at its answer. */
  isFiltered?: true;
  detail?: string;
  isOver: boolean;
  /** What the connection's certificate says, where clients may show one. */
  readonly certificate?: ShownCertificate;
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

export function recordOf(x: GatewayExchange, { status, error, usage }: End, nowMs: number, monotonicMs: number): RequestRecord {
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
    rule: x.routed?.rule ?? null,
    queuedMs: x.routed === undefined ? 0 : rounded(x.routed.queuedMs),
    isHedged: x.routed?.isHedged ?? false,
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
