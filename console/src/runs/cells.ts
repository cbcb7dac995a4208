/** Cells of the table of runs as words, and which columns are shown where nobody chose. Pure. */
import { formatAgo, formatNumber, formatWait, none, words } from "../format.ts";
import type { RunColumn, RunRow } from "../generated/runs.ts";

/** Those that the runs have of these. */
const usual = ["name", "kind", "state", "started", "duration", "loss", "bitsPerByte", "macroF1", "cost", "tags"];

/** Columns by keys of a choice (with commas); those that nobody has any more are left out. The name comes first. */
export function shownColumns(columns: readonly RunColumn[], chosen: string): RunColumn[] {
  const keys = chosen === "" ? usual : ["name", ...chosen.split(",").filter(k => k !== "name")];
  return keys.flatMap(key => columns.find(c => c.key === key) ?? []);
}

/** What a column is called: of options and results the last name, with what is before it. */
export function columnLabel({ key }: Pick<RunColumn, "key">): string {
  const parts = key.replace(/^options\./, "").split(".");
  const last = words(parts.at(-1)!);
  const before = parts.slice(0, -1).filter(p => p !== "recipe");
  return before.length === 0 ? last : `${words(before.join(" "))}: ${last.toLowerCase()}`;
}

/** A value in words, without its unit. */
export function cellText(value: string | number | undefined, type: RunColumn["type"], now: number): string {
  if (value === undefined) return none;
  if (type === "time") return formatAgo(Number(value), now);
  if (type === "duration") return formatWait(Number(value));
  return typeof value === "number" ? formatNumber(value) : value;
}

/** The unit that a cell says itself: its column has none for all. */
export const cellUnit = (row: Pick<RunRow, "units">, column: RunColumn): string =>
  column.unit === null ? (row.units[column.key] ?? "") : "";

/** Names of runs, trials with their number; where several have the same name, with the end of their ids. */
export function runNames(rows: readonly Pick<RunRow, "id" | "values" | "stage">[]): string[] {
  const own = rows.map(({ values, stage }) => `${values.name ?? stage}${values.trial === undefined ? "" : ` trial ${values.trial}`}`);
  const count = new Map<string, number>();
  for (const name of own) count.set(name, (count.get(name) ?? 0) + 1);
  return own.map((name, i) => (count.get(name)! > 1 ? `${name} (${rows[i]!.id.slice(-4)})` : name));
}

/** What the next click on a column's head sorts by: up, down, then as it was. Numbers that are better when small and texts begin upwards. */
export function nextSort(sort: string, key: string): string {
  if (sort === key) return `-${key}`;
  return sort === `-${key}` && key !== "started" ? "-started" : key;
}

/** Text of a filter that is true of a group of runs. */
export const groupFilter = (key: string, value: string | number | null): string =>
  value === null ? `${key} = none` : `${key} = ${typeof value === "number" ? value : JSON.stringify(value)}`;
