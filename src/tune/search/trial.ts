/** What a search has tried. Plain data: samplers and pruners are functions of it, so a study goes on anywhere. */
import type { Point } from "./space.ts";

export interface Report {
  /** How far the trial was: steps, tokens, whatever all trials of a study count alike. */
  readonly step: number;
  /** The first objective as it was then. */
  readonly value: number;
}

export interface Trial {
  /** From 0. */
  readonly number: number;
  readonly point: Point;
  /** `pruned`: ended early since it was behind; `failed`: crashed, or gave no number. Neither ends the search. */
  readonly state: "running" | "done" | "pruned" | "failed";
  /** Of a trial that is done: one for each objective. */
  readonly values?: readonly number[];
  readonly reports: readonly Report[];
  /** Why it failed. */
  readonly reason?: string;
}

export const directions = ["minimise", "maximise"] as const;
export type Direction = (typeof directions)[number];
export interface Objective {
  readonly name: string;
  readonly direction: Direction;
}

/** Values so that less is better. */
export const losses = (values: readonly number[], objectives: readonly Objective[]): number[] =>
  values.map((v, i) => (objectives[i]!.direction === "minimise" ? v : -v));

export const lossOf = (value: number, objective: Objective): number => (objective.direction === "minimise" ? value : -value);

/** Whether a is nowhere worse than b and somewhere better. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((v, i) => v <= b[i]!) && a.some((v, i) => v < b[i]!);

/** Rank of each row of losses: 0 where nothing dominates it, 1 where only rows of rank 0 do, and so on (Deb et al. 2002). */
export function paretoRanks(rows: readonly (readonly number[])[]): number[] {
  const ranks = new Array<number>(rows.length).fill(-1);
  let left = rows.map((_, i) => i);
  for (let rank = 0; left.length > 0; rank++) {
    const front = left.filter(i => !left.some(j => dominates(rows[j]!, rows[i]!)));
    for (const i of front) ranks[i] = rank;
    left = left.filter(i => ranks[i] === -1);
  }
  return ranks;
}
