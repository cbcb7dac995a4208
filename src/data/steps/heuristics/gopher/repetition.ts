/**
 * Gopher's repetition rules (Rae et al. 2021, table A1): documents that repeat lines, paragraphs or runs of words go. Words are spaCy's, as
 * datatrove 0.10 counts them; shares are of all characters of the text.
 */
import { judgeByRules, type Rules } from "../../rules.ts";
import { documentStep } from "../../step.ts";
import { ratio } from "../thresholds.ts";
import { lineStarts, paragraphStarts } from "../words/lines.ts";
import { repeatsOf } from "../words/repeats.ts";
import { viewOf } from "../words/text-view.ts";
import { measureNgrams } from "./ngrams.ts";
import { gopherRepetitionOptions } from "./repetition-options.ts";

const rules = {
  characters: { option: "minCharacters", keep: "atLeast" },
  "repeated-paragraphs": { option: "maxRepeatedParagraphs", keep: "atMost" },
  "repeated-paragraph-characters": { option: "maxRepeatedParagraphCharacters", keep: "atMost" },
  "repeated-lines": { option: "maxRepeatedLines", keep: "atMost" },
  "repeated-line-characters": { option: "maxRepeatedLineCharacters", keep: "atMost" },
  "top-2-gram": { option: "maxTop2Gram", keep: "atMost" },
  "top-3-gram": { option: "maxTop3Gram", keep: "atMost" },
  "top-4-gram": { option: "maxTop4Gram", keep: "atMost" },
  "repeated-5-grams": { option: "maxRepeated5Grams", keep: "atMost" },
  "repeated-6-grams": { option: "maxRepeated6Grams", keep: "atMost" },
  "repeated-7-grams": { option: "maxRepeated7Grams", keep: "atMost" },
  "repeated-8-grams": { option: "maxRepeated8Grams", keep: "atMost" },
  "repeated-9-grams": { option: "maxRepeated9Grams", keep: "atMost" },
  "repeated-10-grams": { option: "maxRepeated10Grams", keep: "atMost" },
} as const satisfies Rules;

export const gopherRepetition = documentStep({
  name: "gopher-repetition",
  version: 1,
  options: gopherRepetitionOptions,
  rules,
  apply({ text }, o) {
    const view = viewOf(text);
    const total = view.numCharacters;
    const paragraphs = paragraphStarts(view);
    const lines = lineStarts(view);
    const sameParagraphs = repeatsOf(view, paragraphs);
    const sameLines = repeatsOf(view, lines);
    const { top, repeated } = measureNgrams(view);
    const values = {
      characters: total,
      "repeated-paragraphs": ratio(sameParagraphs.parts, paragraphs.length / 2),
      "repeated-paragraph-characters": ratio(sameParagraphs.characters, total),
      "repeated-lines": ratio(sameLines.parts, lines.length / 2),
      "repeated-line-characters": ratio(sameLines.characters, total),
      "top-2-gram": ratio(top[2], total),
      "top-3-gram": ratio(top[3], total),
      "top-4-gram": ratio(top[4], total),
      "repeated-5-grams": ratio(repeated[5], total),
      "repeated-6-grams": ratio(repeated[6], total),
      "repeated-7-grams": ratio(repeated[7], total),
      "repeated-8-grams": ratio(repeated[8], total),
      "repeated-9-grams": ratio(repeated[9], total),
      "repeated-10-grams": ratio(repeated[10], total),
    };
    return { verdicts: judgeByRules(rules, values, o) };
  },
});
