import { describe, expect, test } from "vitest";
import { random } from "../base/index.ts";
import { datamodelingScores } from "./datamodel.ts";
import { spearman } from "./rank.ts";

const [items, models, targets] = [60, 40, 12];
const r = random("datamodel");
const weights = Array.from({ length: targets }, () => Float64Array.from({ length: items }, () => r.normal()));
const subsets = Array.from({ length: models }, () => Array.from(r.permutation(items).subarray(0, items / 2)));
const sumOf = (row: ArrayLike<number>, subset: readonly number[]) => subset.reduce((s, i) => s + row[i]!, 0);
const outputs = (noise: number) => subsets.map(s => weights.map(row => sumOf(row, s) + noise * r.normal()));
const noisy = (noise: number) => weights.map(row => row.map(x => x + noise * r.normal()));
const others = Array.from({ length: targets }, () => Float64Array.from({ length: items }, () => r.normal()));

describe("outputs that are sums over the subset's items", () => {
  test("are predicted wholly by these weights, and by any rising function of the sums", () => {
    const { scores } = datamodelingScores({ subsets, outputs: outputs(0).map(row => row.map(Math.exp)) }, { own: weights });
    expect(scores.own.value).toBeCloseTo(1, 12);
  });
  test("are predicted the other way round by their negatives", () => {
    const { scores } = datamodelingScores({ subsets, outputs: outputs(0) }, { own: weights.map(row => row.map(x => -x)) });
    expect(scores.own.value).toBeCloseTo(-1, 12);
  });
});

test("the score is the mean of Spearman's correlations over the targets", () => {
  const found = outputs(2);
  const method = noisy(1);
  const { scores } = datamodelingScores({ subsets, outputs: found }, { method });
  const own = method.map((row, t) =>
    spearman(
      subsets.map(s => sumOf(row, s)),
      found.map(o => o[t]!),
    ),
  );
  expect(scores.method.targets).toEqual(own);
  expect(scores.method.value).toBeCloseTo(own.reduce((a, b) => a + b, 0) / targets, 12);
});

test("a better method is better by the paired interval, and chance holds 0", () => {
  const given = { subsets, outputs: outputs(1) };
  const { scores, difference } = datamodelingScores(given, { near: noisy(0.5), far: noisy(3), chance: others });
  expect(scores.near.low).toBeGreaterThan(scores.far.high);
  expect(difference("near", "far").low).toBeGreaterThan(0);
  expect(difference("far", "near").high).toBe(-difference("near", "far").low);
  expect(scores.chance.low).toBeLessThan(0);
  expect(scores.chance.high).toBeGreaterThan(0);
});

test("a target whose outputs do not vary is left out of the mean", () => {
  const constant = outputs(0).map(row => row.with(0, 7));
  const { scores } = datamodelingScores({ subsets, outputs: constant }, { own: weights });
  expect(scores.own.targets[0]).toBeNaN();
  expect(scores.own.value).toBeCloseTo(1, 12);
});

test("what does not fit is refused by name", () => {
  expect(() => datamodelingScores({ subsets: subsets.slice(0, 2), outputs: [] }, {})).toThrow(/subsets/);
  expect(() => datamodelingScores({ subsets, outputs: outputs(0) }, { short: weights.slice(1) })).toThrow(/short/);
});
