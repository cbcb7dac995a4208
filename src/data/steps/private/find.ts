/**
 * One scan over a text: plain characters are passed over with a table, and only a trigger (a digit, @, :, =, and the rarest characters of
 * known prefixes) calls those who look closer around it. Every look is bounded or goes on behind what it read, so the work is linear in
 * the text, whatever the text; `work` counts it.
 */
import { type HiddenText, hiddenTexts, visibleText } from "../../../text/index.ts";
import { assigned, scanCredentials } from "./assigned.ts";
import { scanEmail } from "./email.ts";
import { ipv6 } from "./ip.ts";
import { scanNumbers } from "./numbers.ts";
import { type PrivateRecogniser, recognised } from "./recogniser.ts";
import { defaultRegions } from "./regions.ts";
import { resolve } from "./resolve.ts";
import type { PrivateScanner, Scan } from "./scan.ts";
import { jsonWebToken, prefixed, prefixTriggers, privateKey } from "./secrets.ts";
import type { PrivateSpan } from "./types.ts";

export interface FindOptions {
  /** Findings of a lower score are left out. Default 0.5; from 0.3 on come numbers of weak check digits without the right word. */
  readonly minScore?: number;
  /** Countries whose national phone numbers are understood. */
  readonly regions?: readonly string[];
  /** Addresses at domains reserved for examples and tests (RFC 2606, RFC 6761) are findings too. Default: they are nobody's. */
  readonly exampleDomains?: boolean | undefined;
  /** For names and places. */
  readonly recogniser?: PrivateRecogniser;
  /** Called again and again in the middle of a long text. */
  readonly pause?: () => void;
}

/** The triggers and who looks at them. */
const triggers: readonly (readonly [string, PrivateScanner])[] = [
  ["0123456789", scanNumbers],
  ["@", scanEmail],
  [":", scanCredentials],
  [":", ipv6],
  [":=", assigned],
  [prefixTriggers, prefixed],
  ["J", jsonWebToken],
  ["-", privateKey],
];
const looks: readonly PrivateScanner[][] = Array.from({ length: 128 }, (_, c) =>
  triggers.flatMap(([chars, look]) => (chars.includes(String.fromCharCode(c)) ? [look] : [])),
);
const isTrigger = Uint8Array.from(looks, l => l.length);

/** Characters looked at and findings before overlaps are settled: for tests that hold work against length. */
interface FoundPrivateSpans {
  readonly spans: PrivateSpan[];
  readonly work: number;
}

/** Runs the scan. `assumeContext` takes every value for one with the right word beside it. */
export function scanText(text: string, options: FindOptions = {}, assumeContext = false): FoundPrivateSpans {
  const { minScore = 0.5, regions = defaultRegions, exampleDomains = false, pause } = options;
  const scan: Scan = { text, found: [], minScore, regions, exampleDomains, assumeContext, authorityEnd: 0, steps: text.length };
  const { length } = text;
  for (let i = 0; i < length; ) {
    const c = text.charCodeAt(i);
    if (c >= 128 || isTrigger[c] === 0) {
      i++;
      continue;
    }
    pause?.();
    let next = i + 1;
    for (const look of looks[c]!) next = Math.max(next, look(scan, i));
    i = next;
  }
  return { spans: resolve(scan.found), work: scan.steps };
}

/** As the text is seen: invisible characters do not split a number, and digits of any width are digits. */
function seenSpans(text: string, options: FindOptions): PrivateSpan[] {
  const seen = visibleText(text);
  const { spans } = scanText(seen.text, options);
  return seen.text === text ? spans : spans.map(s => ({ ...s, start: seen.startOf(s.start), end: seen.endOf(s.end - 1) }));
}

/** In an encoded text; one that cannot be cut is a finding as a whole. */
function hiddenSpans({ text, starts, isDivisible }: HiddenText, options: FindOptions): PrivateSpan[] {
  const end = starts[starts.length - 1]!;
  return seenSpans(text, options).map(s =>
    isDivisible ? { ...s, start: starts[s.start]!, end: starts[s.end] ?? end } : { ...s, start: starts[0]!, end },
  );
}

/**
 * Private data and secrets of a text, by place, without overlaps: of two that overlap the longer stays, then the type that comes first
 * in `privateTypes`. Pure. Work is linear in the text's length.
 */
export function findPrivate(text: string, options: FindOptions = {}): PrivateSpan[] {
  const spans = seenSpans(text, options);
  const hidden = hiddenTexts(text).flatMap(h => hiddenSpans(h, options));
  if (!options.recogniser) return hidden.length === 0 ? spans : resolve([...spans, ...hidden]);
  const minScore = options.recogniser.minScore ?? options.minScore ?? 0.5;
  const names = recognised(options.recogniser, text).filter(s => s.score >= minScore);
  return resolve([...spans, ...hidden, ...names]);
}
