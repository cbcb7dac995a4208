/**
 * Anonymity of a table: rows that agree in all quasi-identifiers (what somebody may know of a person from elsewhere) form an equivalence class. k-anonymity
 * is the size of the smallest class (Sweeney 2002), l-diversity the number of sensitive values in each class (Machanavajjhala et al. 2007; also by entropy),
 * t-closeness the largest distance between a class's distribution of a sensitive value and the table's (Li et al. 2007). These say what a table shows by
 * itself; they promise nothing against somebody who knows more, which differential privacy does.
 */
import { governanceErrors } from "../errors.ts";

export type Cell = string | number | null;
export type TableRow = Readonly<Record<string, Cell>>;

export interface AnonymityOptions {
  /** Columns that together may point to a person. */
  readonly quasiIdentifiers: readonly string[];
  /** Columns that nobody should learn of a person. */
  readonly sensitive?: readonly string[];
}

export interface SensitiveReport {
  readonly column: string;
  /** Fewest distinct values in a class (distinct l-diversity). */
  readonly distinctL: number;
  /** 2 to the least entropy of a class in bits: the effective number of values (entropy l-diversity). */
  readonly entropyL: number;
  /** Largest distance of a class from the table, 0 to 1: earth mover's of ranks for numbers, total variation for categories. */
  readonly t: number;
  readonly distance: "ordered" | "categorical";
}

export interface AnonymityReport {
  readonly rows: number;
  readonly classes: number;
  readonly k: number;
  /** Rows that are alone in their class: the quasi-identifiers identify them. */
  readonly uniqueRows: number;
  readonly sensitive: readonly SensitiveReport[];
}

const wrong = (place: string, expected: string, received: string) => governanceErrors.fail("table", { place, expected, received });

function checkColumns(rows: readonly TableRow[], columns: readonly string[], place: string): void {
  if (rows.length === 0) throw wrong(place, "a table with rows", "none");
  for (const column of columns)
    for (const [i, row] of rows.entries()) {
      if (!Object.hasOwn(row, column)) throw wrong(`${place}.${column}`, `a value in row ${i + 1} (null for none)`, "no such column");
      const value = row[column];
      if (typeof value === "number" && !Number.isFinite(value))
        throw wrong(`${place}.${column}`, `a finite number in row ${i + 1}`, String(value));
    }
}

/** Classes as lists of row numbers, in the order in which they begin. */
export function equivalenceClasses(rows: readonly TableRow[], quasiIdentifiers: readonly string[]): number[][] {
  const classes = new Map<string, number[]>();
  for (const [i, row] of rows.entries()) {
    // typed, so that the number 1 and the text "1" differ
    const key = JSON.stringify(quasiIdentifiers.map(column => row[column] ?? null));
    const members = classes.get(key);
    if (members) members.push(i);
    else classes.set(key, [i]);
  }
  return [...classes.values()];
}

const countsOf = (values: readonly Cell[]): Map<Cell, number> => {
  const counts = new Map<Cell, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

const entropyBits = (counts: Iterable<number>, total: number): number => {
  let bits = 0;
  for (const n of counts) bits -= (n / total) * Math.log2(n / total);
  return bits;
};

/** Earth mover's distance over the ranks of the ordered values, and half the sum of absolute differences for categories (both 0 to 1). */
function distanceOf(
  part: ReadonlyMap<Cell, number>,
  size: number,
  whole: ReadonlyMap<Cell, number>,
  total: number,
  order: readonly Cell[] | undefined,
): number {
  const differences = (order ?? [...whole.keys()]).map(value => (part.get(value) ?? 0) / size - (whole.get(value) ?? 0) / total);
  if (!order) return differences.reduce((sum, d) => sum + Math.abs(d), 0) / 2;
  if (order.length < 2) return 0;
  let [carried, moved] = [0, 0];
  for (const d of differences) {
    carried += d;
    moved += Math.abs(carried);
  }
  return moved / (order.length - 1);
}

function sensitiveReport(rows: readonly TableRow[], classes: readonly (readonly number[])[], column: string): SensitiveReport {
  const values = rows.map(row => row[column] ?? null);
  const whole = countsOf(values);
  const isOrdered = values.every(value => typeof value === "number");
  const order = isOrdered ? [...whole.keys()].sort((a, b) => Number(a) - Number(b)) : undefined;
  let [distinctL, leastBits, t] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
  for (const members of classes) {
    const counts = countsOf(members.map(i => values[i]!));
    distinctL = Math.min(distinctL, counts.size);
    leastBits = Math.min(leastBits, entropyBits(counts.values(), members.length));
    t = Math.max(t, distanceOf(counts, members.length, whole, rows.length, order));
  }
  return { column, distinctL, entropyL: 2 ** leastBits, t, distance: isOrdered ? "ordered" : "categorical" };
}

/** k-anonymity, l-diversity and t-closeness of a table. Errors: table. */
export function anonymityOf(rows: readonly TableRow[], { quasiIdentifiers, sensitive = [] }: AnonymityOptions): AnonymityReport {
  if (quasiIdentifiers.length === 0) throw wrong("quasiIdentifiers", "at least one column", "none");
  const both = sensitive.find(column => quasiIdentifiers.includes(column));
  if (both !== undefined) throw wrong("sensitive", "columns that are not quasi-identifiers", `"${both}"`);
  checkColumns(rows, [...quasiIdentifiers, ...sensitive], "table");
  const classes = equivalenceClasses(rows, quasiIdentifiers);
  return {
    rows: rows.length,
    classes: classes.length,
    k: classes.reduce((least, c) => Math.min(least, c.length), Number.POSITIVE_INFINITY),
    uniqueRows: classes.filter(c => c.length === 1).length,
    sensitive: sensitive.map(column => sensitiveReport(rows, classes, column)),
  };
}
