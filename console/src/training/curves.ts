/** A run's points as columns for charts: smoothed, on an axis, as CSV. Pure; drawing is the view's. */
import type { Point } from "../generated/server.ts";

export const axes = ["step", "tokens"] as const;
export type Axis = (typeof axes)[number];
export type Column = readonly (number | null)[];

export const column = (points: readonly Point[], name: Exclude<keyof Point, Axis>): Column => points.map(p => p[name]);

/** Places of runs whose losses have the same unit, by unit in the order of the runs: two units never share an axis. */
export function byLossUnit(runs: readonly { readonly lossUnit: string }[]): ReadonlyMap<string, readonly number[]> {
  const units = new Map<string, number[]>();
  for (const [i, { lossUnit }] of runs.entries()) units.set(lossUnit, [...(units.get(lossUnit) ?? []), i]);
  return units;
}

/** What the second curve is of: a tuning looks at a part that selects, and leaves what is held out alone. */
export const besideTrain = (stage: string): "validation" | "held out" => (stage.startsWith("tune-") ? "validation" : "held out");

/** One direction of `smoothed`: weighted sum and mass of what lies before each place. */
function decayed(values: Column, weight: number): readonly (readonly [sum: number, mass: number])[] {
  let [sum, mass] = [0, 0];
  return values.map(v => {
    const before = [sum, mass] as const;
    sum = weight * (sum + (v ?? 0));
    mass = weight * (mass + (v === null ? 0 : 1));
    return before;
  });
}

/**
 * Mean of the values around each, weighted by `weight` to the power of the distance. Both sides count, so a fall is not shown late; a gap
 * stays a gap and weighs nothing. `weight` from 0 (nothing changes) to below 1.
 */
export function smoothed(values: Column, weight: number): Column {
  const before = decayed(values, weight);
  const after = decayed(values.toReversed(), weight).toReversed();
  return values.map((v, i) => (v === null ? null : (v + before[i]![0] + after[i]![0]) / (1 + before[i]![1] + after[i]![1])));
}

/** A weight that leaves about 60 independent points of so many: a short run is shown as it is. */
export function smoothingOf(points: number): number {
  const together = Math.max(1, points / 60);
  // Weights w^|d| sum to (1 + w) / (1 - w).
  return (together - 1) / (together + 1);
}

export function lowestOf(values: Column): number | null {
  const found = values.filter(v => v !== null);
  return found.length === 0 ? null : found.reduce((a, b) => Math.min(a, b));
}

export function medianOf(values: Column): number | null {
  const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

const columns = [
  "step",
  "tokens",
  "loss",
  "heldOut",
  "learningRate",
  "tokensPerSecond",
  "gradientNorm",
] as const satisfies readonly (keyof Point)[];

/** All points as CSV with a head line; an empty field where there is no value. */
export const csvOf = (points: readonly Point[]): string =>
  [columns.join(","), ...points.map(p => columns.map(c => p[c] ?? "").join(",")), ""].join("\n");
