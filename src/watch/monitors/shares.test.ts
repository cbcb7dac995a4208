/** Shares and classes by exact chances: golden values of scipy, brute force, and simulation. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  adaptClasses,
  classScore,
  emptyLabelBase,
  followClasses,
  type LabelBase,
  learnClasses,
  mostClasses,
  otherClass,
} from "./classes.ts";
import {
  adaptShare,
  cautiousShare,
  emptyShareBase,
  followShare,
  learnShare,
  predicted,
  type ShareBase,
  shareLikelihood,
  shareScore,
  shareTails,
} from "./shares.ts";

describe("beta-binomial tails", () => {
  // scipy 1.17.1, betabinom.sf(k - 1), cdf, pmf
  test.each([
    [7, 100, 2, 98, 0.03347830980674782, 0.9818939651301665, 0.015372274936914291],
    [0, 50, 1.5, 200, 1, 0.7158093280317601, 0.7158093280317601],
    [40, 60, 30, 20, 0.2718269866933898, 0.7854847678093557, 0.057311754502745484],
    [3, 1000, 0.5, 800, 0.0709138913362275, 0.9648173550073741, 0.0357312463436016],
  ])("%d of %d equal scipy's", (count, of, a, b, above, below, at) => {
    const tails = shareTails(count, of, { a, b });
    expect(tails.above).toBeCloseTo(above, 9);
    expect(tails.below).toBeCloseTo(below, 9);
    expect(tails.at).toBeCloseTo(at, 9);
  });

  test("scores are the middle of a window's probability", () => {
    expect(shareScore({ above: 0.6, below: 0.6, at: 0.2 })).toBeCloseTo(0, 9);
    expect(shareScore({ above: 0.03, below: 0.98, at: 0.01 })).toBeCloseTo(1.959964, 5);
    expect(shareScore({ above: 0.98, below: 0.03, at: 0.01 })).toBeCloseTo(-1.959964, 5);
  });
});

const windows = (share: number, spread: number, count: number, seed: string) => {
  const draw = random(seed);
  return Array.from({ length: count }, () => {
    const of = 20 + draw.below(100);
    const p = share * Math.exp(spread * draw.normal());
    let events = 0;
    for (let i = 0; i < of; i++) if (draw.uniform() < p) events++;
    return { count: events, of };
  });
};
const learnt = (all: readonly { readonly count: number; readonly of: number }[]): ShareBase =>
  all.reduce((base, { count, of }) => learnShare(base, count, of), emptyShareBase);

describe("the base of a share", () => {
  test("windows that come in bursts are as usual as independent ones", () => {
    for (const spread of [0, 0.6]) {
      const base = learnt(windows(0.05, spread, 2000, `base ${spread}`));
      const level = 0.01;
      const alarms = windows(0.05, spread, 4000, `new ${spread}`).filter(
        ({ count, of }) => shareTails(count, of, predicted(base)).above <= level,
      );
      expect(alarms.length / 4000, `spread ${spread}`).toBeLessThan(1.6 * level);
      expect(alarms.length / 4000, `spread ${spread}`).toBeGreaterThan(0.1 * level);
    }
  });

  test("likelihood ratios have a mean of at most 1 where nothing changed", () => {
    const base = learnt(windows(0.02, 0, 500, "ratios"));
    for (const ratio of [2, 0.5]) {
      const all = windows(0.02, 0, 6000, `likelihood ${ratio}`).map(({ count, of }) => Math.exp(shareLikelihood(count, of, base, ratio)));
      expect(all.reduce((a, b) => a + b, 0) / all.length, `ratio ${ratio}`).toBeLessThan(1.05);
    }
    expect(shareLikelihood(10, 100, base, 2)).toBeGreaterThan(1);
    expect(shareLikelihood(0, 100, base, 2)).toBeLessThan(0);
    expect(shareLikelihood(0, 300, base, 0.5)).toBeGreaterThan(0);
  });

  test("a base of few trials is believed less: its cautious share is farther off", () => {
    const [few, many] = [learnt(windows(0.02, 0, 40, "few")), learnt(windows(0.02, 0, 4000, "many"))];
    expect(cautiousShare(few, "above") / ((few.events + 0.5) / (few.trials + 1))).toBeGreaterThan(1.1);
    expect(cautiousShare(many, "above")).toBeLessThan(0.022);
    expect(cautiousShare(many, "below")).toBeGreaterThan(0.018);
    expect(cautiousShare(emptyShareBase, "below")).toBeGreaterThan(0);
  });

  test("one window of nothing but events moves it by no more than four deviations, and an hour of them is the base once it is taken for it", () => {
    const base = learnt(windows(0.02, 0, 1000, "clip"));
    expect(learnShare(base, 100, 100).events - base.events).toBeLessThan(10);
    let after = base;
    for (let i = 0; i < 180; i++) after = followShare(after, 30, 100);
    const { a, b } = predicted(adaptShare(after));
    expect(a / (a + b)).toBeCloseTo(0.3, 3);
    expect(adaptShare(base)).toEqual(base);
  });
});

describe("classes", () => {
  const draw = random("classes");
  const minute = (shares: Readonly<Record<string, number>>, of = 60) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < of; i++) {
      let u = draw.uniform();
      for (const [label, p] of Object.entries(shares)) {
        if (u < p) {
          counts[label] = (counts[label] ?? 0) + 1;
          break;
        }
        u -= p;
      }
    }
    return counts;
  };
  const usual = { ham: 0.7, spam: 0.25, list: 0.05 };
  const observe = (base: LabelBase, counts: Readonly<Record<string, number>>) => learnClasses(base, counts, classScore(base, counts));
  let base = emptyLabelBase;
  for (let i = 0; i < 600; i++) base = observe(base, minute(usual));

  test("scores of usual minutes are standard normal", () => {
    const scores = Array.from({ length: 1500 }, () => classScore(base, minute(usual))!.z);
    const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
    expect(Math.abs(mean)).toBeLessThan(0.15);
    expect(scores.reduce((sum, z) => sum + (z - mean) ** 2, 0) / scores.length).toBeLessThan(1.25);
  });

  test("another share, and a label that was never there, are found and named", () => {
    const moved = classScore(base, { ham: 30, spam: 28, list: 2 })!;
    expect(moved).toMatchObject({ label: "spam", share: 28 / 60 });
    expect(moved.z).toBeGreaterThan(2.5);
    expect(classScore(base, { ham: 30, odd: 30 })).toMatchObject({ label: "odd" });
    expect(classScore(base, {})).toBeUndefined();
    expect(classScore(emptyLabelBase, { ham: 3 })).toBeUndefined();
  });

  test("a difference from a small base counts the base's own error", () => {
    const small = { ...emptyLabelBase, counts: { ham: 60, spam: 60 } };
    // 2 * 10 ** 2 / 30, of a variance of 1 + 60 / 120
    expect(classScore(small, { ham: 40, spam: 20 })!.ratio).toBeCloseTo(200 / 30 / 1.5, 9);
  });

  test("labels without end are counted as one from the 64th on, names of Object's too", () => {
    let grown = emptyLabelBase;
    for (let i = 0; i < 40; i++) grown = observe(grown, Object.fromEntries(Array.from({ length: 50 }, (_, k) => [`label ${i} ${k}`, 1])));
    expect(mostClasses).toBe(64);
    expect(Object.keys(grown.counts).length).toBeLessThanOrEqual(64);
    expect(grown.counts[otherClass]).toBeGreaterThan(1900);
    expect(observe(emptyLabelBase, JSON.parse('{"__proto__": 2, "constructor": 1, "x": -1, "y": null}')).counts).not.toHaveProperty("x");
  });

  test("an hour of other shares is the base once it is taken for it", () => {
    let after = base;
    for (let i = 0; i < 300; i++) after = followClasses(after, minute({ ham: 0.3, spam: 0.7 }));
    const adapted = adaptClasses(after);
    expect(classScore(adapted, { ham: 18, spam: 42 })!.z).toBeLessThan(1.5);
  });
});
