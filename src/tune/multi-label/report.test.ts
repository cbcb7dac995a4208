import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { compareMultiLabel, type MultiLabelSystem } from "./report.ts";

const labels = ["a", "b"];
function material(count: number, seed: string, noise: number) {
  const r = random(seed);
  const truths = Array.from({ length: count }, (_, i) => [i % 4 === 0 ? 1 : 0, i % 3 === 0 ? 1 : i % 7 === 0 ? undefined : 0] as const);
  const scores = truths.map(t => t.map(x => (x ?? 0) + noise * r.normal()));
  const system = (name: string, kind: MultiLabelSystem["kind"], own: number[][]): MultiLabelSystem => ({
    name,
    kind,
    scores: own,
    held: own.map(row => row.map(x => x > 0.5)),
  });
  return { truths, groups: truths.map((_, i) => `${i}`), system, scores };
}

test("a system that knows the truth has 1 of everything, and is better than one that guesses", () => {
  const { truths, groups, system, scores } = material(200, "perfect", 0);
  const guess = scores.map((_, i) => [((i * 37) % 101) / 101, ((i * 53) % 97) / 97]);
  const {
    scores: [own],
    comparisons,
  } = compareMultiLabel({
    labels,
    truths,
    groups,
    model: system("m", "model", scores),
    baselines: [system("guess", "baseline", guess)],
  });
  for (const l of own!.labels) expect([l.averagePrecision.value, l.auc.value, l.f1.value, l.falseAlarms.value]).toEqual([1, 1, 1, 0]);
  expect([own!.macroF1.value, own!.microF1.value, own!.meanAveragePrecision.value]).toEqual([1, 1, 1]);
  expect(comparisons[0]).toMatchObject({ against: "guess", verdict: "better" });
});

test("unknown labels count for nothing: whatever is told of them changes no figure", () => {
  const { truths, groups, system, scores } = material(150, "unknown", 0.5);
  const other = scores.map((row, i) => row.map((x, k) => (truths[i]![k] === undefined ? 1 - x : x)));
  const on = (own: number[][]) => compareMultiLabel({ labels, truths, groups, model: system("m", "model", own), baselines: [] });
  expect(on(other)).toEqual(on(scores));
  expect(on(scores).scores[0]!.labels[1]!.known).toBe(truths.filter(t => t[1] !== undefined).length);
});

test("a system is no better than itself", () => {
  const { truths, groups, system, scores } = material(150, "same", 0.7);
  const { comparisons } = compareMultiLabel({
    labels,
    truths,
    groups,
    model: system("m", "model", scores),
    baselines: [system("n", "baseline", scores)],
  });
  expect(comparisons[0]).toMatchObject({ difference: { value: 0, low: 0, high: 0 }, verdict: "no significant difference" });
});
