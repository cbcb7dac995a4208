/**
 * A k-anonymous version of a table by Mondrian (LeFevre, DeWitt, Ramakrishnan 2006): the rows are cut at the median of the quasi-identifier that is widest
 * relative to the table, as long as both parts keep k rows (and l values of every sensitive column); then each part's quasi-identifiers become a range, or a
 * set of categories. No row is suppressed. Greedy: a better cut may exist.
 */
import { governanceErrors } from "../errors.ts";
import type { AnonymityOptions, Cell, TableRow } from "./classes.ts";

export interface GeneraliseOptions extends AnonymityOptions {
  readonly k: number;
  /** Least number of distinct values of each sensitive column in a class. Default: 1. */
  readonly l?: number;
}

export interface GeneralisedTable {
  readonly rows: readonly TableRow[];
  /** Mean width of the classes' ranges relative to the table's, 0 (nothing lost) to 1: the normalised certainty penalty. */
  readonly loss: number;
}

/** Numbers by size, then texts; empty cells first. */
const compare = (a: Cell, b: Cell): number => {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : 1;
};

/** Width of a column in some rows: max less min of numbers, distinct values less one of anything else. */
function widthOf(rows: readonly TableRow[], members: readonly number[], column: string): number {
  const values = members.map(i => rows[i]![column] ?? null);
  if (values.every(v => typeof v === "number"))
    return values.reduce<number>((m, v) => Math.max(m, v), -Infinity) - values.reduce<number>((m, v) => Math.min(m, v), Infinity);
  return new Set(values).size - 1;
}

/** The rows at or below the median value of the column and those above it; undefined where one side would be empty. */
function cut(rows: readonly TableRow[], members: readonly number[], column: string): [number[], number[]] | undefined {
  const value = (i: number): Cell => rows[i]![column] ?? null;
  const sorted = [...members].sort((a, b) => compare(value(a), value(b)));
  const middle = value(sorted[(sorted.length - 1) >> 1]!);
  const low = sorted.filter(i => compare(value(i), middle) <= 0);
  if (low.length < sorted.length) return [low, sorted.slice(low.length)];
  // the median is the largest value: cut below it
  const below = sorted.filter(i => compare(value(i), middle) < 0);
  return below.length > 0 ? [below, sorted.slice(below.length)] : undefined;
}

function generalised(rows: readonly TableRow[], members: readonly number[], column: string): Cell {
  const values = [...new Set(members.map(i => rows[i]![column] ?? null))].sort(compare);
  if (values.length === 1) return values[0]!;
  if (values.every(v => typeof v === "number")) return `${values[0]}..${values.at(-1)}`;
  return `{${values.map(v => v ?? "").join("; ")}}`;
}

/** Generalises the quasi-identifiers until every class has k rows. Errors: table where the whole table does not. */
export function generalise(rows: readonly TableRow[], { quasiIdentifiers, sensitive = [], k, l = 1 }: GeneraliseOptions): GeneralisedTable {
  const isAllowed = (members: readonly number[]): boolean =>
    members.length >= k && sensitive.every(column => new Set(members.map(i => rows[i]![column] ?? null)).size >= l);
  const all = rows.map((_, i) => i);
  if (!Number.isInteger(k) || k < 1 || !isAllowed(all))
    throw governanceErrors.fail("table", {
      place: "k",
      expected: `a table with at least ${k} rows and ${l} values of every sensitive column`,
      received: `${rows.length} rows`,
      hint: "Choose a smaller k or l.",
    });
  const whole = new Map(quasiIdentifiers.map(column => [column, widthOf(rows, all, column)]));
  const relative = (members: readonly number[], column: string): number => {
    const width = whole.get(column)!;
    return width === 0 ? 0 : widthOf(rows, members, column) / width;
  };
  const classes: (readonly number[])[] = [];
  for (const open: (readonly number[])[] = [all]; open.length > 0; ) {
    const members = open.pop()!;
    const parts = quasiIdentifiers
      .map(column => ({ column, width: relative(members, column) }))
      .sort((a, b) => b.width - a.width)
      .filter(c => c.width > 0)
      .map(c => cut(rows, members, c.column))
      .find(found => found?.every(isAllowed));
    if (parts) open.push(...parts);
    else classes.push(members);
  }
  const changed: TableRow[] = [...rows];
  let lost = 0;
  for (const members of classes) {
    const values = Object.fromEntries(quasiIdentifiers.map(column => [column, generalised(rows, members, column)]));
    for (const i of members) changed[i] = { ...rows[i], ...values };
    lost += members.length * quasiIdentifiers.reduce((sum, column) => sum + relative(members, column), 0);
  }
  return { rows: changed, loss: lost / (rows.length * quasiIdentifiers.length) };
}
