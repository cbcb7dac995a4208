/** Seasonal Hybrid ESD against an independent computation (`bench/peers/golden/seasonal.py`), and of the newest value alone. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import golden from "./golden-season.json" with { type: "json" };
import { newestLimits, newestOutlier, seasonalOutliers } from "./seasonal-outliers.ts";

describe("the values of an independent computation", () => {
  test.each(golden.cases)(
    "$name: limits, and places, scores and expected values of outliers",
    ({ values, period, level, stages, planted }) => {
      for (const [k, limit] of newestLimits(values.length, level, stages.length, 1).entries())
        expect(limit).toBeCloseTo(stages[k]!.limit, 6);
      const found = seasonalOutliers(values, { period, level });
      expect(found.map(f => f.index).sort((a, b) => a - b)).toEqual(planted);
      for (const [k, f] of found.entries()) {
        expect(f.index).toBe(stages[k]!.index);
        expect(f.score).toBeCloseTo(stages[k]!.score, 9);
        expect(f.expected).toBeCloseTo(stages[k]!.expected, 9);
      }
    },
  );
});

describe("the newest value", () => {
  const period = 24;
  const series = (seed: string) => {
    const draw = random(seed);
    return Array.from({ length: 14 * period }, (_, i) => 5 * Math.sin((2 * Math.PI * i) / period) + draw.normal());
  };
  const limits = newestLimits(14 * period, 0.05, 33, 1.2);
  const withLast = (values: readonly number[], last: number) => [...values.slice(0, -1), last];

  test("is judged as among all outliers of the series, with its side", () => {
    for (let seed = 0; seed < 40; seed++) {
      const values = series(`newest ${seed}`);
      for (const last of [values.at(-1)!, values.at(-1)! + 8, values.at(-1)! - 8, values.at(-1)! + 4]) {
        const given = withLast(values, last);
        const isFound = seasonalOutliers(given, { period, level: 0.05 }).some(o => o.index === given.length - 1);
        const { ratio, side } = newestOutlier(given, period, limits);
        // the factor of both is nearly the same
        if (Math.abs(ratio - 1) > 0.05) expect(ratio >= 1, `seed ${seed}, ${last}`).toBe(isFound);
        if (Math.abs(last - values.at(-1)!) === 8)
          expect({ side, isFar: ratio > 1 }).toEqual({ side: last > values.at(-1)! ? "above" : "below", isFar: true });
      }
    }
  });

  test("is not hidden by outliers before it, nor by as many as a tenth of the series, and hides none", () => {
    const values = series("masked");
    for (const at of [20, 21, 22, 60, 61, 100, 140, 180, 181, 182, 220, 260, 261, 300]) values[at] = values[at]! + 12;
    const far = newestOutlier(withLast(values, values.at(-1)! + 7), period, limits);
    expect(far).toMatchObject({ side: "above" });
    expect(far.ratio).toBeGreaterThan(1);
    expect(newestOutlier(values, period, limits).ratio).toBeLessThan(1);
  });

  test("usual at its hour is none, and the same value at another hour is one", () => {
    const values = series("hours");
    const peak = 5 + 0.2;
    // the series ends at 23 h; 17 hours before it, it was 6 h: the peak
    expect(newestOutlier(withLast(values.slice(0, -17), peak), period, newestLimits(14 * period - 17, 0.05, 30, 1.2)).ratio).toBeLessThan(
      1,
    );
    expect(newestOutlier(withLast(values, peak + 3), period, limits).ratio).toBeGreaterThan(1);
  });

  test("of a constant series is none", () => {
    expect(newestOutlier(new Array<number>(336).fill(3), period, limits)).toEqual({ ratio: 0, side: "above" });
  });
});
