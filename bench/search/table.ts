/** The table of a real tuning: the loss of every cell of a grid, written by tuning-table.ts and read by the searches. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface TuningTable {
  readonly about: string;
  /** Values of each setting, in order. */
  readonly axes: Readonly<Record<string, readonly number[]>>;
  /** A loss a cell, the last axis running fastest. */
  readonly losses: readonly number[];
}

export const tablePath = join(process.cwd(), "bench", "search", "tuning-table.json");
export const readTable = (): TuningTable => JSON.parse(readFileSync(tablePath, "utf8")) as TuningTable;

/** All cells as values by axis, the last axis running fastest. */
export function gridOf(axes: TuningTable["axes"]): Record<string, number>[] {
  let cells: Record<string, number>[] = [{}];
  for (const [name, values] of Object.entries(axes)) cells = cells.flatMap(cell => values.map(value => ({ ...cell, [name]: value })));
  return cells;
}

/** Where a cell's loss stands, by the place of its value on each axis. */
export const cellAt = (axes: TuningTable["axes"], places: readonly number[]): number =>
  Object.values(axes).reduce((at, values, axis) => at * values.length + places[axis]!, 0);
