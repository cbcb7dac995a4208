/** Residuals of seasonal autoregressive series are white and standard normal; bad values and clocks change nothing that they should not. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { type SeasonalModel, type SeasonalResidual, type SeasonalState, seasonalModel } from "./index.ts";

const minuteMs = 60_000;
const dayMinutes = 1440;
const startMs = Date.UTC(2026, 0, 5);

/** A daily season, an autoregressive process and noise, by the minute. */
function* series(seed: string, days: number, { season = 0.4, phi = 0.8, process = 0.06, noise = 0.1 } = {}) {
  const draw = random(seed);
  let a = 0;
  for (let i = 0; i < days * dayMinutes; i++) {
    a = phi * a + process * draw.normal();
    yield { i, atMs: startMs + i * minuteMs, value: 5 + season * Math.sin((2 * Math.PI * i) / dayMinutes) + a + noise * draw.normal() };
  }
}

function residualsOf(model: SeasonalModel, values: Iterable<{ readonly atMs: number; readonly value: number }>, from?: SeasonalState) {
  let state = from ?? model.start;
  const residuals: (SeasonalResidual | undefined)[] = [];
  for (const { atMs, value } of values) {
    const step = model.observe(state, atMs, value);
    state = step.state;
    residuals.push(step.residual);
  }
  return { state, residuals };
}

const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
const zs = (residuals: readonly (SeasonalResidual | undefined)[]) => residuals.flatMap(r => (r ? [r.z] : []));

describe("residuals of values with a season that lean on their neighbours", () => {
  const { residuals, state } = residualsOf(seasonalModel({ least: 0.01 }), series("season", 6));
  const later = zs(residuals.slice(3 * dayMinutes));

  test("have mean 0, deviation 1 and no correlation", () => {
    expect(Math.abs(mean(later))).toBeLessThan(0.05);
    expect(Math.abs(mean(later.map(z => z * z)) - 1)).toBeLessThan(0.1);
    expect(Math.abs(mean(later.slice(1).map((z, i) => z * later[i]!)))).toBeLessThan(0.05);
  });

  test("begin after 120 values; those for lasting shifts where the season has been seen, after a day", () => {
    expect(residuals.findIndex(r => r !== undefined)).toBe(120);
    const first = residuals.findIndex(r => r?.slow !== undefined);
    expect(first).toBeGreaterThanOrEqual(dayMinutes);
    expect(first).toBeLessThan(1.5 * dayMinutes);
    const plain = residualsOf(seasonalModel({ least: 0.01, seasonal: false, warmUp: 30 }), series("flat", 1, { season: 0 })).residuals;
    expect(plain.findIndex(r => r !== undefined)).toBe(30);
    expect(plain.findIndex(r => r?.slow !== undefined)).toBeLessThan(600);
  });

  test("for lasting shifts are left out where the season's error is more than a hundredth of a residual's variance", () => {
    const white = residualsOf(seasonalModel({ least: 0.01 }), series("white", 2, { season: 0, phi: 0, process: 0 })).residuals.slice(
      dayMinutes,
    );
    const known = white.filter(r => r?.slow !== undefined).length;
    expect(known).toBeGreaterThan(200);
    expect(known).toBeLessThan(white.length - 100);
  });

  test("for lasting shifts of what has weekends begin after a week", () => {
    const weekly = residualsOf(seasonalModel({ least: 0.01, needsWeek: true }), series("week", 8)).residuals;
    const first = weekly.findIndex(r => r?.slow !== undefined);
    expect(first).toBeGreaterThanOrEqual(7 * dayMinutes);
    expect(first).toBeLessThan(7.5 * dayMinutes);
  });

  test("show a lasting shift, which is where the values are from once it is taken for the base", () => {
    const model = seasonalModel({ least: 0.01 });
    const shifted = [...series("shift", 1)].map(({ atMs, value }) => ({ atMs: atMs + 6 * dayMinutes * minuteMs, value: value + 0.6 }));
    let at = state;
    const seen: number[] = [];
    for (const { atMs, value } of shifted.slice(0, 240)) {
      const step = model.observe(at, atMs, value, 1, false);
      at = step.state;
      seen.push(step.residual!.z);
    }
    expect(mean(seen)).toBeGreaterThan(0.8);
    const after = residualsOf(model, shifted.slice(240, 600), model.adapt(at));
    expect(Math.abs(mean(zs(after.residuals)))).toBeLessThan(0.25);
  });

  test("of a value from many responses have a smaller deviation", () => {
    const model = seasonalModel({ least: 0.001 });
    const atMs = startMs + 6 * dayMinutes * minuteMs;
    const [one, many] = [1, 100].map(count => model.observe(state, atMs, 5, count).residual!.deviation);
    expect(many!).toBeLessThan(0.8 * one!);
  });
});

describe("bad values and clocks", () => {
  const model = seasonalModel({ least: 0.01, seasonal: false });
  const quiet = [...series("quiet", 1, { season: 0 })];
  const { state } = residualsOf(model, quiet);
  const next = startMs + dayMinutes * minuteMs;

  test("NaN, infinity, no responses, and late or repeated values change nothing", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(model.observe(state, next, value)).toEqual({ state });
    expect(model.observe(state, next, 5, 0)).toEqual({ state });
    expect(model.observe(state, next - minuteMs, 5)).toEqual({ state });
    expect(model.observe(state, next - 11 * minuteMs, 5)).toEqual({ state });
  });

  test("a clock that was set back goes on from there", () => {
    const back = model.observe(state, next - 12 * minuteMs, 5);
    expect(back.residual).toBeDefined();
    expect(back.state.lastMs).toBe(next - 12 * minuteMs);
  });

  test("after a gap what the neighbours said counts less, and the deviation is that of the whole process", () => {
    const off = { ...state, belief: 0.3, variance: 0.001 };
    const [soon, late, later] = [0, 30, 7 * 60].map(gap => model.observe(off, next + gap * minuteMs, 5).residual!);
    expect(soon!.expected - later!.expected).toBeGreaterThan(0.2);
    expect(Math.abs(late!.expected - later!.expected)).toBeLessThan(0.01);
    expect(later!.deviation).toBeGreaterThan(soon!.deviation);
  });

  test("a constant series has the least deviation, and no residual", () => {
    const constant = residualsOf(
      model,
      quiet.map(({ atMs }) => ({ atMs, value: 3 })),
    );
    const { z, deviation } = constant.residuals.at(-1)!;
    expect(Math.abs(z)).toBeLessThan(1e-5);
    expect(deviation).toBe(0.01);
    expect(model.observe(constant.state, next, 3.5).residual!.z).toBeGreaterThan(10);
  });

  test("one value in fifty that is a thousand deviations off leaves the others' residuals as they are", () => {
    const draw = random("outliers");
    const dirty = quiet.map(v => (draw.uniform() < 0.02 ? { ...v, value: v.value + 100 } : v));
    const clean = residualsOf(model, dirty).residuals.slice(300);
    const usual = zs(clean).filter(z => Math.abs(z) < 10);
    expect(usual.length / zs(clean).length).toBeGreaterThan(0.97);
    expect(mean(usual.map(z => z * z))).toBeGreaterThan(0.4);
    expect(Math.abs(mean(usual))).toBeLessThan(0.3);
  });

  test("whatever comes, residuals are numbers, and the state goes on from JSON as from memory", () => {
    const value = fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(Number.NaN), fc.constant(0));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -3000, max: 3000 }), value), { minLength: 40, maxLength: 80 }), steps => {
        const short = seasonalModel({ least: 0.01, warmUp: 30 });
        let [state, copy, at] = [short.start, short.start, startMs];
        for (const [by, v] of steps) {
          at += by * minuteMs;
          const [a, b] = [short.observe(state, at, v), short.observe(JSON.parse(JSON.stringify(copy)), at, v)];
          // of -0 JSON keeps 0
          expect(JSON.stringify(b)).toBe(JSON.stringify(a));
          for (const x of Object.values(a.residual ?? {})) expect(Number.isFinite(x)).toBe(true);
          [state, copy] = [a.state, b.state];
        }
      }),
      { numRuns: 40 },
    );
  });
});

test("settings out of bounds are refused by name", () => {
  expect(() => seasonalModel({ least: 0 })).toThrow(/least/);
  expect(() => seasonalModel({ least: 1, warmUp: 29 })).toThrow(/warmUp/);
  expect(() => seasonalModel({ least: 1, stepMs: 3_600_001 })).toThrow(/stepMs/);
  expect(() => seasonalModel({ least: 1, halfLifeMs: 1 })).toThrow(/halfLifeMs/);
});
