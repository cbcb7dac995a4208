/** Rows of runs as CSV (RFC 4180): a head line of keys, then a line a run. Pure: the console writes it too. */
import type { RunColumn, RunRow } from "./run-row.ts";

/** A text that a spreadsheet would take for a formula begins with an apostrophe. */
const guarded = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

function field(value: string | number | undefined, type: RunColumn["type"]): string {
  if (value === undefined) return "";
  const text = type === "time" ? new Date(Number(value)).toISOString() : typeof value === "number" ? String(value) : guarded(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const runsCsv = (columns: readonly RunColumn[], rows: readonly Pick<RunRow, "values">[]): string =>
  [
    columns.map(c => field(c.unit === null ? c.key : `${c.key} (${c.unit})`, "text")).join(","),
    ...rows.map(row => columns.map(c => field(row.values[c.key], c.type)).join(",")),
    "",
  ].join("\r\n");
