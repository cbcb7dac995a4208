/** Monitors on a simulated model with known faults, in their budget, and on bad input. */
import { describe, expect, test } from "vitest";
import { type Fault, faultKinds, minuteMs, nuisanceKinds, simulatedMinutes } from "../../../bench/anomaly/simulator.ts";
import { cases } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import type { MinuteOfMetrics } from "../minute.ts";
import {
  type AlarmGroup,
  type MonitorEvent,
  type MonitorRow,
  type MonitorsState,
  metricModels,
  openMonitors,
  standardMonitors,
} from "./index.ts";
import { emptyVectorBase, learnVector, vectorScores } from "./vectors.ts";

const startMs = Date.UTC(2026, 0, 5);
const rowOf = (name: string): MonitorRow => standardMonitors.find(row => row.name === name)!;

/** Minutes of one metric, and the events that they lead to. */
function run(set: ReturnType<typeof openMonitors>, minutes: Iterable<MinuteOfMetrics>, from: MonitorsState = set.start) {
  let state = from;
  const events: MonitorEvent[] = [];
  for (const minute of minutes) {
    const step = set.step(state, minute);
    state = step.state;
    events.push(...step.events);
  }
  return { state, events };
}
function* errorMinutes(from: number, count: number, share: number): Generator<MinuteOfMetrics> {
  const draw = random(`errors ${from} ${share}`);
  for (let i = 0; i < count; i++) {
    let errors = 0;
    for (let k = 0; k < 100; k++) if (draw.uniform() < share) errors++;
    yield { startMs: startMs + (from + i) * minuteMs, numbers: {}, shares: { errors: { count: errors, of: 100 } } };
  }
}
function* nllMinutes(from: number, count: number, level: number): Generator<MinuteOfMetrics> {
  const draw = random(`nll ${from} ${level}`);
  for (let i = 0; i < count; i++)
    yield { startMs: startMs + (from + i) * minuteMs, numbers: { nll: { value: level + 0.05 * draw.normal(), count: 50 } }, shares: {} };
}

test("false alarms of all monitors add up to the budget", () => {
  const { runLengths } = openMonitors({ falseAlarmsPerDay: 0.5 });
  expect(Object.keys(runLengths)).toEqual(standardMonitors.map(r => r.name));
  expect(Object.values(runLengths).reduce((sum, length) => sum + 1440 / length, 0)).toBeCloseTo(0.5, 9);
});

test("every metric has a monitor, or is there for the joint ones; names are given once", () => {
  const watched = new Set(standardMonitors.map(r => r.metric));
  expect(Object.keys(metricModels).filter(name => !watched.has(name as MonitorRow["metric"]))).toEqual(["prompt-length", "entropy"]);
  expect(new Set(standardMonitors.map(r => r.name)).size).toBe(standardMonitors.length);
});

const groupOf: Readonly<Record<(typeof faultKinds)[number], AlarmGroup>> = {
  "error-burst": "service",
  "error-rise": "service",
  "latency-step": "service",
  "latency-creep": "service",
  "lost-traffic": "service",
  repetition: "answers",
  "refusal-wave": "answers",
  "injection-attack": "attacks",
  "nll-drift": "answers",
  "shorter-answers": "answers",
  "class-shift": "answers",
};

/** Every fault and nuisance after two usual days, four hours apart. */
function faultPlan() {
  const faults: Fault[] = [];
  let at = 2 * 1440 + 400;
  for (const kind of [...faultKinds, ...nuisanceKinds]) {
    const minutes = kind === "outlier" ? 1 : kind.endsWith("creep") || kind.endsWith("drift") ? 240 : 60;
    faults.push({ kind, from: at, minutes });
    at += minutes + 240;
  }
  return { faults, minutes: at };
}

test("each fault of a simulated model raises an alarm of its group while it lasts; outliers, gaps and clocks that are set raise none", () => {
  const set = openMonitors();
  const { faults, minutes: at } = faultPlan();
  let state = set.start;
  const raised: { readonly minute: number; readonly event: MonitorEvent }[] = [];
  for (const { minute, ...figures } of simulatedMinutes({ seed: "faults 1", minutes: at, faults })) {
    const step = set.step(state, figures);
    state = step.state;
    for (const event of step.events) if (event.event === "raised") raised.push({ minute, event });
  }
  for (const { kind, from, minutes } of faults) {
    const found = raised.filter(r => r.minute >= from && r.minute < from + minutes + 15);
    if (kind in groupOf)
      expect(
        found.map(f => f.event.group),
        kind,
      ).toContain(groupOf[kind as keyof typeof groupOf]);
    else expect(found, kind).toEqual([]);
  }
  expect(raised.filter(r => !faults.some(f => r.minute >= f.from && r.minute < f.from + f.minutes + 15)).length).toBeLessThanOrEqual(1);
  // a state has one size, however long it runs
  expect(JSON.stringify(state).length).toBeLessThan(120_000);
});

test("an alarm that is over while the season is unknown does not stay, become the base and hide the next drift", () => {
  // the limits that these two have among all monitors
  const set = openMonitors({ monitors: ["nll-shift", "nll-creep"].map(rowOf), falseAlarmsPerDay: 0.0056 });
  const { faults } = faultPlan();
  for (const seed of cases(["faults", "faults 12"], 1)) {
    const minutes = faults.find(f => f.kind === "nll-drift")!.from + 240;
    const { events } = run(set, simulatedMinutes({ seed, minutes, faults }));
    const shown = events.map(({ event, atMs }) => [event, (atMs - startMs) / minuteMs] as const);
    expect(shown.map(([event]) => event)).toEqual(["raised", "cleared", "raised"]);
    const [repetition, , drift] = shown.map(([, minute]) => faults.find(f => minute >= f.from && minute < f.from + f.minutes)?.kind);
    expect([repetition, drift], seed).toEqual(["repetition", "nll-drift"]);
  }
});

describe("one share", () => {
  const set = openMonitors({ monitors: [rowOf("error-burst"), rowOf("error-rise")] });
  const warm = run(set, errorMinutes(0, 300, 0.01));

  test("alarms nothing in its warm-up, and a burst in its first minute after it", () => {
    expect(run(set, errorMinutes(0, 120, 0.01)).events).toEqual([]);
    const early = run(set, errorMinutes(0, 60, 0.01));
    expect(run(set, errorMinutes(60, 20, 0.3), early.state).events).toEqual([]);
    const [first] = run(set, errorMinutes(300, 5, 0.3), warm.state).events;
    expect(first).toMatchObject({
      event: "raised",
      group: "service",
      monitor: "error-burst",
      kind: "chart",
      severity: "page",
      atMs: startMs + 300 * minuteMs,
    });
    expect(first!.evidence[0]).toMatchObject({ monitor: "error-burst", metric: "errors", side: "above", ratio: 1 });
    expect(first!.evidence[0]!.expected).toBeCloseTo(0.01, 2);
    expect(first!.evidence[0]!.value).toBeGreaterThan(0.15);
  });

  test("says since when a slow rise has been there", () => {
    const { events } = run(set, errorMinutes(300, 60, 0.045), warm.state);
    const rise = events.find(e => e.event === "raised")!;
    expect(rise.atMs - startMs).toBeGreaterThanOrEqual(300 * minuteMs);
    expect(Math.abs(rise.sinceMs - startMs - 300 * minuteMs)).toBeLessThan(15 * minuteMs);
  });

  test("is over ten minutes after it is usual again, and told once", () => {
    const bad = run(set, errorMinutes(300, 30, 0.2), warm.state);
    expect(bad.events.map(e => e.event)).toEqual(["raised"]);
    const good = run(set, errorMinutes(330, 60, 0.01), bad.state);
    expect(good.events.map(e => e.event)).toEqual(["cleared"]);
  });

  test("late and repeated minutes change nothing, and a clock that was set back goes on", () => {
    const [again] = errorMinutes(299, 1, 0.5);
    expect(set.step(warm.state, again!)).toEqual({ state: warm.state, events: [], greatest: 0 });
    const [late] = errorMinutes(290, 1, 0.5);
    expect(set.step(warm.state, late!)).toEqual({ state: warm.state, events: [], greatest: 0 });
    const [back] = errorMinutes(289, 1, 0.5);
    expect(set.step(warm.state, back!).events.map(e => e.event)).toEqual(["raised"]);
  });

  test("counts that are none are left out, and a time that is none is refused", () => {
    for (const errors of [
      { count: 5, of: 4 },
      { count: -1, of: 4 },
      { count: 0.5, of: 4 },
      { count: 0, of: 0 },
      { count: Number.NaN, of: 9 },
    ])
      expect(set.step(warm.state, { startMs: startMs + 1e9, numbers: {}, shares: { errors } }).state.bases).toEqual(warm.state.bases);
    expect(() => set.step(warm.state, { startMs: Number.NaN, numbers: {}, shares: {} })).toThrow(/startMs/);
  });

  test("is judged from 200 trials on", () => {
    const few = (of: number, count: number): MinuteOfMetrics[] =>
      Array.from({ length: count }, (_, i) => ({ startMs: startMs + i * minuteMs, numbers: {}, shares: { errors: { count: 0, of } } }));
    const burst = { startMs: startMs + 1000 * minuteMs, numbers: {}, shares: { errors: { count: 50, of: 50 } } };
    expect(set.step(run(set, few(1, 190)).state, burst).events).toEqual([]);
    expect(set.step(run(set, few(1, 210)).state, burst).events.map(e => e.event)).toEqual(["raised"]);
  });

  test("goes on from JSON as from memory", () => {
    const through = run(set, errorMinutes(300, 20, 0.2), JSON.parse(JSON.stringify(warm.state)));
    expect(through).toEqual(run(set, errorMinutes(300, 20, 0.2), warm.state));
  });
});

describe("a shift that stays", () => {
  const rows = [rowOf("nll-shift"), rowOf("nll-creep")];
  const set = openMonitors({ monitors: rows, seasonal: false, adaptAfterMs: 90 * minuteMs });
  const warm = run(set, nllMinutes(0, 400, 1.6));

  test("is alarmed, and is the base after its time", () => {
    const { events, state } = run(set, nllMinutes(400, 200, 1.9), warm.state);
    expect(events.map(e => e.event)).toEqual(["raised", "adapted"]);
    expect(events[0]!.atMs - startMs).toBeLessThan(410 * minuteMs);
    expect(events[1]!.atMs - events[0]!.atMs).toBe(90 * minuteMs);
    expect(run(set, nllMinutes(600, 300, 1.9), state).events).toEqual([]);
    expect(run(set, nllMinutes(600, 60, 1.6), state).events[0]).toMatchObject({ event: "raised", monitor: "nll-shift" });
  });

  test("stays an alarm where nothing adapts by itself, until a person confirms it", () => {
    const lasting = openMonitors({ monitors: rows, seasonal: false, adaptAfterMs: Number.POSITIVE_INFINITY });
    const { events, state } = run(lasting, nllMinutes(400, 400, 1.9), warm.state);
    expect(events.map(e => e.event)).toEqual(["raised"]);
    const confirmed = lasting.confirmChange(state);
    expect(confirmed.events).toMatchObject([{ event: "adapted", group: "answers", severity: "ticket" }]);
    expect(run(lasting, nllMinutes(800, 300, 1.9), confirmed.state).events).toEqual([]);
    expect(lasting.confirmChange(confirmed.state)).toEqual({ state: confirmed.state, events: [] });
  });
});

describe("a metric whose values stop arriving", () => {
  const rows = [rowOf("nll-shift"), rowOf("nll-creep")];
  const set = openMonitors({ monitors: rows, seasonal: false });
  const alarmed = run(set, nllMinutes(400, 20, 1.9), run(set, nllMinutes(0, 400, 1.6)).state);
  function* emptyMinutes(from: number, count: number): Generator<MinuteOfMetrics> {
    for (let i = 0; i < count; i++) yield { startMs: startMs + (from + i) * minuteMs, numbers: {}, shares: {} };
  }
  const kinds = (events: readonly MonitorEvent[]) => events.map(e => e.event);

  test("ends its alarm as no data after 10 minutes, not as cleared", () => {
    expect(kinds(alarmed.events)).toEqual(["raised"]);
    expect(kinds(run(set, emptyMinutes(420, 9), alarmed.state).events)).toEqual([]);
    const { events, state } = run(set, emptyMinutes(420, 60), alarmed.state);
    expect(events).toMatchObject([{ event: "no data", group: "answers", atMs: startMs + 429 * minuteMs }]);
    expect(JSON.stringify(state)).not.toContain("onMs");
  });

  test("and come back as bad as before are a new alarm, without a cool-down; in the usual range they are none", () => {
    const { state } = run(set, emptyMinutes(420, 11), alarmed.state);
    const again = run(set, nllMinutes(431, 15, 1.9), state);
    expect(kinds(again.events)).toEqual(["raised"]);
    expect(again.events[0]!.atMs - startMs).toBeLessThan(446 * minuteMs);
    const gone = run(set, emptyMinutes(420, 600), alarmed.state).state;
    expect(kinds(run(set, nllMinutes(1020, 60, 1.6), gone).events)).toEqual([]);
  });

  test("for hours is no lasting shift: what comes back is not the baseline at once", () => {
    const { state } = run(set, emptyMinutes(420, 8 * 60), alarmed.state);
    expect(kinds(run(set, nllMinutes(900, 30, 1.9), state).events)).toEqual(["raised"]);
  });

  test("in single minutes changes nothing", () => {
    const gaps = function* () {
      for (let i = 420; i < 480; i += 2) yield* [...nllMinutes(i, 1, 1.9), ...emptyMinutes(i + 1, 1)];
    };
    expect(kinds(run(set, gaps(), alarmed.state).events)).toEqual([]);
  });

  test("is over as cleared where the last values were usual", () => {
    const { events } = run(set, emptyMinutes(480, 30), run(set, nllMinutes(420, 60, 1.6), alarmed.state).state);
    expect(kinds([...run(set, nllMinutes(420, 60, 1.6), alarmed.state).events, ...events])).toEqual(["cleared"]);
  });
});

test("a single value far out is no alarm, three are", () => {
  const set = openMonitors({ monitors: [rowOf("latency-burst")], seasonal: false });
  const draw = random("burst");
  const minutes = (from: number, values: readonly number[]): MinuteOfMetrics[] =>
    values.map((value, i) => ({ startMs: startMs + (from + i) * minuteMs, numbers: { "latency-p50": { value, count: 50 } }, shares: {} }));
  const usual = (count: number) => Array.from({ length: count }, () => 900 * Math.exp(0.1 * draw.normal()));
  const warm = run(set, minutes(0, usual(400)));
  expect(run(set, minutes(400, [9000, ...usual(20)]), warm.state).events).toEqual([]);
  expect(run(set, minutes(400, [9000, 9000, 9000]), warm.state).events).toMatchObject([
    { event: "raised", atMs: startMs + 401 * minuteMs },
  ]);
});

describe("metrics together", () => {
  const draw = random("together");
  const usual = () => {
    const load = draw.normal();
    return { a: load, b: 0.95 * load + 0.3 * draw.normal(), c: draw.normal() };
  };
  let base = emptyVectorBase;
  test("have no score before there is a model, and one that is unusual where two that go together part", () => {
    for (let i = 0; i < 5 * 191; i++) base = learnVector(base, usual());
    expect(vectorScores(base, usual())).toBeUndefined();
    for (let i = 0; i < 5; i++) base = learnVector(base, usual());
    expect(base.rows).toEqual([]);
    const scores = Array.from({ length: 300 }, () => vectorScores(base, usual())!);
    for (const method of ["components", "isolation"] as const) {
      const mean = scores.reduce((sum, s) => sum + s[method].z, 0) / 300;
      expect(Math.abs(mean), method).toBeLessThan(0.6);
    }
    // each is usual by itself
    const parted = vectorScores(JSON.parse(JSON.stringify(base)), { a: 1.7, b: -1.7, c: 0 })!;
    expect(parted.components.z).toBeGreaterThan(2.5);
    expect(["a", "b"]).toContain(parted.components.column);
    expect(vectorScores(base, { a: 9, b: 9, c: 9 })!.isolation.z).toBeGreaterThan(1.5);
  });
});

test("a vector has sixteen metrics at most, and each counts as at most six deviations", () => {
  const scores = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`m${String(i).padStart(2, "0")}`, 99]));
  let base = emptyVectorBase;
  for (let i = 0; i < 5; i++) base = learnVector(base, scores);
  expect(base.columns.length).toBe(16);
  expect(base.rows).toEqual([new Array(16).fill(6)]);
});

test("rows and settings that do not fit are refused by name", () => {
  const row = rowOf("nll-shift");
  expect(() => openMonitors({ monitors: [{ ...row, detector: "tail" }] })).toThrow(/monitors\.0\.detector/);
  expect(() => openMonitors({ monitors: [{ ...row, metric: "mood" as "nll" }] })).toThrow(/monitors\.0\.metric/);
  expect(() => openMonitors({ monitors: [row, row] })).toThrow(/each name once/);
  expect(() => openMonitors({ warmUpMinutes: 29 })).toThrow(/warmUpMinutes/);
  expect(() => openMonitors({ adaptAfterMs: 1 })).toThrow(/adaptAfterMs/);
});
