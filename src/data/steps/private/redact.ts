/** Takes findings out of a text, each by the policy of its type. */
import { scanText } from "./find.ts";
import { surrogate } from "./surrogate.ts";
import { type PrivateSpan, type PrivateType, privateMask, privateTypes, type RedactionPolicy } from "./types.ts";

/** Policies by type; types that are left out have those of `privateTypes`. */
export interface RedactPolicy {
  readonly policy?: { readonly [T in PrivateType]?: RedactionPolicy | undefined };
  /** Keys the hash that chooses surrogates: needed for them, else they are masks. Keep it to get the same ones again. */
  readonly seed?: string | undefined;
}

export const redactionPolicyOf = (type: PrivateType, { policy = {} }: RedactPolicy): RedactionPolicy => policy[type] ?? privateTypes[type];

/** Whether the scan finds nothing in a value that any policy would touch, even beside the words that speak for it. */
const isClean = (value: string): boolean => scanText(value, { minScore: 0.3 }, true).spans.every(s => s.type === "ipReserved");

/**
 * The text with its findings replaced: `keep` leaves them, `mask` writes `[EMAIL]`, `surrogate` a value of the same form that is the same
 * for the same entity and seed, `drop` masks (the document is for the caller to drop). Spans must be by place and without overlaps, as
 * `findPrivate` gives them; one that begins before the last ended is left out.
 */
export function redactSpans(text: string, spans: readonly PrivateSpan[], options: RedactPolicy = {}): string {
  let out = "";
  let at = 0;
  for (const span of spans) {
    const policy = redactionPolicyOf(span.type, options);
    if (policy === "keep" || span.start < at) continue;
    const value = text.slice(span.start, span.end);
    const other = policy === "surrogate" && options.seed !== undefined ? surrogate(span, value, options.seed, isClean) : undefined;
    out += text.slice(at, span.start) + (other ?? privateMask(span.type));
    at = span.end;
  }
  return out + text.slice(at);
}
