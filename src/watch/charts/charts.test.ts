/** Run lengths against published tables, by simulation of the charts themselves; counts against exact chances. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  type ControlChart,
  cusumChart,
  cusumLimit,
  cusumRunLength,
  ewmaChart,
  ewmaRunLength,
  ewmaWidth,
  headStartRunLength,
  jumpChart,
  pairRunLength,
  pairWidth,
  rateChart,
  runRulesChart,
  runRulesRunLength,
  shareChart,
  shewhartChart,
  shewhartRunLength,
  shewhartWidth,
  westernElectric,
} from "./index.ts";
import { jumpEvidence } from "./jump-chart.ts";

const shifts = [0, 0.25, 0.5, 1, 1.5, 2, 3];

describe("run lengths of the tables", () => {
  // Brook and Evans' chain at finer steps, of which little is left; the last digits are rounded; 168 and 465 are Montgomery's and R's
  test.each([
    { name: "Shewhart 3", runLength: (shift: number) => shewhartRunLength(3, shift), table: [370.4, 281.15, 155.22, 43.89, 14.97, 6.3, 2] },
    {
      name: "CUSUM 0.5, 4",
      runLength: (shift: number) => cusumRunLength(0.5, 4, shift),
      table: [167.68, 74.22, 26.63, 8.38, 4.75, 3.34, 2.19],
    },
    {
      name: "CUSUM 0.5, 5",
      runLength: (shift: number) => cusumRunLength(0.5, 5, shift),
      table: [465.43, 139.49, 38, 10.38, 5.75, 4.01, 2.57],
    },
    {
      name: "EWMA 0.1, 2.703",
      runLength: (shift: number) => ewmaRunLength(0.1, 2.703, shift),
      table: [371.6, 89.5, 28.27, 9.75, 5.81, 4.18, 2.76],
    },
    {
      name: "EWMA 0.1, 2.814",
      runLength: (shift: number) => ewmaRunLength(0.1, 2.814, shift),
      table: [499.1, 106.3, 31.3, 10.33, 6.08, 4.36, 2.87],
    },
    {
      name: "EWMA 0.2, 2.962",
      runLength: (shift: number) => ewmaRunLength(0.2, 2.962, shift),
      table: [499.5, 150.2, 41.76, 10.54, 5.5, 3.74, 2.38],
    },
  ])("$name within 0.3 %", ({ runLength, table }) => {
    for (const [i, shift] of shifts.entries()) expect(Math.abs(runLength(shift) / table[i]! - 1), `shift ${shift}`).toBeLessThan(0.003);
  });

  test("twice as many nodes change no run length by more than a millionth", () => {
    for (const [lambda, width, nodes] of [
      [0.05, 2.5, 2 * 100],
      [0.1, 2.814, 2 * 41],
      [1, 3, 2 * 24],
    ] as const)
      for (const isOneSided of [false, true])
        for (const shift of [0, 1])
          expect(ewmaRunLength(lambda, width, shift, isOneSided) / ewmaRunLength(lambda, width, shift, isOneSided, nodes)).toBeCloseTo(
            1,
            6,
          );
    for (const h of [0.5, 5, 20]) expect(cusumRunLength(0.25, h) / cusumRunLength(0.25, h, 0, 300)).toBeCloseTo(1, 6);
  });

  test("Western Electric's four rules together have 91.75, and 9.22 at a shift of 1 (Champ and Woodall 1987)", () => {
    expect(runRulesRunLength(westernElectric)).toBeCloseTo(91.75, 2);
    expect(runRulesRunLength(westernElectric, 1)).toBeCloseTo(9.22, 2);
    expect(runRulesRunLength(["limit"])).toBeCloseTo(370.4, 1);
    // nine on one side by chance: a run of equal tosses of a coin, 2^9 - 1
    expect(runRulesRunLength(["nine-in-row"])).toBeCloseTo(511, 4);
    expect(runRulesRunLength(["eight-in-row"])).toBeCloseTo(255, 4);
  });
});

describe("settings give the run length that is asked for", () => {
  test.each([50, 370.4, 5000, 100_000])("%d", wanted => {
    expect(shewhartRunLength(shewhartWidth(wanted)) / wanted).toBeCloseTo(1, 6);
    expect(ewmaRunLength(0.1, ewmaWidth(0.1, wanted)) / wanted).toBeCloseTo(1, 6);
    expect(cusumRunLength(0.5, cusumLimit(0.5, wanted)) / wanted).toBeCloseTo(1, 6);
  });
});

/** Mean run length of a chart by simulation, and its standard error. */
function simulated<S>(chart: ControlChart<S>, shift: number, runs: number, start = chart.start) {
  const draw = random(`${chart.name} ${shift}`);
  let [sum, squares] = [0, 0];
  for (let run = 0; run < runs; run++) {
    let state = start;
    for (let length = 1; ; length++) {
      const step = chart.observe(state, draw.normal() + shift);
      if (step.signal) {
        sum += length;
        squares += length * length;
        break;
      }
      state = step.state;
    }
  }
  const mean = sum / runs;
  return { mean, error: Math.sqrt((squares / runs - mean * mean) / runs) };
}

describe("a chart alarms as often as it is declared to", () => {
  const wanted = 100;
  const charts = [
    { chart: shewhartChart({ averageRunLength: wanted }) as ControlChart<unknown>, shifted: shewhartRunLength(shewhartWidth(wanted), 1) },
    { chart: ewmaChart({ averageRunLength: wanted }) as ControlChart<unknown>, shifted: ewmaRunLength(0.1, ewmaWidth(0.1, wanted), 1) },
    { chart: cusumChart({ averageRunLength: wanted }) as ControlChart<unknown>, shifted: cusumRunLength(0.5, cusumLimit(0.5, wanted), 1) },
    { chart: runRulesChart() as ControlChart<unknown>, shifted: runRulesRunLength(westernElectric, 1) },
  ];
  test.each(charts)("$chart.name", ({ chart, shifted }) => {
    for (const [shift, runLength] of [
      [0, chart.averageRunLength],
      [1, shifted],
    ] as const) {
      const { mean, error } = simulated(chart, shift, 1500);
      expect(Math.abs(mean - runLength), `shift ${shift}`).toBeLessThan(4 * error);
    }
  });

  test("a head start finds a shift that is there from the beginning sooner", () => {
    const chart = cusumChart({ averageRunLength: wanted });
    const h = cusumLimit(0.5, wanted);
    // the state after an alarm is the one with a head start
    const start = chart.observe(chart.start, 1e6).state;
    const { mean, error } = simulated(chart, 1, 3000, start);
    expect(Math.abs(mean - headStartRunLength(0.5, h, h / 2, 1))).toBeLessThan(4 * error + 0.1);
    expect(mean).toBeLessThan(cusumRunLength(0.5, h, 1) - 1);
  });
});

test("a chart of one side has all of its false alarms there, at the run length that it is declared by", () => {
  for (const chart of [
    shewhartChart({ averageRunLength: 100, sides: "above" }),
    ewmaChart({ averageRunLength: 100, sides: "above" }),
    cusumChart({ averageRunLength: 100, sides: "above" }),
  ] as ControlChart<unknown>[]) {
    const { mean, error } = simulated(chart, 0, 1500);
    expect(Math.abs(mean - 100), chart.name).toBeLessThan(4 * error);
    let state = chart.start;
    for (let i = 0; i < 50; i++) {
      const step = chart.observe(state, -3);
      expect(step.signal).toBeUndefined();
      state = step.state;
    }
    // and has not gone so far the other way that it does not come back
    let found = 0;
    for (let i = 1; i <= 12 && found === 0; i++) {
      const step = chart.observe(state, 3.2);
      state = step.state;
      if (step.signal) found = i;
    }
    expect(found, chart.name).toBeGreaterThan(0);
  }
});

test("two of three beyond a limit have the run length of their chain", () => {
  const draw = random("pair");
  const p = 0.1;
  let [sum, squares] = [0, 0];
  const runs = 4000;
  for (let run = 0; run < runs; run++) {
    let [bits, length] = [0, 0];
    for (;;) {
      length++;
      const isBeyond = draw.uniform() < p;
      bits = ((bits << 1) | (isBeyond ? 1 : 0)) & 7;
      if (isBeyond && (bits & 6) !== 0) break;
    }
    sum += length;
    squares += length * length;
  }
  const mean = sum / runs;
  expect(Math.abs(mean - pairRunLength(p))).toBeLessThan(4 * Math.sqrt((squares / runs - mean * mean) / runs));
  // both sides of Western Electric's second rule at 2 deviations, from its own chain
  expect(pairRunLength(0.022750131948179) / 2 / runRulesRunLength(["two-of-three"])).toBeCloseTo(1, 1);
  expect(runRulesRunLength(["two-of-three"])).toBeGreaterThan(500);
  // all values beyond it: the second one alarms
  expect(pairRunLength(1)).toBe(2);
  expect(pairWidth(pairRunLength(0.022750131948179))).toBeCloseTo(2, 6);
});

test("a chart of jumps has at least the run length that it is declared by, and finds a jump where it was", () => {
  const chart = jumpChart({ averageRunLength: 100 }) as ControlChart<unknown>;
  const quiet = simulated(chart, 0, 400);
  expect(quiet.mean).toBeGreaterThan(100 - 4 * quiet.error);
  expect(quiet.mean).toBeLessThan(300);
  expect(simulated(chart, 1.5, 400).mean).toBeLessThan(6);
  const step = jumpChart({ averageRunLength: 2 }).observe({ sums: [] }, -3);
  expect(step).toMatchObject({ state: { sums: [] }, signal: { side: "below", rule: "jump" } });
});

test("the sum of a chart of jumps grows by 1 a value on average (martingale)", () => {
  const chart = jumpChart({ averageRunLength: 1e9, window: 40, spread: 0.5 });
  const draw = random("martingale");
  let sum = 0;
  const runs = 4000;
  for (let run = 0; run < runs; run++) {
    let sums: readonly number[] = [];
    for (let i = 0; i < 10; i++) ({ sums } = chart.observe({ sums }, draw.normal()).state);
    sum += jumpEvidence(sums, 0.5).sum;
  }
  expect(sum / runs / 10).toBeGreaterThan(0.85);
  expect(sum / runs / 10).toBeLessThan(1.15);
});

test("charts of counts alarm no oftener than they are declared to, whatever the windows' sizes", () => {
  const draw = random(3);
  const share = shareChart({ expected: 0.02, averageRunLength: 50 });
  const rate = rateChart({ expected: 0.3, averageRunLength: 50 });
  const windows = 4000;
  let [shares, rates] = [0, 0];
  for (let i = 0; i < windows; i++) {
    const size = 20 + draw.below(300);
    let count = 0;
    for (let k = 0; k < size; k++) if (draw.uniform() < 0.02) count++;
    if (share.observe(count, size)) shares++;
    const exposure = 1 + 20 * draw.uniform();
    let [events, at] = [0, 0];
    for (;;) {
      at += -Math.log(1 - draw.uniform()) / 0.3;
      if (at > exposure) break;
      events++;
    }
    if (rate.observe(events, exposure)) rates++;
  }
  expect(shares).toBeLessThan(windows / 50 + 3 * Math.sqrt(windows / 50));
  expect(rates).toBeLessThan(windows / 50 + 3 * Math.sqrt(windows / 50));
  expect(share.observe(30, 300)).toMatchObject({ side: "above", value: 0.1 });
  expect(rate.observe(0, 100)).toMatchObject({ side: "below" });
});

test("a share in control of 0 is alarmed by the first event, and by nothing else", () => {
  const chart = shareChart({ expected: 0, sides: "above" });
  expect(chart.observe(0, 1000)).toBeUndefined();
  expect(chart.observe(1, 1000)).toMatchObject({ side: "above" });
});

test("states are plain data: a chart goes on from JSON as from memory", () => {
  const chart = cusumChart();
  const values = [0.4, 1.8, 0.9, -0.2, 2.2, 1.1];
  const run = (through: <S>(s: S) => S) => values.reduce((state, z) => through(chart.observe(state, z).state), chart.start);
  expect(run(s => JSON.parse(JSON.stringify(s)))).toEqual(run(s => s));
});

test.each([
  { name: "NaN", run: () => cusumChart().observe(cusumChart().start, Number.NaN), code: "watch/value" },
  { name: "a run length of 1", run: () => shewhartChart({ averageRunLength: 1 }), code: "watch/setting" },
  { name: "no weight", run: () => ewmaChart({ lambda: 0 }), code: "watch/setting" },
  { name: "more events than trials", run: () => shareChart({ expected: 0.1 }).observe(5, 4), code: "watch/value" },
])("$name is refused by name", ({ run, code }) => {
  expect(run).toThrow(expect.objectContaining({ problem: expect.objectContaining({ code }) }));
});
