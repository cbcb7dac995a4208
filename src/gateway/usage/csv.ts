/** Rows of usage as CSV (RFC 4180) for a spreadsheet, money in the currency's unit. */
import type { UsageRow } from "../contract.ts";

const columns = [
  "day",
  "organisation",
  "team",
  "subject",
  "keyId",
  "model",
  "requests",
  "errors",
  "inputTokens",
  "cachedTokens",
  "outputTokens",
] as const satisfies readonly (keyof UsageRow)[];

/** A cell that a spreadsheet would take for a formula gets a quote before it: names come from people and from tokens. */
const cell = (value: string | number): string => {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A head line, then a line a row; lines end with CR LF. */
export const usageCsv = (rows: readonly UsageRow[]): string =>
  [
    [...columns, "cost"].join(","),
    ...rows.map(row => [...columns.map(column => cell(row[column])), cell((row.costNano / 1e9).toFixed(9))].join(",")),
    "",
  ].join("\r\n");
