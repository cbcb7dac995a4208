import { expect, test } from "vitest";
import { random } from "../../../src/base/index.ts";
import { type CostPoint, costToQuality, groupCosts } from "./to-quality.ts";

const point = (group: string, seed: string, cost: number, quality: number): CostPoint => ({
  id: `${group}-${seed}-${cost}`,
  artifact: null,
  name: group,
  group,
  seed,
  cost,
  quality,
});
/** A curve that falls by 0.2 a doubling of the cost; a group of `factor` needs so many times the cost. */
const at = (cost: number, factor: number) => 4 - 0.2 * Math.log2(cost / factor);
const curve = (group: string, seed: string, factor: number) => [8, 16, 32, 64, 128].map(c => point(group, seed, c, at(c, factor)));

test("on a curve that is straight in the logarithm of the cost, the cost to a quality is exact, whichever direction is better", () => {
  const r = random("to quality");
  for (let i = 0; i < 50; i++) {
    const cost = 8 * 16 ** r.uniform();
    const lower = costToQuality(curve("a", "1", 3).toReversed(), at(cost, 3), "lower");
    const higher = costToQuality(
      curve("a", "1", 3).map(p => ({ ...p, quality: -p.quality })),
      -at(cost, 3),
      "higher",
    );
    for (const found of [lower, higher]) {
      expect(found.kind).toBe("within");
      expect(found.cost / cost).toBeCloseTo(1, 9);
    }
  }
});

test("a quality that no run reaches is a lower bound; one that all reach is an upper bound", () => {
  expect(costToQuality(curve("a", "1", 1), at(200, 1), "lower")).toEqual({ kind: "above", cost: 128 });
  expect(costToQuality(curve("a", "1", 1), at(2, 1), "lower")).toEqual({ kind: "below", cost: 8 });
});

test("groups of planted costs have the planted ratios to the baseline, seed by seed, and the interval holds them", () => {
  const factors = [1, 1.1, 0.9];
  const points = factors.flatMap((noise, seed) => [
    point("plain", `${seed}`, 100 * noise, at(100 * noise, 4 * noise)),
    ...curve("efficient", `${seed}`, 1 * noise * noise),
    ...curve("slow", `${seed}`, 1000),
    ...curve("elsewhere", `other-${seed}`, 1),
  ]);
  const [baseline, efficient, ...others] = groupCosts(points, "plain", "lower");
  expect(baseline).toMatchObject({ group: "plain", seeds: 3, interval: null });
  expect(baseline!.ratio).toBeCloseTo(1, 12);
  expect(efficient!.group).toBe("efficient");
  // each seed: 100 / 4 x noise² over 100 x noise
  const logs = factors.map(noise => Math.log(noise / 4));
  expect(efficient!.ratio).toBeCloseTo(Math.exp(logs.reduce((n, l) => n + l, 0) / 3), 9);
  expect(efficient!.interval![0]).toBeLessThan(0.25);
  expect(efficient!.interval![1]).toBeGreaterThan(0.25);
  expect(others.map(o => ({ group: o.group, seeds: o.seeds, missed: o.missed, ratio: o.ratio }))).toEqual([
    { group: "slow", seeds: 0, missed: 3, ratio: null },
    { group: "elsewhere", seeds: 0, missed: 0, ratio: null },
  ]);
});

test("a group whose cheapest run is better than the target has a cost of at most that run's", () => {
  const rows = groupCosts([point("plain", "", 50, 3), ...curve("better", "", 0.001)], "plain", "lower");
  expect(rows[1]).toMatchObject({ group: "better", isAtMost: true });
  expect(rows[1]!.cost).toBeCloseTo(8, 9);
});
