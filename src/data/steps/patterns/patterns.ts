/**
 * The patterns step: the user's own rules as regular expressions, to drop documents, to keep only some, and to cut out or mask what is found.
 * Patterns are read by a linear-time engine; what it cannot do (back-references, looking around) is refused when the configuration is read.
 */

import type { z } from "zod";
import type { LedgerEdit, StepVerdict } from "../../ledger.ts";
import { documentStep } from "../step.ts";
import { type patternRule, patternsOptions } from "./options.ts";
import { compilePattern, type Matcher } from "./re2.ts";

type Rule = z.output<typeof patternRule>;

/** Matches counted where only their number is asked for: more would be worth no more to a report. */
export const maxCounted = 1000;

/** How many matches, and the share of the text's characters in them. */
function measure(text: string, matcher: Matcher, rule: Rule): { readonly matches: number; readonly share: number } {
  if (!matcher.test(text)) return { matches: 0, share: 0 };
  const enough = rule.maxShare === null ? Math.max(maxCounted, rule.minMatches ?? 0) : Number.POSITIVE_INFINITY;
  let matches = 0;
  let covered = 0;
  for (const [start, end] of matcher.find(text)) {
    covered += end - start;
    if (++matches >= enough) break;
  }
  return { matches, share: text.length === 0 ? 0 : covered / text.length };
}

function verdictsOf(rule: Rule, { matches, share }: { matches: number; share: number }): StepVerdict[] {
  const { name, minMatches, maxShare } = rule;
  if (rule.action === "keep-only") return [{ rule: name, keep: matches >= minMatches!, value: matches, threshold: minMatches! }];
  const verdicts: StepVerdict[] = [];
  if (minMatches !== null) verdicts.push({ rule: name, keep: matches < minMatches, value: matches, threshold: minMatches });
  if (maxShare !== null) verdicts.push({ rule: `${name}-share`, keep: share <= maxShare, value: share, threshold: maxShare });
  return verdicts;
}

/** The text without the matches, or undefined where there are too few. */
function edited(text: string, matcher: Matcher, rule: Rule): { readonly text: string; readonly value: number } | undefined {
  if (!matcher.test(text)) return undefined;
  const instead = rule.action === "cut" ? "" : (rule.with ?? `[${rule.name.toUpperCase()}]`);
  let out = "";
  let from = 0;
  let value = 0;
  for (const [start, end] of matcher.find(text)) {
    out += text.slice(from, start) + instead;
    from = end;
    value++;
  }
  return value === 0 || value < rule.minMatches! ? undefined : { text: out + text.slice(from), value };
}

export const patternsStep = documentStep<typeof patternsOptions, readonly Matcher[]>({
  name: "patterns",
  version: 1,
  options: patternsOptions,
  prepare: async o => o.rules.map(r => compilePattern(r.pattern, r.flags)),
  apply({ text: original }, o, matchers) {
    const found: string[] = [];
    const verdicts: StepVerdict[] = [];
    for (const [i, r] of o.rules.entries()) {
      if (r.action !== "drop" && r.action !== "keep-only") continue;
      const measured = measure(original, matchers[i]!, r);
      if (measured.matches > 0) found.push(r.name);
      verdicts.push(...verdictsOf(r, measured));
    }
    const judged = { verdicts, ...(found.length > 0 ? { attributes: { patterns: found } } : {}) };
    // What goes is kept as it was.
    if (verdicts.some(v => !v.keep)) return judged;
    const edits: LedgerEdit[] = [];
    let text = original;
    for (const [i, r] of o.rules.entries()) {
      if (r.action !== "cut" && r.action !== "mask") continue;
      const change = edited(text, matchers[i]!, r);
      if (!change) continue;
      text = change.text;
      edits.push({ rule: r.name, value: change.value });
    }
    if (edits.length === 0) return judged;
    if (text.trim() === "") return { ...judged, verdicts: [...verdicts, { rule: "nothing-left", keep: false, value: 0, threshold: 1 }] };
    return { ...judged, text, edits };
  },
});
