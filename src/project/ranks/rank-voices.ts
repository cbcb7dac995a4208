/** What the ranks of one start have said: progress of the first one, errors of each, processor time of all. */
import { defined, LoamError, type Problem, type ProgressEvent } from "../../base/index.ts";
import { chargeElsewhere } from "../../ledger/index.ts";
import type { RankWatch } from "../../train/index.ts";
import { openingEvent, type RankEvent } from "./rank-event.ts";

const exitKinds = { 2: "usage", 3: "environment" } as const;

/** An error that a rank has reported, as it would have been thrown here. */
const errorOf = (problem: Problem, exitCode: number): LoamError =>
  new LoamError(problem, { status: 500, exit: exitKinds[exitCode as keyof typeof exitKinds] ?? "failure", meaning: "An error of a rank." });

/** Errors that say what another rank, or who stopped this one, has done. */
const ofAnother = ["ranks/lost", "ranks/stuck", "train/rank", "base/interrupted"];

export class RankVoices {
  readonly #errors = new Map<number, RankEvent & { readonly event: "error" }>();
  readonly #watched: RankWatch;
  /** The step of the newest progress. */
  step = 0;

  constructor(watched: RankWatch) {
    this.#watched = watched;
  }

  /** A line that a rank has written. */
  hear(rank: number, line: string): void {
    if (!line.startsWith(openingEvent)) return;
    const told = JSON.parse(line) as RankEvent;
    if (told.event === "error") this.#errors.set(rank, told);
    else if (told.event === "used") chargeElsewhere(told.processorSeconds, { waited: told.waitedSeconds });
    else if (rank === 0 && told.event === "progress") this.#progress(told.progress);
    else if (rank === 0 && told.event === "problem") this.#watched.onProblem?.(errorOf(told.problem, 1));
  }

  #progress(event: ProgressEvent): void {
    const { step } = event.values ?? {};
    if (typeof step === "number") this.step = step;
    this.#watched.progress(event);
  }

  /** The rank's error that is the reason for all others; undefined where none has reported one: a rank was killed. */
  reason(size: number): LoamError | undefined {
    const own = [...this.#errors].filter(([, e]) => !ofAnother.includes(e.problem.code)).sort(([a], [b]) => a - b);
    const [first] = own;
    if (!first) return undefined;
    const [rank, { problem, exitCode }] = first;
    const place = own.length === size || size === 1 ? problem.place : [`rank ${rank}`, problem.place].filter(Boolean).join(": ");
    return errorOf({ ...problem, ...defined({ place }) }, exitCode);
  }

  /** What a rank has reported of another: that it was lost, or did not come. */
  get ofOthers(): LoamError | undefined {
    const told = ["ranks/lost", "ranks/stuck", "train/rank"].flatMap(code =>
      [...this.#errors.values()].filter(e => e.problem.code === code),
    );
    return told[0] && errorOf(told[0].problem, told[0].exitCode);
  }
}
