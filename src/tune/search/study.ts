/**
 * A search: what may be chosen, what counts, what was tried. `ask` gives the next trial, `tell` its end; whoever runs trials runs them where and
 * how he likes, several at once too. Everything follows from the seed and the history, which is plain data: a study that was written down goes
 * on as if nothing had happened.
 */
import { random } from "../../base/index.ts";
import { tuneErrors } from "../errors.ts";
import { noPruner, type Pruner } from "./pruners.ts";
import type { Sampler } from "./samplers/sampler.ts";
import { checkPoint, type Point, type Space } from "./space.ts";
import { directions, losses, lossOf, type Objective, paretoRanks, type Report, type Trial } from "./trial.ts";

export interface StudyOptions {
  readonly space: Space;
  /** The first one is what trials report and pruners look at. */
  readonly objectives: readonly Objective[];
  readonly sampler: Sampler;
  readonly pruner?: Pruner;
  readonly seed?: number | string;
}

export interface StudyState {
  readonly trials: readonly Trial[];
  /** Points that wait to be tried first. */
  readonly queue: readonly Point[];
}

export class Study {
  readonly space: Space;
  readonly objectives: readonly Objective[];
  private readonly sampler: Sampler;
  private readonly pruner: Pruner;
  private readonly seed: number | string;
  private readonly list: Trial[];
  private readonly queue: Point[];

  /** Errors: tune/option (no objective, no direction of one), tune/space (a point of the state is none of the space). */
  constructor({ space, objectives, sampler, pruner = noPruner, seed = 1 }: StudyOptions, state: StudyState = { trials: [], queue: [] }) {
    if (objectives.length === 0)
      throw tuneErrors.fail("option", { place: "objectives", expected: "an objective or more", received: "none" });
    for (const { name, direction } of objectives)
      if (!directions.includes(direction))
        throw tuneErrors.fail("option", {
          place: `objectives.${name}.direction`,
          expected: directions.map(d => `"${d}"`).join(" or "),
          received: JSON.stringify(direction) ?? "none",
        });
    [this.space, this.objectives, this.sampler, this.pruner, this.seed] = [space, objectives, sampler, pruner, seed];
    for (const { point } of state.trials) checkPoint(space, point);
    for (const point of state.queue) checkPoint(space, point);
    [this.list, this.queue] = [[...state.trials], [...state.queue]];
  }

  get trials(): readonly Trial[] {
    return this.list;
  }
  get state(): StudyState {
    return { trials: [...this.list], queue: [...this.queue] };
  }

  /** The next trial, running from now on; undefined where nothing is left to try. */
  ask(): Trial | undefined {
    const number = this.list.length;
    const { space, objectives, seed, list: trials } = this;
    const point =
      this.queue.shift() ?? this.sampler.suggest({ space, objectives, trials, number, seed, draw: random(`${seed}/trial/${number}`) });
    if (!point) return undefined;
    const trial: Trial = { number, point, state: "running", reports: [] };
    this.list.push(trial);
    return trial;
  }

  /** A point that is tried before the sampler chooses. Errors: tune/space. */
  enqueue(point: Point): void {
    checkPoint(this.space, point);
    this.queue.push(point);
  }

  /** A trial that was made elsewhere. Errors: tune/space, tune/trial (values that do not fit the objectives). */
  add(point: Point, values: readonly number[]): Trial {
    checkPoint(this.space, point);
    const trial: Trial = { number: this.list.length, point, state: "running", reports: [] };
    return this.set(this.ended(trial, values));
  }

  /** What the first objective is at a step; tells whether the trial should end. Errors: tune/trial (not running, or a step that does not rise). */
  report(number: number, report: Report): { readonly isBehind: boolean } {
    const trial = this.running(number);
    const last = trial.reports.at(-1)?.step ?? Number.NEGATIVE_INFINITY;
    if (!(report.step > last))
      throw tuneErrors.fail("trial", { place: `trial ${number}`, expected: `a step behind ${last}`, received: String(report.step) });
    const next = { ...trial, reports: [...trial.reports, report] };
    this.list[number] = next;
    const [objective] = this.objectives as readonly [Objective];
    return { isBehind: this.pruner.isBehind({ trials: this.list, trial: next, objective, seed: this.seed }) };
  }

  /** The end of a trial: its values; one that is NaN or not finite makes it a failed one. Errors: tune/trial. */
  tell(number: number, values: readonly number[]): Trial {
    return this.set(this.ended(this.running(number), values));
  }

  /** A trial that was ended since it was behind. Errors: tune/trial. */
  prune(number: number): Trial {
    return this.set({ ...this.running(number), state: "pruned" });
  }

  /** A trial that crashed. The search goes on. Errors: tune/trial. */
  fail(number: number, reason: string): Trial {
    return this.set({ ...this.running(number), state: "failed", reason });
  }

  /** Trials that none is better than: one for a single objective, the Pareto front for several. */
  get best(): readonly Trial[] {
    const done = this.list.filter(t => t.state === "done");
    if (this.objectives.length === 1) {
      const loss = (t: Trial) => lossOf(t.values![0]!, this.objectives[0]!);
      return done.length === 0 ? [] : [done.reduce((a, b) => (loss(b) < loss(a) ? b : a))];
    }
    const ranks = paretoRanks(done.map(t => losses(t.values!, this.objectives)));
    return done.filter((_, i) => ranks[i] === 0);
  }

  private ended(trial: Trial, values: readonly number[]): Trial {
    const names = this.objectives.map(o => o.name);
    const given: unknown = values;
    if (!Array.isArray(given) || given.length !== names.length || given.some(v => typeof v !== "number"))
      throw tuneErrors.fail("trial", {
        place: `trial ${trial.number}`,
        expected: `a list of ${names.length === 1 ? "one number" : `${names.length} numbers`}, [${names.join(", ")}]`,
        received: Array.isArray(given) ? JSON.stringify(given) : String(given),
      });
    const broken = values.findIndex(v => !Number.isFinite(v));
    return broken < 0
      ? { ...trial, state: "done", values }
      : { ...trial, state: "failed", reason: `${names[broken]} is ${values[broken]}` };
  }

  private running(number: number): Trial {
    const trial = this.list[number];
    if (trial?.state !== "running")
      throw tuneErrors.fail("trial", {
        place: `trial ${number}`,
        expected: "a trial that is running",
        received: trial?.state ?? "none of that number",
      });
    return trial;
  }

  private set(trial: Trial): Trial {
    this.list[trial.number] = trial;
    return trial;
  }
}
