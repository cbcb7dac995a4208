import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { levenshtein, normalisedAnswer } from "./answers.ts";
import { tokens13a } from "./bleu.ts";
import { type TextItem, textMetrics, textScore, textStatistics } from "./index.ts";

const golden = JSON.parse(readFileSync(new URL("./golden/texts.golden.json", import.meta.url), "utf8")) as {
  readonly items: readonly TextItem[];
  readonly corpus: Readonly<Record<string, number>>;
  readonly single: readonly Readonly<Record<string, number>>[];
};
const scoreOf = (name: string, items: readonly TextItem[]) => textScore(textMetrics[name]!, textStatistics(textMetrics[name]!, items));

test("corpora score as in sacrebleu and rouge-score, to 1e-12", () => {
  for (const [name, want] of Object.entries(golden.corpus))
    expect(Math.abs(scoreOf(name, golden.items) - want), name).toBeLessThanOrEqual(1e-12);
});

test("so do single texts", () => {
  for (const [i, figures] of golden.single.entries())
    for (const [name, want] of Object.entries(figures))
      expect(Math.abs(scoreOf(name, [golden.items[i]!]) - want), `${name} of item ${i}`).toBeLessThanOrEqual(1e-12);
});

const words = fc
  .array(fc.constantFrom("the", "cat", "sat", "The", "mat.", "3.5", "ü"), { minLength: 1, maxLength: 12 })
  .map(w => w.join(" "));

test("a text beside itself has the full score, one that shares nothing none, and every score lies between", () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      for (const name of Object.keys(textMetrics).filter(n => textMetrics[n]!.better !== "lower")) {
        const score = scoreOf(name, [{ prediction: a, references: [b] }]);
        expect(score, name).toBeGreaterThanOrEqual(0);
        expect(score, name).toBeLessThanOrEqual(1 + 1e-12);
        const nothing = scoreOf(name, [{ prediction: "@ @", references: [`cat ${a}`] }]);
        if (name !== "edit-similarity") expect(nothing, name).toBe(0);
      }
      for (const name of ["exact-match", "normalised-match", "token-f1-cased", "edit-similarity", "chrf", "chrf++"])
        expect(scoreOf(name, [{ prediction: a, references: [b, a] }]), name).toBeCloseTo(1, 12);
      expect(scoreOf("cer", [{ prediction: a, references: [b, a] }])).toBe(0);
    }),
  );
  expect(scoreOf("bleu", [{ prediction: "one two three four", references: ["one two three four"] }])).toBeCloseTo(1, 12);
});

test("the sums of parts are those of the whole, in any order", () => {
  const metric = textMetrics.bleu!;
  const statistics = textStatistics(metric, golden.items);
  const order = [...statistics.keys()].reverse();
  expect(textScore(metric, statistics, order)).toBeCloseTo(textScore(metric, statistics), 12);
});

test("mteval's tokens: signs apart, but not within numbers", () => {
  expect(tokens13a('He said: "1,000.5 -- 3-4", e.g. &amp;\nx')).toEqual([
    "He",
    "said",
    ":",
    '"',
    "1,000.5",
    "--",
    "3",
    "-",
    "4",
    '"',
    ",",
    "e",
    ".",
    "g",
    ".",
    "&",
    "x",
  ]);
});

test("the edit distance is a metric, and normalising takes what SQuAD's script takes", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      expect(levenshtein(a, a)).toBe(0);
      expect(levenshtein(a, b)).toBe(levenshtein(b, a));
      expect(levenshtein(a, c)).toBeLessThanOrEqual(levenshtein(a, b) + levenshtein(b, c));
    }),
  );
  expect(levenshtein("kitten", "sitting")).toBe(3);
  expect(levenshtein("a🙂", "a")).toBe(1);
  expect(normalisedAnswer("The  U.S. and an apple, a day")).toBe("us and apple day");
  expect(scoreOf("token-f1", [{ prediction: "the red cat", references: ["a cat", "red dog house"] }])).toBeCloseTo(2 / 3, 12);
});

test("no items and no references are refused by name", () => {
  expect(() => textStatistics(textMetrics.bleu!, [])).toThrowError(/items/);
  expect(() => textStatistics(textMetrics.bleu!, [{ prediction: "", references: [] }])).toThrowError(/items\[0\]\.references/);
});

test("token-f1-cased sees case and marks, which token-f1 passes over", () => {
  const item = [{ prediction: "then peter left rome", references: ["Then Peter left Rome."] }];
  expect(scoreOf("token-f1", item)).toBe(1);
  // of 4 tokens 1 is among the reference's 5
  expect(scoreOf("token-f1-cased", item)).toBeCloseTo(2 / 9, 12);
  expect(scoreOf("token-f1-cased", [{ prediction: '"No", he said.', references: ['"No," he said.'] }])).toBe(1);
});

test("cer is all edits over all characters of the right answers, each beside the nearest reference", () => {
  const items = [
    { prediction: "abc", references: ["abd", "xyz"] },
    { prediction: "hello", references: ["Hello."] },
    { prediction: "far too long", references: ["x"] },
  ];
  expect(scoreOf("cer", items)).toBeCloseTo((1 + 2 + 12) / (3 + 6 + 1), 12);
});
