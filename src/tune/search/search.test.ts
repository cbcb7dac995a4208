import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import * as t from "./index.ts";
import { minimise } from "./minimise.ts";
import { eigen } from "./samplers/cma-es.ts";
import { improvementWithSlope, logImprovement } from "./samplers/expected-improvement.ts";
import { GaussianProcess, surpriseOf } from "./samplers/gaussian-process.ts";
import { gridPoints } from "./samplers/grid.ts";
import { haltonPlaces } from "./samplers/halton.ts";
import { placeOf, placesOf, pointAt, valueAt, valueCount } from "./space.ts";

const space = t.parseSpace({
  method: ["full", "lora"],
  rate: { from: 1e-5, to: 1e-1, log: true },
  rank: { options: [4, 8, 16], when: { method: ["lora"] } },
  layers: { from: 1, to: 6, integer: true },
  dropout: { from: 0, to: 0.5, step: 0.1 },
  width: { from: 8, to: 512, log: true, integer: true },
});
const least: t.Objective[] = [{ name: "loss", direction: "minimise" }];
/** Least at rate 1e-3, lora of rank 8, four layers. */
const loss = (p: t.Point): number =>
  (Math.log10(p.rate as number) + 3) ** 2 +
  (p.method === "lora" ? ((p.rank as number) === 8 ? 0 : 0.5) : 1) +
  0.2 * Math.abs((p.layers as number) - 4) +
  (p.dropout as number);
const samplers: Readonly<Record<string, t.Sampler>> = {
  random: t.randomSampler,
  "quasi-random": t.haltonSampler,
  tpe: t.tpeSampler(),
  gp: t.gpSampler(),
};

describe("a space", () => {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  test("holds every value that a place gives, and its middle gives the value again", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 6, maxLength: 6 }), places => {
        const point = pointAt(space, places);
        t.checkPoint(space, point);
        const again = pointAt(space, placesOf(space, point));
        for (const [name, value] of Object.entries(point))
          if (typeof value === "number") expect(again[name]).toBeCloseTo(value, 9);
          else expect(again[name]).toBe(value);
        expect("rank" in point).toBe(point.method === "lora");
      }),
    );
  });

  test("gives every value of a finite parameter an equal share", () => {
    for (const name of ["method", "layers", "dropout"]) {
      const p = space[name]!;
      const counts = new Map<unknown, number>();
      for (let i = 0; i < 6000; i++) {
        const value = valueAt(p, (i + 0.5) / 6000);
        counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      expect(counts.size).toBe(valueCount(p));
      for (const n of counts.values()) expect(Math.abs(n - 6000 / valueCount(p))).toBeLessThanOrEqual(1);
    }
    expect(valueAt(space.dropout!, 0.55)).toBe(0.3);
    expect(placeOf(space.width!, 8)).toBeGreaterThan(0);
  });

  test("that is none is refused by the parameter's name", () => {
    const refused = (raw: unknown, name: RegExp) => expect(() => t.parseSpace(raw)).toThrowError(name);
    refused({}, /space/);
    refused({ a: { from: 2, to: 1 } }, /space\.a: expected from below to/);
    refused({ a: { from: 0, to: 1, log: true } }, /space\.a: expected from above 0/);
    refused({ a: { from: 0.5, to: 3, integer: true } }, /space\.a: expected whole numbers/);
    refused({ a: [1, 1] }, /space\.a: expected different options/);
    refused({ a: [1, 2], b: { options: [1], when: { c: [1] } } }, /space\.b\.when/);
    refused({ a: [1, 2], b: { options: [1], when: { a: [3] } } }, /space\.b\.when\.a/);
    refused({ a: { from: 0, to: 1, lgo: true } }, /space/);
    for (const [point, name] of [
      [{ method: "lora" }, /space\.rate: expected a value/],
      [{ method: "half" }, /space\.method: expected one of/],
      [{ ...pointAt(space, [0, 0, 0, 0, 0, 0]), rank: 4 }, /space\.rank: expected no value/],
      [{ ...pointAt(space, [0, 0, 0, 0, 0, 0]), size: 4 }, /space\.size: expected one of/],
    ] as const)
      expect(() => t.checkPoint(space, point)).toThrowError(name);
  });
});

describe("samplers", () => {
  for (const [name, sampler] of Object.entries(samplers))
    test(`${name}: points of the space, the same for the same seed and history, others for other seeds`, () => {
      const run = (seed: number, trials: number) => {
        const study = new t.Study({ space, objectives: least, sampler, seed });
        for (let i = 0; i < trials; i++) {
          const trial = study.ask()!;
          t.checkPoint(space, trial.point);
          if (i % 7 === 3) study.fail(trial.number, "out of memory");
          else if (i % 5 !== 4) study.tell(trial.number, [loss(trial.point)]); // every fifth goes on running
        }
        return study;
      };
      const trials = rounds(26, 14);
      const first = run(1, trials);
      expect(run(1, trials).trials).toEqual(first.trials);
      expect(run(2, trials).trials).not.toEqual(first.trials);
      // written down and read again, it goes on as it would have
      const half = run(1, trials - 3);
      const restored = new t.Study({ space, objectives: least, sampler, seed: 1 }, JSON.parse(JSON.stringify(half.state)) as t.StudyState);
      expect(restored.ask()!.point).toEqual(first.trials[trials - 3]!.point);
    });

  test("what learns finds better points than chance with as many trials", () => {
    const reached = (sampler: t.Sampler) => {
      const values = [1, 2, 3].slice(0, rounds(3, 2)).map(seed => {
        const study = new t.Study({ space, objectives: least, sampler, seed });
        for (let i = 0; i < 40; i++) {
          const trial = study.ask()!;
          study.tell(trial.number, [loss(trial.point)]);
        }
        return study.best[0]!.values![0]!;
      });
      return values.reduce((a, b) => a + b, 0) / values.length;
    };
    const chance = reached(t.randomSampler);
    for (const name of ["tpe", "gp"]) expect(reached(samplers[name]!), name).toBeLessThan(0.7 * chance);
  });

  for (const name of ["tpe", "gp"])
    test(`${name}: where combinations are few, none is tried twice while others are left`, () => {
      const few = t.parseSpace({ a: { from: 0, to: 4, integer: true }, b: [8, 16, 32], c: [8, 32], d: [0, 0.3] });
      for (const seed of [1, 2, 3].slice(0, rounds(3, 1))) {
        const study = new t.Study({ space: few, objectives: least, sampler: samplers[name]!, seed });
        for (let i = 0; i < 25; i++) {
          const { number, point } = study.ask()!;
          study.tell(number, [Math.abs((point.a as number) - 3) + (point.b as number) / 32 + (point.d as number)]);
        }
        expect(new Set(study.trials.map(trial => JSON.stringify(trial.point))).size).toBe(25);
      }
    });

  test("the direction turns what is better", () => {
    const study = new t.Study({
      space: t.parseSpace({ x: { from: 0, to: 1 } }),
      objectives: [{ name: "f", direction: "maximise" }],
      sampler: t.tpeSampler(),
    });
    for (let i = 0; i < 40; i++) {
      const trial = study.ask()!;
      study.tell(trial.number, [trial.point.x as number]);
    }
    expect(study.best[0]!.point.x).toBeGreaterThan(0.97);
  });

  test("the grid has every combination once and ends", () => {
    const small = t.parseSpace({
      method: ["full", "lora"],
      rank: { options: [4, 8], when: { method: ["lora"] } },
      layers: { from: 1, to: 3, integer: true },
    });
    expect([...gridPoints(small, 5)]).toHaveLength(3 + 2 * 3);
    const study = new t.Study({ space: small, objectives: least, sampler: t.gridSampler() });
    const seen = new Set<string>();
    for (let trial = study.ask(); trial; trial = study.ask()) seen.add(JSON.stringify(trial.point));
    expect(seen.size).toBe(9);
    expect(study.trials).toHaveLength(9);
    expect([...gridPoints(t.parseSpace({ rate: { from: 0.01, to: 1, log: true } }), 3)].map(p => p.rate)).toEqual([
      0.01,
      expect.closeTo(0.1, 9),
      1,
    ]);
  });

  test("quasi-random places are spread more evenly than chance, in every seed", () => {
    const worst = (place: (i: number) => Float64Array) => {
      const cells = new Float64Array(64);
      for (let i = 0; i < 256; i++) {
        const [x, y] = place(i) as unknown as [number, number];
        const at = Math.floor(8 * x) * 8 + Math.floor(8 * y);
        cells[at] = cells[at]! + 1;
      }
      return Math.max(...cells.map(n => Math.abs(n - 4)));
    };
    for (let seed = 0; seed < 5; seed++) {
      const draw = random(seed);
      expect(worst(i => haltonPlaces(i, 2, seed))).toBeLessThan(worst(() => Float64Array.from([0, 0], () => draw.uniform())));
    }
  });

  test("cma-es wants numbers and one objective, and says so", () => {
    const ask = (objectives: t.Objective[], s: t.Space) => new t.Study({ space: s, objectives, sampler: t.cmaEsSampler }).ask();
    expect(() => ask(least, space)).toThrowError(/space\.method: expected a range/);
    expect(() => ask([...least, ...least], t.parseSpace({ x: { from: 0, to: 1 } }))).toThrowError(/one objective/);
  });

  test("cma-es goes down a long narrow valley", () => {
    const valley = t.parseSpace(Object.fromEntries(["x", "y", "z"].map(n => [n, { from: -2, to: 2 }])));
    const f = ({ x, y, z }: t.Point) => 100 * ((y as number) - (x as number) ** 2) ** 2 + (1 - (x as number)) ** 2 + (z as number) ** 2;
    const study = new t.Study({ space: valley, objectives: least, sampler: t.cmaEsSampler, seed: 5 });
    for (let i = 0; i < 700; i++) {
      const trial = study.ask()!;
      study.tell(trial.number, [f(trial.point)]);
    }
    expect(study.best[0]!.values![0]).toBeLessThan(1e-3);
  });
});

test("a process that is sure of the bottom it stands in leaves it", () => {
  const study = new t.Study({ space: t.parseSpace({ x: { from: 0, to: 1 } }), objectives: least, sampler: t.gpSampler(), seed: 1 });
  for (let i = 0; i < 50; i++) {
    const trial = study.ask()!;
    study.tell(trial.number, [((trial.point.x as number) - 0.2) ** 2]);
  }
  const late = study.trials.slice(-25).map(trial => Math.abs((trial.point.x as number) - 0.2));
  expect(study.best[0]!.values![0]).toBeLessThan(1e-6);
  expect(late.filter(far => far > 0.1).length).toBeGreaterThan(5);
});

test("several objectives: the best are those that nothing dominates, spread along the front", () => {
  const both: t.Objective[] = [
    { name: "error", direction: "minimise" },
    { name: "speed", direction: "maximise" },
  ];
  const line = t.parseSpace({ x: { from: -2, to: 2 }, y: { from: -2, to: 2 } });
  for (const sampler of [t.tpeSampler(), t.gpSampler()]) {
    const study = new t.Study({ space: line, objectives: both, sampler, seed: 3 });
    for (let i = 0; i < 60; i++) {
      const trial = study.ask()!;
      const [x, y] = [trial.point.x as number, trial.point.y as number];
      study.tell(trial.number, [(x - 1) ** 2 + y * y, -((x + 1) ** 2) - y * y]);
    }
    for (const a of study.best)
      for (const b of study.trials)
        expect(
          b.values!.every((v, i) => (i === 0 ? v <= a.values![0]! : v >= a.values![1]!)) && b.values!.some((v, i) => v !== a.values![i]),
        ).toBe(false);
    const x = study.best.map(b => b.point.x as number);
    expect(Math.min(...x)).toBeLessThan(-0.5);
    expect(Math.max(...x)).toBeGreaterThan(0.5);
  }
});

describe("pruners", () => {
  /** Trials whose value falls to a level of their own; the lower the number, the better. */
  const study = (pruner: t.Pruner) => {
    const s = new t.Study({ space: t.parseSpace({ x: { from: 0, to: 1 } }), objectives: least, sampler: t.randomSampler, pruner, seed: 1 });
    const stepsOf: number[] = [];
    for (const level of [0.5, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.05, 0.95, 0.4, 0.6, 0.99]) {
      const { number } = s.ask()!;
      let step = 0;
      while (step < 27) {
        if (s.report(number, { step: ++step, value: level + 1 / step }).isBehind) break;
      }
      stepsOf.push(step);
      if (step < 27) s.prune(number);
      else s.tell(number, [level]);
    }
    return { steps: stepsOf, best: s.best[0]! };
  };
  for (const [name, pruner] of Object.entries({
    median: t.medianPruner({ startup: 3, warmup: 2 }),
    asha: t.ashaPruner({ least: 1, factor: 3 }),
    hyperband: t.hyperbandPruner({ least: 1, most: 27, factor: 3 }),
  }))
    test(`${name}: the best trial is never ended early, and much time is saved`, () => {
      const { steps, best } = study(pruner);
      expect(steps[7]).toBe(27);
      expect(best.values![0]).toBe(0.05);
      expect(steps.reduce((a, b) => a + b, 0)).toBeLessThan(0.75 * 12 * 27);
    });
  test("without one every trial ends by itself, and with any one a value that is no number ends it", () => {
    expect(study(t.noPruner).steps.every(n => n === 27)).toBe(true);
    for (const pruner of [t.medianPruner(), t.ashaPruner(), t.hyperbandPruner()]) {
      const s = new t.Study({ space: t.parseSpace({ x: { from: 0, to: 1 } }), objectives: least, sampler: t.randomSampler, pruner });
      const { number } = s.ask()!;
      expect(s.report(number, { step: 1, value: Number.NaN }).isBehind).toBe(true);
    }
  });
});

test("a study tells what does not fit: results twice, steps that fall, values that are too many or no numbers", () => {
  const study = new t.Study({ space: t.parseSpace({ x: { from: 0, to: 1 } }), objectives: least, sampler: t.randomSampler });
  study.enqueue({ x: 0.25 });
  expect(() => study.enqueue({ x: 2 })).toThrowError(/space\.x/);
  const { number, point } = study.ask()!;
  expect(point).toEqual({ x: 0.25 });
  study.report(number, { step: 5, value: 1 });
  expect(() => study.report(number, { step: 5, value: 1 })).toThrowError(/trial 0: expected a step behind 5/);
  expect(() => study.tell(number, [1, 2])).toThrowError(/trial 0: expected a list of one number, \[loss\], got \[1,2\]/);
  // from JavaScript, where no types are checked
  const loose = study as unknown as { tell(number: number, values: unknown): unknown; add(point: t.Point, values: unknown): unknown };
  for (const values of [3, "3", ["3"], [null], undefined]) {
    const before = JSON.stringify(study.state);
    expect(() => loose.tell(number, values)).toThrowError(/expected a list of one number/);
    expect(() => loose.add({ x: 0.5 }, values)).toThrowError(/expected a list of one number/);
    expect(JSON.stringify(study.state)).toBe(before);
  }
  const less = { name: "loss", direction: "min" } as unknown as t.Objective;
  expect(() => new t.Study({ space: study.space, objectives: [less], sampler: t.randomSampler })).toThrowError(
    /objectives\.loss\.direction: expected "minimise" or "maximise", got "min"/,
  );
  study.tell(number, [1]);
  expect(() => study.tell(number, [1])).toThrowError(/trial 0: expected a trial that is running, got done/);
  expect(() => study.tell(9, [1])).toThrowError(/none of that number/);
  expect(study.tell(study.ask()!.number, [Number.NaN])).toMatchObject({ state: "failed", reason: "loss is NaN" });
  study.add({ x: 0.5 }, [0.5]);
  expect(study.best.map(b => b.point)).toEqual([{ x: 0.5 }]);
});

describe("what the samplers stand on", () => {
  test("minimise finds the bottom of a bent valley, and of a slope the corner of the box", () => {
    const rosenbrock = (x: Float64Array) => {
      const [a, b] = x as unknown as [number, number];
      return {
        value: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
        gradient: Float64Array.of(-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)),
      };
    };
    expect(minimise(rosenbrock, Float64Array.of(-1.2, 1), { steps: 200 }).value).toBeLessThan(1e-9);
    const slope = (x: Float64Array) => ({ value: x[0]! - 2 * x[1]!, gradient: Float64Array.of(1, -2) });
    expect([...minimise(slope, Float64Array.of(0.5, 0.5), { low: 0, high: 1 }).x]).toEqual([0, 1]);
  });

  test("eigenvectors put the matrix together again", () => {
    const draw = random(4);
    for (const d of [1, 2, 5, 9]) {
      const a = new Float64Array(d * d);
      for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) a[i * d + j] = a[j * d + i] = draw.normal();
      const { values, vectors } = eigen(a, d);
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          const sum = values.reduce((s, v, k) => s + v * vectors[i * d + k]! * vectors[j * d + k]!, 0);
          expect(sum).toBeCloseTo(a[i * d + j]!, 9);
        }
    }
  });

  test("the logarithm of the improvement is that of its integral, with the right slope, and finite far out", () => {
    for (const z of [-6, -1.5, -1, -0.3, 0, 0.4, 1, 3]) {
      let sum = 0;
      for (let u = -12; u < z; u += 1e-4) sum += (z - u) * Math.exp(-0.5 * u * u) * 1e-4;
      expect(logImprovement(z).value).toBeCloseTo(Math.log(sum / Math.sqrt(2 * Math.PI)), 3);
    }
    for (const z of [-2000, -50, -6, -1, -0.2, 0.5, 4]) {
      const h = 1e-5 * Math.max(1, Math.abs(z));
      const slope = (logImprovement(z + h).value - logImprovement(z - h).value) / (2 * h);
      expect(Math.abs(logImprovement(z).slope / slope - 1), String(z)).toBeLessThan(1e-3);
    }
  });

  test("the slope of a process's surprise is that of its value, with noise and without", () => {
    const draw = random(8);
    const points = Array.from({ length: 21 }, () => Float64Array.from({ length: 4 }, () => draw.uniform()));
    const values = Float64Array.from(points, p => Math.sin(4 * p[0]!) + p[1]! * p[2]! + 0.1 * draw.normal());
    for (const isExact of [false, true]) {
      const surprise = surpriseOf({ points, groupOf: [0, 1, 2, 2], groups: 3, values, isExact });
      const settings = Float64Array.of(0.3, -1, 2, 0.4, -4);
      const { gradient } = surprise(settings);
      for (const c of settings.keys()) {
        const at = (by: number) => surprise(settings.map((v, i) => (i === c ? v + by : v))).value;
        const slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        expect(Math.abs(gradient[c]! - slope), `setting ${c}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
      }
    }
  });

  test("a process goes through what it saw, is less sure away from it, and its slopes are those of its values", () => {
    const draw = random(6);
    const points = Array.from({ length: 25 }, () => Float64Array.of(draw.uniform(), draw.uniform()));
    const values = Float64Array.from(points, p => Math.sin(5 * p[0]!) + 0.1 * p[1]!);
    const process = GaussianProcess.fit({ points, groupOf: [0, 1], groups: 2, values });
    for (const [i, p] of points.entries()) expect(process.at(p).mean).toBeCloseTo(values[i]!, 1);
    expect(process.at(points[0]!).deviation).toBeLessThan(process.at(Float64Array.of(3, 3)).deviation / 5);
    const x = Float64Array.of(0.37, 0.61);
    const { meanSlope, deviationSlope } = process.withSlope(x);
    const ei = improvementWithSlope(process.withSlope(x), -1);
    for (const c of [0, 1]) {
      const moved = (by: number) => x.map((v, i) => (i === c ? v + by : v));
      const h = 1e-5;
      const [up, down] = [process.withSlope(moved(h)), process.withSlope(moved(-h))];
      expect(meanSlope[c]).toBeCloseTo((up.mean - down.mean) / (2 * h), 4);
      expect(deviationSlope[c]).toBeCloseTo((up.deviation - down.deviation) / (2 * h), 3);
      const slope = (improvementWithSlope(up, -1).value - improvementWithSlope(down, -1).value) / (2 * h);
      expect(Math.abs(ei.gradient[c]! - slope)).toBeLessThan(1e-3 * Math.max(1, Math.abs(slope)));
    }
  });
});
