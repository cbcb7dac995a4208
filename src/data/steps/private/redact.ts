/** Takes findings out of a text, each by the policy of its type. */
import { defined } from "../../../base/index.ts";
import { type FindOptions, findPrivate, scanText } from "./find.ts";
import { surrogate } from "./surrogate.ts";
import { type PrivateSpan, type PrivateType, privateMask, privateTypes, type RedactionPolicy } from "./types.ts";

/** Policies by type; types that are left out have those of `privateTypes`. */
export interface RedactPolicy {
  readonly policy?: { readonly [T in PrivateType]?: RedactionPolicy | undefined };
  /** Keys the hash that chooses surrogates: needed for them, else they are masks. Keep it to get the same ones again. */
  readonly seed?: string | undefined;
}

const redactionPolicyOf = (type: PrivateType, { policy = {} }: RedactPolicy): RedactionPolicy => policy[type] ?? privateTypes[type];

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

/**
 * Times a text is looked through again after an edit: what stood beside a finding may now stand free. 6,045 mails needed
 * one; each pass takes something away, so hostile texts end here too.
 */
const maxPasses = 8;

/** Names have no form that says they are nobody's: surrogates of them would be found again, and are not looked for. */
const isNamed = ({ type }: PrivateSpan): boolean => type === "name" || type === "place";

/** A text with everything found in it replaced by its policy, and how often each type was found, never what. Linear in the text's length. */
export function redactPrivate(
  original: string,
  { policy, seed, ...find }: RedactPolicy & FindOptions = {},
): { readonly text: string; readonly counts: ReadonlyMap<PrivateType, number> } {
  const policies = defined({ policy, seed });
  const look = (text: string, pass: number): PrivateSpan[] =>
    findPrivate(text, find).filter(s => {
      const own = redactionPolicyOf(s.type, policies);
      return own !== "keep" && !(pass > 0 && own === "surrogate" && isNamed(s));
    });
  const counts = new Map<PrivateType, number>();
  let text = original;
  for (let pass = 0, spans = look(text, 0); spans.length > 0 && pass < maxPasses; spans = look(text, ++pass)) {
    for (const { type } of spans) counts.set(type, (counts.get(type) ?? 0) + 1);
    const next = redactSpans(text, spans, policies);
    if (next === text) break;
    text = next;
  }
  return { text, counts };
}
