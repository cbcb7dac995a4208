/** Rows as columns for the terminal. */
import { formatCount } from "../base/index.ts";

/** Three digits that count: 0.00123, 1.23, 123, 1,234; what is there but has no such digit is said to be less. */
export function threeDigits(x: number): string {
  if (x > 0 && x < 1e-4) return "<0.0001";
  return x >= 1000 ? formatCount(x) : String(Number(x.toPrecision(3)));
}
export const percentOf = (x: number): string => `${(100 * x).toFixed(1)} %`;

export type ColumnRow = readonly string[];

/** Columns as wide as their widest cell; all but the first `left` are numbers. */
export function columns(rows: readonly ColumnRow[], left: number): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(r => r[i]!.length)));
  const line = (row: ColumnRow) => row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return rows.map(row => `  ${line(row)}`.trimEnd()).join("\n");
}
