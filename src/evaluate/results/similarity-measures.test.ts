/** Whether the interval of a correlation is what it says, by simulation: the bootstrap draws pairs, and its draws have ties that the pairs have not. */
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { bootstrap } from "../../statistics/index.ts";
import type { ItemResult } from "./item.ts";
import { measureOf } from "./measures.ts";

/** Pairs of a bivariate normal distribution with this correlation. */
function pairsOf(n: number, correlation: number, seed: string): ItemResult[] {
  const draw = random(seed);
  return Array.from({ length: n }, (_, i) => {
    const [a, b] = [draw.normal(), draw.normal()];
    const item = { id: String(i), place: "", prompt: "", right: "", came: "", ms: 0, attributes: {} };
    return { ...item, score: a, cosine: correlation * a + Math.sqrt(1 - correlation ** 2) * b, places: [0, 0] as const };
  });
}

/** Of a bivariate normal distribution, the rank correlation that a correlation has (Pearson 1907). */
const ofRanks = (correlation: number): number => (6 / Math.PI) * Math.asin(correlation / 2);

test.each([
  ["spearman", 0.3, ofRanks(0.3)],
  ["spearman", 0.85, ofRanks(0.85)],
  ["pearson", 0.85, 0.85],
] as const)("the 95 %% interval of %s covers a correlation of %f about as often as it says", (name, correlation, truth) => {
  const measure = measureOf(name, { task: "pairs", output: "similarity" });
  const trials = rounds(200, 80);
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const items = pairsOf(60, correlation, `${name} ${correlation} ${trial}`);
    const { low, high } = bootstrap(items.length, measure.prepare(items), { draws: 300, seed: trial });
    if (low <= truth && truth <= high) covered++;
  }
  // within three standard errors of a share of so many
  expect(Math.abs(covered / trials - 0.95)).toBeLessThan(3 * Math.sqrt((0.95 * 0.05) / trials));
});

test("a draw on which a side does not vary has no correlation, and neither has a single pair", () => {
  const items = pairsOf(4, 0.5, "few").map((i, k) => ({ ...i, score: 0.1 + k / 10 }));
  for (const name of ["spearman", "pearson"]) {
    const figure = measureOf(name, { task: "pairs", output: "similarity" }).prepare(items);
    for (const draw of [[0], [2, 2, 2], [1, 1, 1, 1, 1, 1, 1]]) expect(figure(draw), `${name} of ${draw}`).toBeNaN();
    expect(figure([0, 1, 2, 3])).not.toBeNaN();
  }
});
