/**
 * How far raters agree beyond chance, about items in classes: Cohen's kappa of two (1960; weighted 1968), Fleiss' of several (1971), Krippendorff's
 * alpha where not all rated all (1970).
 */
import { checkArgument } from "./errors.ts";

/** How much two different classes of a scale disagree: all alike, or by their distance on it. */
export type KappaWeights = "none" | "linear" | "quadratic";

const distances: { readonly [W in KappaWeights]: (a: number, b: number) => number } = {
  none: (a, b) => Number(a !== b),
  linear: (a, b) => Math.abs(a - b),
  quadratic: (a, b) => (a - b) ** 2,
};

/**
 * Cohen's kappa of a table [k, k] of counts, rows one rater, columns the other; classes in the order of their scale where weighted. NaN where both
 * use one and the same class only. Errors: statistics/argument.
 */
export function kappaOfTable(counts: ArrayLike<number>, k: number, weights: KappaWeights = "none"): number {
  checkArgument(counts.length === k * k && k > 0, "counts", `${k} x ${k} counts`, counts.length);
  const [rows, columns] = [new Float64Array(k), new Float64Array(k)];
  let total = 0;
  for (let a = 0; a < k; a++)
    for (let b = 0; b < k; b++) {
      const n = counts[a * k + b]!;
      rows[a]! += n;
      columns[b]! += n;
      total += n;
    }
  checkArgument(total > 0, "counts", "an item or more", total);
  const distance = distances[weights];
  let [seen, byChance] = [0, 0];
  for (let a = 0; a < k; a++)
    for (let b = 0; b < k; b++) {
      const d = distance(a, b);
      seen += d * counts[a * k + b]!;
      byChance += (d * rows[a]! * columns[b]!) / total;
    }
  return 1 - seen / byChance;
}

/** Cohen's kappa of two lists of classes, in the order of `classes` where weighted. Errors: statistics/argument. */
export function cohenKappa<C extends string | number>(
  first: readonly C[],
  second: readonly C[],
  { classes = [...new Set([...first, ...second])].sort((a, b) => (a < b ? -1 : 1)), weights = "none" as KappaWeights } = {},
): number {
  checkArgument(first.length > 0, "first", "an item or more", first.length);
  checkArgument(second.length === first.length, "second", `${first.length} items, as first has`, second.length);
  const index = new Map(classes.map((c, i) => [c, i]));
  const counts = new Float64Array(classes.length ** 2);
  first.forEach((a, i) => {
    const [row, column] = [index.get(a), index.get(second[i]!)];
    checkArgument(row !== undefined && column !== undefined, `item ${i}`, `classes of ${classes.join(", ")}`, `${a} and ${second[i]}`);
    counts[row * classes.length + column]! += 1;
  });
  return kappaOfTable(counts, classes.length, weights);
}

/**
 * Fleiss' kappa of a table of items by classes: how many of the raters put the item there, the same number of raters for all. NaN where all use one
 * class only. Errors: statistics/argument.
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number {
  const raters = counts[0]?.reduce((a, b) => a + b, 0) ?? 0;
  const numClasses = counts[0]?.length ?? 0;
  checkArgument(raters >= 2, "counts", "two raters or more", raters);
  const shares = new Float64Array(numClasses);
  let agreed = 0;
  counts.forEach((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    checkArgument(
      row.length === numClasses && sum === raters,
      `item ${i}`,
      `${raters} ratings in ${numClasses} classes`,
      `${sum} in ${row.length}`,
    );
    agreed += (row.reduce((s, n) => s + n * n, 0) - raters) / (raters * (raters - 1));
    row.forEach((n, c) => {
      shares[c]! += n / (raters * counts.length);
    });
  });
  const byChance = shares.reduce((s, p) => s + p * p, 0);
  return (agreed / counts.length - byChance) / (1 - byChance);
}

/**
 * Krippendorff's alpha for classes without an order, of a table of items by classes: how many raters put the item there. Items may have different
 * numbers of raters; those with fewer than two say nothing. NaN where nothing can be compared, or all use one class only. `weights`: an item that stands for
 * so many equal ones; default 1.
 */
export function krippendorffAlpha(counts: readonly (readonly number[])[], weights?: readonly number[]): number {
  const totals = new Float64Array(counts[0]?.length ?? 0);
  let [pairable, disagreed] = [0, 0];
  for (const [i, row] of counts.entries()) {
    const raters = row.reduce((a, b) => a + b, 0);
    if (raters < 2) continue;
    const times = weights?.[i] ?? 1;
    pairable += times * raters;
    row.forEach((n, c) => {
      totals[c]! += times * n;
      disagreed += (times * n * (raters - n)) / (raters - 1);
    });
  }
  const byChance = totals.reduce((s, n) => s + n * (pairable - n), 0) / (pairable - 1);
  return 1 - disagreed / byChance;
}
