/** Measures against scikit-learn and scipy (`bench/peers/golden/regression.py`), documents with numbers, and what is refused of them. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { readMeasured, readMeasuredTest } from "./examples.ts";
import { targetOptions } from "./options.ts";
import { compareRegression, regressionMeasures, regressionOf } from "./report.ts";

type Case = { readonly name: string; readonly truth: number[]; readonly predicted: number[] } & {
  readonly [M in (typeof regressionMeasures)[number]]: number;
};
const golden: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(new URL("regression.golden.json", import.meta.url), "utf8"));

test("errors, R² and correlations are those of scikit-learn and scipy", () => {
  for (const given of golden.cases)
    for (const m of regressionMeasures) expect(regressionOf[m](given), `${given.name}: ${m}`).toBeCloseTo(given[m], 10);
});

test("intervals hold their values, and a model that gives the mean is no better than the mean", () => {
  const { truth, predicted } = golden.cases[0]!;
  const groups = truth.map((_, i) => String(i >> 1));
  const baseline = truth.reduce((a, b) => a + b, 0) / truth.length;
  const report = compareRegression({ truth, predicted, groups, baseline });
  expect(report.groups).toBe(truth.length / 2);
  for (const m of regressionMeasures) {
    const { value, low, high } = report.scores[m];
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
  }
  expect(report.baseline.verdict).toBe("better");
  const same = compareRegression({ truth, predicted: truth.map(() => baseline), groups, baseline });
  expect(same.baseline.difference).toEqual({ value: 0, low: 0, high: 0 });
  expect(same.baseline).toMatchObject({ verdict: "no better than chance", chance: 1 });
  expect(same.scores.r2.value).toBeCloseTo(0, 12);
});

test("the frozen base is compared on the same texts: worse than one that knows more, no different from itself, not beaten by chance", () => {
  const r = random("frozen");
  const truth = Array.from({ length: 300 }, () => r.normal());
  const groups = truth.map((_, i) => String(i));
  const noisy = (by: number) => truth.map(y => y + by * r.normal());
  const verdict = (predicted: readonly number[], frozen: readonly number[]) =>
    compareRegression({ truth, predicted, groups, baseline: 0, frozen }).frozen!;
  expect(verdict(noisy(0.1), noisy(0.5)).verdict).toBe("better");
  expect(verdict(noisy(0.5), noisy(0.1)).verdict).toBe("worse");
  const own = noisy(0.3);
  expect(verdict(own, own)).toMatchObject({ verdict: "no significant difference", difference: { value: 0, low: 0, high: 0 } });
  const mean = truth.map(() => 0);
  expect(
    verdict(
      mean,
      truth.map(() => 9),
    ).verdict,
  ).toBe("no significant difference");
  expect(compareRegression({ truth, predicted: own, groups, baseline: 0 })).not.toHaveProperty("frozen");
});

test("shuffled numbers are no better than chance, although the median has a smaller error than the mean", () => {
  for (let seed = 0; seed < rounds(20); seed++) {
    const r = random(`shuffled ${seed}`);
    // skewed: the mean of 1.65 is far above the median of 1
    const truth = Array.from({ length: 300 }, () => Math.exp(r.normal()));
    const predicted = truth.map(() => 1 + 0.05 * r.normal());
    const { baseline } = compareRegression({ truth, predicted, groups: truth.map((_, i) => String(i)), baseline: 1.65 });
    expect(baseline.difference.high, `${seed}`).toBeLessThan(0);
    expect(baseline.verdict, `${seed}`).toBe("no better than chance");
  }
});

interface Row {
  readonly text: string;
  readonly [attribute: string]: unknown;
}
const documents = (train: readonly Row[], heldOut: readonly Row[] = []): ArtifactReader => ({
  id: "documents-1",
  kind: "documents",
  digest: "0",
  summary: {},
  files: [],
  read: () => Promise.reject(new Error("not read whole")),
  localPath: () => Promise.reject(new Error("no path")),
  async *stream(name) {
    for (const [i, { text, ...attributes }] of (name === "train.jsonl" ? train : heldOut).entries())
      yield Buffer.from(`${JSON.stringify({ id: `d${i}`, source: "s", attributes, text })}\n`);
  },
});
const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({ text: `text ${i}`, score: i % 7, cluster: `g${i >> 1}` }));
const options = targetOptions.parse({});

test("numbers are read from a table's texts too, near-duplicates stay together, and the test part is the held-out side", async () => {
  const { train, validation, leftOut } = await readMeasured(
    documents([...rows(100), { text: "t", score: "4.5" }, { text: "no number" }]),
    options,
  );
  expect(leftOut).toBe(1);
  expect(train.length + validation.length).toBe(101);
  expect([...train, ...validation].find(m => m.id === "d100")!.value).toBe(4.5);
  const held = new Set(validation.map(m => m.group));
  expect(held.size).toBeGreaterThan(1);
  expect(train.some(m => held.has(m.group))).toBe(false);
  expect((await readMeasuredTest(documents([], rows(5)), options)).map(m => m.value)).toEqual([0, 1, 2, 3, 4]);
});

test("a user's own validation part selects and trains no number", async () => {
  const train = Array.from({ length: 60 }, (_, i) => ({ text: `text ${i}`, score: i % 7, fold: i % 4 }));
  const parts = await readMeasured(documents(train), targetOptions.parse({ validation: { fold: 2 } }));
  expect(parts.validation.map(m => m.id)).toEqual(train.flatMap((r, i) => (r.fold === 2 ? [`d${i}`] : [])));
  expect(parts.train).toHaveLength(45);
  const wrong = readMeasured(documents(train), targetOptions.parse({ validation: { fold: 7 } }));
  await expect(wrong).rejects.toThrow(/"fold" is "7", got none; its values are "0" \(15\), "1"/);
});

test.each([
  ["a class", [...rows(50), { text: "t", score: "good" }], /d50: score: expected a number, got "good".*task: classify/],
  [
    "two of them, both named",
    [
      { text: "t", score: "a" },
      { text: "t", score: "b" },
    ],
    /2 without one:\n {2}d0: score.*\n {2}d1: score/,
  ],
  [
    "one number throughout",
    Array.from({ length: 80 }, (_, i) => ({ text: `t ${i}`, score: 3 })),
    /expected numbers that differ, got 3 throughout/,
  ],
  ["no such attribute", [{ text: "t", rating: 1 }], /got 1 without; they have rating\. Name the attribute with label:/],
  ["white space", [...rows(50), { text: " ", score: 1 }], /documents-1\/train: d50: expected a text/],
] as const)("refused: %s", async (_, train, message) => {
  await expect(readMeasured(documents(train), options)).rejects.toThrow(message);
});
