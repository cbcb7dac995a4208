/**
 * The language step: names the language of a document and of its paragraphs, lets those stay that are asked for, and can take paragraphs in
 * other languages out. Left out: languages eld does not know (it takes Indonesian for Malay); `languageScore` is how that is noticed.
 */

import type { z } from "zod";
import type { StepVerdict } from "../../ledger.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { type DetectedLanguage, detectLanguage, nameLanguage } from "./detect.ts";
import { type Detect, loadDetector } from "./eld.ts";
import { undetermined } from "./names.ts";
import { languageOptions } from "./options.ts";
import { type LanguageParagraph, languageParagraphs } from "./paragraphs.ts";

const rules = { "language-score": { option: "minScore", keep: "atLeast" } } as const satisfies Rules;

/** Paragraphs looked at for the shares, spread evenly; to take some out, all are looked at. */
const maxParagraphs = 64;
/** A language with less of the letters is not listed. */
const minShare = 0.01;

interface Told extends LanguageParagraph {
  readonly language: string;
}

/** Languages by their share of the characters in paragraphs whose language could be told, largest first. */
function sharesOf(told: readonly Told[]): (readonly [language: string, share: number])[] {
  const characters = new Map<string, number>();
  let sum = 0;
  for (const { language, start, end } of told) {
    if (language === undetermined) continue;
    characters.set(language, (characters.get(language) ?? 0) + end - start);
    sum += end - start;
  }
  return [...characters].map(([language, count]) => [language, count / sum] as const).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

/** `en 0.93`. */
const shown = (told: readonly Told[]): string[] =>
  sharesOf(told)
    .filter(([, share]) => share >= minShare)
    .map(([language, share]) => `${language} ${share.toFixed(2)}`);

/**
 * Windows over paragraphs of several languages hold a mixture that may look like a third one, so where most of the text is in paragraphs of
 * one language and surer of it than the whole is of another, that is the document's.
 */
function settled(found: DetectedLanguage, text: string, told: readonly Told[], detect: Detect, minLength: number): DetectedLanguage {
  const [language, share] = sharesOf(told)[0] ?? [undetermined, 0];
  if (found.language === undetermined || language === found.language || share <= 0.5) return found;
  const own = told.filter(p => p.language === language).map(p => text.slice(p.start, p.end));
  const again = detectLanguage(own.join(""), detect, minLength);
  return again.language === language && again.score > found.score ? again : found;
}

const spread = <T>(items: readonly T[], count: number): readonly T[] =>
  items.length <= count ? items : Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);

const named = ({ language, score }: DetectedLanguage) => ({ language, languageScore: score });

function verdictsOf({ language, score }: DetectedLanguage, o: z.output<typeof languageOptions>): StepVerdict[] {
  const verdicts: StepVerdict[] = judgeByRules(rules, { "language-score": score }, o);
  if (o.allow) verdicts.push({ rule: "language", keep: o.allow.includes(language), value: language, threshold: o.allow.join(" ") });
  return verdicts;
}

export const language = documentStep<typeof languageOptions, Detect>({
  name: "language",
  version: 1,
  options: languageOptions,
  rules,
  prepare: o => loadDetector(o.tables),
  apply({ text }, o, detect) {
    const whole = detectLanguage(text, detect, o.minLength);
    if (o.paragraphs === "ignore") return { attributes: named(whole), verdicts: verdictsOf(whole, o) };
    const all = languageParagraphs(text);
    const looked = o.paragraphs === "drop-foreign" ? all : spread(all, maxParagraphs);
    const nameOf = (p: LanguageParagraph) =>
      all.length === 1 ? whole.language : nameLanguage(text.slice(p.start, p.end), detect, o.minLength);
    const told = looked.map((p): Told => ({ ...p, language: nameOf(p) }));
    const found = settled(whole, text, told, detect, o.minLength);
    const verdicts = verdictsOf(found, o);
    const judged = { attributes: { ...named(found), languages: shown(told) }, verdicts };
    // What goes is kept as it was.
    if (o.paragraphs === "keep" || found.language === undetermined || verdicts.some(v => !v.keep)) return judged;
    const allowed = new Set([undetermined, ...(o.allow ?? [found.language])]);
    const isForeign = (p: Told): boolean => {
      if (allowed.has(p.language)) return false;
      // What several windows say together counts before a paragraph goes.
      const surely = detectLanguage(text.slice(p.start, p.end), detect, o.minLength);
      return !allowed.has(surely.language) && surely.score >= o.minParagraphScore;
    };
    const stay = told.filter(p => !isForeign(p));
    if (stay.length === told.length) return judged;
    const value = told.length - stay.length;
    const left = stay.map(p => text.slice(p.start, p.end)).join("");
    if (left.trim() === "") return { ...judged, verdicts: [...verdicts, { rule: "only-foreign", keep: false, value, threshold: 0 }] };
    return {
      attributes: { ...named(found), languages: shown(stay) },
      verdicts,
      text: left.trimEnd(),
      edits: [{ rule: "foreign-paragraphs", value }],
    };
  },
});
