import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { labelProbabilities } from "../../nn/index.ts";
import { chooseThreshold, fitScale } from "./calibration.ts";

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
/** Texts whose label holds with the probability that a map of their logits says. */
function drawn(count: number, slope: number, offset: number, seed: string) {
  const r = random(seed);
  const outputs = Array.from({ length: count }, () => 3 * r.normal());
  return { outputs, holds: outputs.map(x => r.uniform() < logistic(slope * x + offset)) };
}

test("Platt scaling finds the map by which labels were drawn", () => {
  for (const [slope, offset] of [
    [0.5, 1],
    [2, -3],
    [1, 0],
  ] as const) {
    const found = fitScale(drawn(20_000, slope, offset, `${slope}`), "platt");
    expect(found.slope).toBeCloseTo(slope, 0);
    expect(Math.abs(found.offset - offset)).toBeLessThan(0.25);
  }
});

test("a temperature moves no threshold of one half, and none is the identity", () => {
  const known = drawn(5_000, 0.4, 0, "flat");
  const { slope, offset } = fitScale(known, "temperature");
  expect(offset).toBe(0);
  expect(Math.abs(slope - 0.4)).toBeLessThan(0.05);
  expect(fitScale(known, "none")).toEqual({ slope: 1, offset: 0 });
});

test("a map never turns the order of texts around, whatever the validation set", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double({ min: -50, max: 50, noNaN: true }), fc.boolean()), { minLength: 1, maxLength: 30 }), rows => {
      for (const kind of ["platt", "temperature"] as const) {
        const scale = fitScale({ outputs: rows.map(([x]) => x), holds: rows.map(([, h]) => h) }, kind);
        expect(scale.slope).toBeGreaterThan(0);
        expect(Number.isFinite(scale.offset)).toBe(true);
        const [low, high] = labelProbabilities({ scales: [scale] }, [-1]).concat(labelProbabilities({ scales: [scale] }, [1]));
        expect(high!).toBeGreaterThanOrEqual(low!);
      }
    }),
  );
});

const rates = (at: number | null, outputs: readonly number[], holds: readonly boolean[]) => {
  const told = outputs.map(p => at !== null && p >= at);
  const count = (t: boolean, h: boolean) => told.filter((x, i) => x === t && holds[i] === h).length;
  return {
    hits: count(true, true),
    alarms: count(true, false),
    misses: count(false, true),
    negatives: count(true, false) + count(false, false),
  };
};
const scored = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { minLength: 2, maxLength: 40 });

test("a false alarm rate is kept on the validation set, and no lower threshold keeps it", () => {
  fc.assert(
    fc.property(scored, fc.double({ min: 0, max: 1, noNaN: true }), (rows, falseAlarms) => {
      const [outputs, holds] = [rows.map(([p]) => p), rows.map(([, h]) => h)];
      if (!holds.includes(true) || !holds.includes(false)) return;
      const at = chooseThreshold({ falseAlarms }, { outputs, holds });
      const { alarms, negatives } = rates(at, outputs, holds);
      expect(alarms / negatives).toBeLessThanOrEqual(falseAlarms);
      const below = outputs.filter(p => at === null || p < at);
      if (below.length === 0) return;
      const next = rates(Math.max(...below), outputs, holds);
      expect(next.alarms / negatives).toBeGreaterThan(falseAlarms);
    }),
  );
});

test("no other threshold has a greater F1 on the validation set", () => {
  const f1 = (at: number | null, outputs: readonly number[], holds: readonly boolean[]) => {
    const { hits, alarms, misses } = rates(at, outputs, holds);
    return (2 * hits) / (2 * hits + alarms + misses);
  };
  fc.assert(
    fc.property(scored, rows => {
      const [outputs, holds] = [rows.map(([p]) => p), rows.map(([, h]) => h)];
      if (!holds.includes(true) || !holds.includes(false)) return;
      const own = f1(chooseThreshold("f1", { outputs, holds }), outputs, holds);
      for (const at of outputs) expect(f1(at, outputs, holds)).toBeLessThanOrEqual(own + 1e-12);
    }),
  );
});

test("costs choose Elkan's threshold", () => {
  expect(chooseThreshold({ falsePositive: 1, falseNegative: 3 }, { outputs: [0.1, 0.9], holds: [false, true] })).toBe(0.25);
  expect(chooseThreshold(0.7, { outputs: [], holds: [] })).toBe(0.7);
});
