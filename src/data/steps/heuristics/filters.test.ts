/** What all four filter sets have in common, and datatrove's verdicts on texts that bench/peers/filters_golden.py made. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { z } from "zod";
import { random } from "../../../base/index.ts";
import type { Applied, DocumentStep } from "../step.ts";
import { c4 } from "./c4/c4.ts";
import { fineweb } from "./fineweb/fineweb.ts";
import { gopherQuality } from "./gopher/quality.ts";
import { gopherRepetition } from "./gopher/repetition.ts";
import { forgetWords } from "./words/text-view.ts";

const sets: readonly DocumentStep<z.ZodType, void>[] = [gopherRepetition, gopherQuality, c4, fineweb];
const run = (step: DocumentStep<z.ZodType, void>, text: string, given: object = {}): Applied =>
  step.apply({ id: "a", text, source: "s", attributes: {} }, step.options.parse(given));
const reason = (applied: Applied): string | null => applied.verdicts!.find(v => !v.keep)?.rule ?? null;

/** Our rule for each of datatrove's reasons. */
const named: Readonly<Record<string, string>> = {
  dup_para_frac: "repeated-paragraphs",
  dup_para_char_frac: "repeated-paragraph-characters",
  dup_line_frac: "repeated-lines",
  dup_line_char_frac: "repeated-line-characters",
  ...Object.fromEntries([2, 3, 4].map(n => [`top_${n}_gram`, `top-${n}-gram`])),
  ...Object.fromEntries([5, 6, 7, 8, 9, 10].map(n => [`duplicated_${n}_n_grams`, `repeated-${n}-grams`])),
  gopher_short_doc: "min-words",
  gopher_above_avg_threshold: "max-mean-word-length",
  gopher_below_avg_threshold: "min-mean-word-length",
  gopher_too_many_hashes: "hashes",
  gopher_too_many_ellipsis: "ellipses",
  gopher_too_many_bullets: "bullet-lines",
  gopher_too_many_end_ellipsis: "ellipsis-lines",
  gopher_below_alpha_threshold: "alphabetic-words",
  gopher_enough_stop_words: "stop-words",
  too_few_sentences: "sentences",
  lorem_ipsum: "lorem-ipsum",
  curly_bracket: "curly-brackets",
  empty: "lines",
  line_punct_ratio: "lines-with-end-mark",
  short_line_ratio: "short-lines",
  char_dup_ratio: "repeated-line-characters",
  list_ratio: "line-feeds",
};

interface GoldenText {
  readonly text: string;
  readonly edited?: string;
  readonly [set: string]: string | null | undefined;
}
const golden = (JSON.parse(readFileSync(new URL("./filters.golden.json", import.meta.url), "utf8")) as { texts: GoldenText[] }).texts;

for (const step of sets)
  test(`${step.name}: verdict, reason and new text are datatrove's on ${golden.length} made texts`, () => {
    for (const row of golden) {
      const applied = run(step, row.text);
      const theirs = row[step.name];
      expect([row.text, reason(applied)]).toEqual([row.text, theirs === null ? null : named[theirs!]]);
      if (step === c4 && theirs === null) expect(applied.text ?? row.text).toBe(row.edited ?? row.text);
    }
    expect(new Set(golden.map(row => row[step.name])).size).toBeGreaterThanOrEqual(4);
  });

test("every rule judges, and a threshold set to null silences its own rules and no others", () => {
  const text = golden[9]!.text;
  for (const step of sets) {
    const all = run(step, text).verdicts!;
    expect(all.map(v => v.rule)).toEqual(Object.keys(step.rules!));
    for (const { option } of Object.values(step.rules!)) {
      const left = run(step, text, { [option]: null }).verdicts!;
      expect(left).toEqual(all.filter(v => step.rules![v.rule]!.option !== option));
    }
  }
});

test("a verdict flips exactly at the threshold: the measured value itself still stays", () => {
  const texts = golden.map(g => g.text).filter((_, i) => i % 5 === 0);
  for (const step of sets)
    for (const text of texts)
      for (const { rule, value } of run(step, text).verdicts!) {
        const { option, keep } = step.rules![rule]!;
        const measured = value as number;
        const verdict = (threshold: number) => {
          const parsed = step.options.safeParse({ [option]: threshold });
          if (!parsed.success) return undefined;
          return step.apply({ id: "a", text, source: "s", attributes: {} }, parsed.data).verdicts!.find(v => v.rule === rule)!.keep;
        };
        const step1 = Number.isInteger(measured) ? 1 : measured * 1e-9;
        const beyond = verdict(keep === "atLeast" ? measured + step1 : measured - step1);
        expect([rule, verdict(measured) ?? true, beyond ?? false]).toEqual([rule, true, false]);
      }
});

test("the sources' thresholds are the defaults", () => {
  expect(gopherQuality.options.parse({})).toMatchObject({
    minWords: 50,
    maxWords: 100_000,
    minMeanWordLength: 3,
    maxMeanWordLength: 10,
    maxSymbolRatio: 0.1,
    maxBulletLines: 0.9,
    maxEllipsisLines: 0.3,
    minAlphabeticWords: 0.8,
    minStopWords: 2,
    stopWords: ["the", "be", "to", "of", "and", "that", "have", "with"],
  });
  expect(Object.values(gopherRepetition.options.parse({}))).toEqual([
    1, 0.3, 0.2, 0.3, 0.2, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1,
  ]);
  expect(fineweb.options.parse({})).toEqual({
    minLines: 1,
    minLinesWithEndMark: 0.12,
    maxShortLines: 0.67,
    shortLineLength: 30,
    maxRepeatedLineCharacters: 0.01,
    maxLineFeedRatio: 0.3,
  });
  expect(c4.options.parse({})).toMatchObject({
    minSentences: 5,
    minWordsPerLine: 3,
    maxWordLength: 1000,
    maxLoremIpsumLines: 0,
    maxCurlyBracketLines: 0,
  });
});

test("what was seen before changes no value, nor does forgetting it", () => {
  const draw = random(7);
  const first = golden.map(g => sets.map(step => run(step, g.text)));
  for (const forget of [false, true])
    for (const i of draw.permutation(golden.length)) {
      if (forget && draw.uniform() < 0.2) forgetWords();
      for (const [k, step] of sets.entries()) expect(run(step, golden[i]!.text)).toEqual(first[i]![k]);
    }
});

test("thresholds that nothing can meet, and options that do not exist, are refused", () => {
  expect(() => gopherQuality.options.parse({ minWords: 10, maxWords: 9 })).toThrow("at least minWords");
  expect(() => gopherQuality.options.parse({ minMeanWordLength: 5, maxMeanWordLength: 4 })).toThrow("at least minMeanWordLength");
  expect(() => gopherQuality.options.parse({ stopWords: ["the"] })).toThrow("at most the number of stopWords");
  expect(() => gopherRepetition.options.parse({ maxTop2Gram: 1.5 })).toThrow();
  expect(() => fineweb.options.parse({ maxShortLine: 0.5 })).toThrow();
  expect(() => c4.options.parse({ minSentences: -1 })).toThrow();
});

const odd: Readonly<Record<string, string>> = {
  "no text": "",
  "white space": " \n\t\r\n \u0085\u3000",
  "one word": "word",
  "one line of a million letters": "a".repeat(1 << 20),
  "one line of a megabyte of words": "seven winds ".repeat(90_000),
  "a megabyte of full stops": ".".repeat(1 << 20),
  "a megabyte of marks": "!-".repeat(1 << 19),
  "a megabyte of at signs": "a@".repeat(1 << 19),
  "a megabyte of dotted names": "a.".repeat(1 << 19),
  "a megabyte of line feeds": "\n".repeat(1 << 20),
  "Chinese without spaces": "今天天气很好我们去公园散步".repeat(2000),
  "lone surrogates": "\ud800a \udc00\n".repeat(100),
  "null bytes": "\0 \0\n".repeat(100),
};
for (const [name, text] of Object.entries(odd))
  test(`${name}: every value is a finite number`, () => {
    for (const step of sets)
      for (const v of run(step, text).verdicts!) expect([step.name, v.rule, Number.isFinite(v.value)]).toEqual([step.name, v.rule, true]);
  });

test("shares lie between 0 and 1, whatever the text", () => {
  const text = fc.array(
    fc.constantFrom("a", "B", ".", "...", "#", "- ", " ", "  ", "\n", "\n\n", "\r\n", "中", "😀", "{", "it's", "javascript"),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(text, pieces => {
      for (const step of [gopherRepetition, fineweb])
        for (const v of run(step, pieces.join("")).verdicts!)
          if (!["characters", "lines", "line-feeds"].includes(v.rule) && !v.rule.startsWith("top-"))
            expect([v.rule, (v.value as number) >= 0 && (v.value as number) <= 1]).toEqual([v.rule, true]);
    }),
  );
});
