/** Runs as rows for a CSV file: a head of keys with their units, then a row a run. Pure: the console writes it too. */
import type { RunColumn, RunRow, RunValue } from "./run-row.ts";

const shown = (value: RunValue | undefined, { type }: RunColumn): RunValue | undefined =>
  value !== undefined && type === "time" ? new Date(Number(value)).toISOString() : value;

export const csvRows = (columns: readonly RunColumn[], rows: readonly Pick<RunRow, "values">[]): (RunValue | undefined)[][] => [
  columns.map(c => (c.unit === null ? c.key : `${c.key} (${c.unit})`)),
  ...rows.map(row => columns.map(c => shown(row.values[c.key], c))),
];
