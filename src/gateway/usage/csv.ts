/** Rows of usage as CSV for a spreadsheet, money in the currency's unit. */
import { csvText } from "../../base/index.ts";
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

/** A head line, then a line a row. */
export const usageCsv = (rows: readonly UsageRow[]): string =>
  csvText([[...columns, "cost"], ...rows.map(row => [...columns.map(column => row[column]), (row.costNano / 1e9).toFixed(9)])]);
