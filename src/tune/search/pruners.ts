/** Which running trials are not worth their time: functions of the reports so far. */
import { random } from "../../base/index.ts";
import { quantile } from "../../statistics/index.ts";
import { lossOf, type Objective, type Report, type Trial } from "./trial.ts";

export interface PruningSituation {
  readonly trials: readonly Trial[];
  /** The trial in question, its last report among its reports. */
  readonly trial: Trial;
  readonly objective: Objective;
  readonly seed: number | string;
}

export interface Pruner {
  readonly name: string;
  isBehind(situation: PruningSituation): boolean;
}

export const noPruner: Pruner = { name: "none", isBehind: () => false };

const best = (reports: readonly Report[], objective: Objective): number =>
  reports.reduce((least, r) => Math.min(least, lossOf(r.value, objective)), Number.POSITIVE_INFINITY);

/** A value that is not a number never goes on. */
const isBroken = (trial: Trial): boolean => Number.isNaN(trial.reports.at(-1)?.value ?? 0);

/**
 * Behind the median, at the same step, of what the others had reached (Golovin et al. 2017). `startup` trials must be done first, and each
 * trial has `warmup` steps in peace.
 */
export const medianPruner = ({ startup = 5, warmup = 0 } = {}): Pruner => ({
  name: "median",
  isBehind({ trials, trial, objective }) {
    const last = trial.reports.at(-1);
    if (!last) return false;
    if (isBroken(trial)) return true;
    if (last.step <= warmup || trials.filter(t => t.state === "done").length < startup) return false;
    const others = trials
      .filter(t => t.number !== trial.number && t.reports.some(r => r.step >= last.step))
      .map(t =>
        best(
          t.reports.filter(r => r.step <= last.step),
          objective,
        ),
      )
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    return others.length > 0 && best(trial.reports, objective) > quantile(others, 0.5);
  },
});

/** Steps at which trials are compared: `least`, then `factor` times as many each time. */
const rungsBelow = (step: number, least: number, factor: number): number[] => {
  const rungs: number[] = [];
  for (let r = least; r <= step; r *= factor) rungs.push(r);
  return rungs;
};

/** The first value at a rung or behind it. */
const valueAt = (trial: Trial, rung: number, objective: Objective): number | undefined => {
  const report = trial.reports.find(r => r.step >= rung);
  return report && lossOf(report.value, objective);
};

function isBehindAtRung(trial: Trial, others: readonly Trial[], objective: Objective, least: number, factor: number): boolean {
  const last = trial.reports.at(-1);
  if (!last) return false;
  const before = trial.reports.at(-2)?.step ?? 0;
  // Only a report that reaches a rung is judged there.
  return rungsBelow(last.step, least, factor)
    .filter(r => r > before)
    .some(rung => {
      const mine = valueAt(trial, rung, objective)!;
      const there = others.map(t => valueAt(t, rung, objective)).filter(v => v !== undefined && !Number.isNaN(v)) as number[];
      const rank = there.filter(v => v < mine).length;
      return rank >= Math.max(1, Math.floor((there.length + 1) / factor));
    });
}

/** Asynchronous successive halving (Li et al. 2020), stopping at once: at each rung the best one of `factor` goes on. */
export const ashaPruner = ({ least = 1, factor = 4 } = {}): Pruner => ({
  name: "asha",
  isBehind: ({ trials, trial, objective }) =>
    isBroken(trial) ||
    isBehindAtRung(
      trial,
      trials.filter(t => t.number !== trial.number),
      objective,
      least,
      factor,
    ),
});

/**
 * Hyperband (Li et al. 2018) over such halvings: brackets begin at `least`, `factor` times that, ... up to `most`; a trial's number decides its
 * bracket, so that each gets about the same time.
 */
export function hyperbandPruner({ least = 1, most = 81, factor = 3 } = {}): Pruner {
  const brackets = rungsBelow(most, least, factor);
  const weights = brackets.map((_, i) => (brackets.length / (brackets.length - i)) * factor ** (brackets.length - 1 - i));
  const total = weights.reduce((a, b) => a + b, 0);
  const bracketOf = (number: number, seed: number | string): number => {
    let at = random(`${seed}/bracket/${number}`).uniform() * total;
    const found = weights.findIndex(w => {
      at -= w;
      return at < 0;
    });
    return found < 0 ? weights.length - 1 : found;
  };
  return {
    name: "hyperband",
    isBehind({ trials, trial, objective, seed }) {
      if (isBroken(trial)) return true;
      const bracket = bracketOf(trial.number, seed);
      const others = trials.filter(t => t.number !== trial.number && bracketOf(t.number, seed) === bracket);
      return isBehindAtRung(trial, others, objective, brackets[bracket]!, factor);
    },
  };
}
