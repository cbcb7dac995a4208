/** The monitors on simulated models: faults found, how soon, what is alarmed for nothing, and what a minute costs. */
import { openMonitors } from "../../src/watch/index.ts";
import { digits, median } from "../harness.ts";
import { type Fault, type FaultKind, faultKinds, nuisanceKinds, simulatedMinutes } from "./simulator.ts";

const lengths: Partial<Record<FaultKind, number>> = {
  "error-burst": 10,
  "lost-traffic": 30,
  "latency-creep": 240,
  "nll-drift": 240,
  outlier: 1,
  gap: 45,
  "clock-forward": 1,
  "clock-back": 1,
};
/** Minutes after a fault in which an alarm is still of it. */
const graceMinutes = 15;
const groupOf: Readonly<Record<(typeof faultKinds)[number], string>> = {
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

/** Three usual days, then every fault and nuisance, ten hours apart. */
export function faultPlan(): { readonly faults: readonly Fault[]; readonly minutes: number } {
  const faults: Fault[] = [];
  let at = 3 * 1440 + 300;
  for (const kind of [...faultKinds, ...nuisanceKinds]) {
    const minutes = lengths[kind] ?? 60;
    faults.push({ kind, from: at, minutes });
    at += minutes + 600;
  }
  return { faults, minutes: at };
}

export interface FaultFigures {
  readonly found: number;
  readonly planted: number;
  readonly byKind: Readonly<Record<string, { readonly found: string; readonly delayMinutes: number }>>;
  /** Alarms raised, and those that are of a fault. */
  readonly raised: number;
  readonly right: number;
  readonly nuisances: number;
  readonly days: number;
}

export function runFaults(seeds: number, falseAlarmsPerDay: number): FaultFigures {
  const set = openMonitors({ falseAlarmsPerDay });
  const { faults, minutes } = faultPlan();
  const delays = new Map<FaultKind, number[]>();
  let [raised, right, nuisances] = [0, 0, 0];
  for (let seed = 0; seed < seeds; seed++) {
    let state = set.start;
    const events: { readonly minute: number; readonly group: string }[] = [];
    for (const { minute, ...figures } of simulatedMinutes({ seed: `bench ${seed}`, minutes, faults })) {
      const step = set.step(state, figures);
      state = step.state;
      for (const e of step.events) if (e.event === "raised") events.push({ minute, group: e.group });
    }
    raised += events.length;
    const within = (f: Fault, minute: number) => minute >= f.from && minute < f.from + f.minutes + graceMinutes;
    for (const f of faults) {
      const own = events.filter(e => within(f, e.minute));
      if (!(f.kind in groupOf)) {
        nuisances += own.length;
        continue;
      }
      right += own.length;
      const first = own.find(e => e.group === groupOf[f.kind as keyof typeof groupOf]);
      const list = delays.get(f.kind) ?? [];
      if (first) list.push(first.minute - f.from);
      delays.set(f.kind, list);
    }
  }
  const byKind = Object.fromEntries(
    faultKinds.map(k => [k, { found: `${delays.get(k)!.length}/${seeds}`, delayMinutes: median(delays.get(k)!) }]),
  );
  const found = faultKinds.reduce((sum, k) => sum + delays.get(k)!.length, 0);
  return { found, planted: faultKinds.length * seeds, byKind, raised, right, nuisances, days: (minutes / 1440) * seeds };
}

/** Usual days after the warm-up: alarms and signals a day, what a minute costs, and how large the state is. */
export function runQuiet(seeds: number, days: number, falseAlarmsPerDay: number) {
  const set = openMonitors({ falseAlarmsPerDay });
  let [alarms, signals, steps, bytes] = [0, 0, 0, 0];
  let cost = 0;
  for (let seed = 0; seed < seeds; seed++) {
    let state = set.start;
    const minutes = [...simulatedMinutes({ seed: `quiet ${seed}`, minutes: days * 1440 })];
    const on = new Set<string>();
    const began = process.cpuUsage();
    for (const minute of minutes) {
      const step = set.step(state, minute);
      state = step.state;
      alarms += step.events.filter(e => e.event === "raised").length;
      for (const [name, m] of Object.entries(state.monitors)) {
        if (m.onMs === undefined) on.delete(name);
        else if (!on.has(name)) {
          on.add(name);
          signals++;
        }
      }
    }
    const used = process.cpuUsage(began);
    cost += used.user + used.system;
    steps += minutes.length;
    bytes = Math.max(bytes, JSON.stringify(state).length);
  }
  const all = seeds * days;
  return {
    days: all,
    alarms,
    "alarms a day": digits(alarms / all),
    "signals a day": digits(signals / all),
    "microseconds a minute": digits(cost / steps),
    "bytes of state": bytes,
  };
}

/** Figures of a simulated model as vectors for detectors that know nothing of time, with labels: three usual days, and what follows. */
export function simulatedVectors(seed: string) {
  const { faults, minutes } = faultPlan();
  const [fit, score, labels, inputs]: [Float64Array[], Float64Array[], number[], Parameters<ReturnType<typeof openMonitors>["step"]>[1][]] =
    [[], [], [], []];
  for (const { minute, ...figures } of simulatedMinutes({ seed, minutes, faults })) {
    const { numbers, shares, classes } = figures;
    if (!classes) continue;
    const all = Object.values(classes).reduce((a, b) => a + b, 0);
    const row = Float64Array.from([
      ...Object.values(numbers).map(n => n.value),
      ...Object.values(shares).map(s => s.count / s.of),
      ...Object.values(classes).map(c => c / all),
    ]);
    inputs.push(figures);
    if (minute < 3 * 1440) {
      fit.push(row);
      continue;
    }
    score.push(row);
    labels.push(faults.some(f => f.kind in groupOf && minute >= f.from && minute < f.from + f.minutes) ? 1 : 0);
  }
  return { fit, score, labels, inputs };
}

/** Scores of the monitors for the minutes after the third day: the greatest ratio to a limit. */
export function monitorScores(inputs: ReturnType<typeof simulatedVectors>["inputs"], skip: number): Float64Array {
  const set = openMonitors();
  let state = set.start;
  const scores: number[] = [];
  for (const input of inputs) {
    const step = set.step(state, input);
    state = step.state;
    scores.push(step.greatest);
  }
  return Float64Array.from(scores.slice(skip));
}
