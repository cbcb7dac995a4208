/** A stored study as the search sees it: which trials its sampler and pruner know of, what to try next, which trial is behind. */
import { canonicalJson, defined, type Json, random } from "../../base/index.ts";
import type { StoredTrial } from "../../store/index.ts";
import { gridSampler } from "../search/samplers/grid.ts";
import { checkPoint, isActive, type Point, parseSpace, type Space } from "../search/space.ts";
import { Study } from "../search/study.ts";
import { dominates, type Objective, type Trial } from "../search/trial.ts";
import type { SearchPart } from "./part.ts";
import { pruners, samplers } from "./samplers.ts";

/** What came of a trial that is done. */
export interface Outcome {
  /** One for each objective. */
  readonly values: readonly number[];
  readonly measures: Readonly<Record<string, number>>;
  /** Label -> artifact: the model, its judgement. */
  readonly artifacts: Readonly<Record<string, string>>;
}

export type Definition = Pick<SearchPart, "objectives" | "sampler" | "pruner" | "reports" | "seed"> & { readonly space: Json };

export const spaceOf = (d: Definition): Space => parseSpace(d.space);
export const objectivesOf = (d: Pick<Definition, "objectives">): Objective[] => d.objectives.map(name => ({ name, direction: "minimise" }));
// a record keeps what a trial came to as JSON
export const outcomeOf = (t: StoredTrial): Outcome | undefined => (t.state === "done" ? (t.outcome as unknown as Outcome) : undefined);

/** Whether a point is one of the space. A default configuration may have values that the search does not offer. */
export function isWithin(space: Space, point: Json): point is Point {
  try {
    checkPoint(space, point as Point);
    return true;
  } catch {
    return false;
  }
}

/** The values that a configuration has for the parameters that are active in it; those that it says nothing of are left out. */
export function pointOf(space: Space, configured: (parameter: string) => Json | undefined): Point {
  const point: Record<string, Json> = {};
  for (const [name, p] of Object.entries(space)) {
    const value = isActive(p, point) ? configured(name) : undefined;
    if (value !== undefined) point[name] = value;
  }
  return point;
}

const trialOf = (t: StoredTrial, number: number): Trial => {
  const values = outcomeOf(t)?.values;
  return {
    number,
    point: t.point as Point,
    state: t.state === "waiting" ? "running" : t.state,
    reports: t.reports,
    ...defined({ values }),
    ...(t.reason === null ? {} : { reason: t.reason }),
  };
};

/** The study of the trials that are points of its space, numbered anew. */
export const studyOf = (d: Definition, trials: readonly StoredTrial[], space = spaceOf(d)): Study =>
  new Study(
    { space, objectives: objectivesOf(d), sampler: samplers[d.sampler](), pruner: pruners[d.pruner](d.reports), seed: d.seed },
    { trials: trials.filter(t => isWithin(space, t.point)).map(trialOf), queue: [] },
  );

/** Times that a sampler is asked for a point that was not tried before. */
const mostAsked = 16;

/**
 * The point to try after these trials: one that was not tried, since a trial that is run again comes to the same. Where the sampler names only
 * those, any other one; undefined where every combination was tried.
 */
export function nextPoint(d: Definition, trials: readonly StoredTrial[]): Point | undefined {
  const space = spaceOf(d);
  const study = studyOf(d, trials, space);
  const keyOf = (point: Point) => canonicalJson(point as Json);
  const tried = new Set(study.trials.map(t => keyOf(t.point)));
  for (let i = 0; i < mostAsked; i++) {
    const point = study.ask()?.point;
    if (point && !tried.has(keyOf(point))) return point;
  }
  const situation = { space, objectives: study.objectives, trials: study.trials, number: trials.length, seed: d.seed };
  return gridSampler().suggest({ ...situation, draw: random(`${d.seed}/left/${trials.length}`) });
}

/**
 * Whether a trial, by its last report, is not worth going on with. The default configuration is what others are compared with: it goes on, and so
 * does one that has all but ended.
 */
export function isBehind(d: Definition, trials: readonly StoredTrial[], number: number): boolean {
  const trial = trials.find(t => t.number === number)!;
  if (trial.origin === "default" || (trial.reports.at(-1)?.step ?? 0) >= d.reports) return false;
  const [objective] = objectivesOf(d) as [Objective];
  const all = trials.map(t => trialOf(t, t.number));
  return pruners[d.pruner](d.reports).isBehind({ trials: all, trial: trialOf(trial, number), objective, seed: d.seed });
}

/** Trials that are done, the best first: by the value, or, of several objectives, those that nothing is better than first, by the first one. */
export function ranked(d: Definition, trials: readonly StoredTrial[]): StoredTrial[] {
  const done = trials.filter(t => t.state === "done");
  const front = new Set(paretoFront(d, done).map(t => t.number));
  const value = (t: StoredTrial) => outcomeOf(t)!.values[0]!;
  return done.toSorted((a, b) => Number(front.has(b.number)) - Number(front.has(a.number)) || value(a) - value(b) || a.number - b.number);
}

/** Trials that no other is better than in all objectives. */
export function paretoFront(d: Definition, trials: readonly StoredTrial[]): StoredTrial[] {
  const done = trials.filter(t => t.state === "done");
  if (d.objectives.length === 1) return done.toSorted((a, b) => outcomeOf(a)!.values[0]! - outcomeOf(b)!.values[0]!).slice(0, 1);
  return done.filter(t => !done.some(o => dominates(outcomeOf(o)!.values, outcomeOf(t)!.values)));
}
