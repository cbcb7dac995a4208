/**
 * Limits as headers: OpenAI's `x-ratelimit-*` for the tightest limit on requests and on tokens, with durations as Go writes them; the IETF's
 * RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4) for every limit with a window, except those on money; Retry-After.
 */
import type { LimitState } from "./contract.ts";
import { goDuration } from "./durations.ts";
import type { Measure } from "./measures.ts";

type Headers = Record<string, string>;
/** Names and values in turn. */
type HeaderList = string[];

/** Above this OpenAI's clients take no notice of Retry-After and come back within seconds, so they are told not to. */
const clientsWaitMs = 60_000;

const openaiNames: readonly (readonly [limit: string, remaining: string, reset: string, of: readonly Measure[]])[] = [
  ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", ["requests"]],
  ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", ["tokens", "inputTokens", "outputTokens"]],
];
/** The draft's quota units; it has none for tokens and money, and a unit of one's own must be registered. */
const quotaUnits: { readonly [M in Measure]?: string } = {
  requests: "requests",
  bytes: "content-bytes",
  concurrency: "concurrent-requests",
};

/** The least share left; among equals the smaller limit. */
const tighter = (s: LimitState, best: LimitState | undefined): LimitState => {
  if (!best) return s;
  const a = s.remaining / s.capacity;
  const b = best.remaining / best.capacity;
  return a < b || (a === b && s.capacity < best.capacity) ? s : best;
};

const seconds = (ms: number): number => Math.ceil(ms / 1_000);

/** States of enforced limits only: what is in shadow is nobody's business. One limit with several buckets shows its tightest. */
export function limitHeaderList(states: readonly LimitState[]): HeaderList {
  const headers: HeaderList = [];
  for (const [limit, remaining, reset, of] of openaiNames) {
    let s: LimitState | undefined;
    for (const state of states) if (of.includes(state.measure)) s = tighter(state, s);
    if (s) headers.push(limit, String(s.quota), remaining, String(s.remaining), reset, goDuration(s.resetMs));
  }
  // states of one limit stand together
  const shown: LimitState[] = [];
  for (const s of states) {
    // money would be a number without its unit
    if (s.measure === "cost" || (s.windowMs === null && s.measure !== "concurrency")) continue;
    const last = shown.length - 1;
    if (last >= 0 && shown[last]!.limit === s.limit) shown[last] = tighter(s, shown[last]);
    else shown.push(s);
  }
  if (shown.length === 0) return headers;
  let policy = "";
  let left = "";
  for (const s of shown) {
    const unit = quotaUnits[s.measure];
    const between = policy === "" ? "" : ", ";
    policy += `${between}"${s.limit}";q=${s.quota}${s.windowMs === null ? "" : `;w=${seconds(s.windowMs)}`}${unit ? `;qu="${unit}"` : ""}`;
    left += `${between}"${s.limit}";r=${s.remaining}${s.windowMs === null ? "" : `;t=${seconds(s.resetMs)}`}`;
  }
  headers.push("ratelimit-policy", policy, "ratelimit", left);
  return headers;
}

/** The same as a table. */
export function limitHeaders(states: readonly LimitState[]): Headers {
  const list = limitHeaderList(states);
  const headers: Headers = {};
  for (let i = 0; i < list.length; i += 2) headers[list[i]!] = list[i + 1]!;
  return headers;
}

/** `retryAfterMs` null: waiting does not help. */
export function retryHeaders(retryAfterMs: number | null): Headers {
  if (retryAfterMs === null) return { "x-should-retry": "false" };
  return {
    "retry-after": String(Math.max(1, seconds(retryAfterMs))),
    "retry-after-ms": String(Math.max(1, Math.ceil(retryAfterMs))),
    "x-should-retry": String(retryAfterMs <= clientsWaitMs),
  };
}
