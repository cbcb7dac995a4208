/** How the next point is chosen. */
import type { Random } from "../../../base/index.ts";
import type { Point, Space } from "../space.ts";
import type { Objective, Trial } from "../trial.ts";

export interface SamplingSituation {
  readonly space: Space;
  readonly objectives: readonly Objective[];
  /** All trials so far, by number; those that others are running count too. */
  readonly trials: readonly Trial[];
  /** Number of the trial that is asked for. */
  readonly number: number;
  /** Of the study's seed and the number: the same history gives the same point. */
  readonly draw: Random;
  readonly seed: number | string;
}

export interface Sampler {
  readonly name: string;
  /** Undefined where there is nothing more to try. */
  suggest(situation: SamplingSituation): Point | undefined;
}
