/** Cells of a confusion table as rows with their shares, or as a list where there are too many classes. Pure. */
import type { ClassPicture } from "../generated/server.ts";

export type Mistakes = { readonly [K in "classes" | "confusion"]: ClassPicture[K] };
type Cells = ClassPicture["confusion"];

/** Rows and columns that a page has room for; pairs of a list. */
const mostClasses = 20;
const mostPairs = 20;

/** A row a true class: items of each cell, and their share of the row. Null where there are too many. */
export function tableOf({ length }: readonly string[], cells: Cells): { readonly items: number; readonly share: number }[][] | null {
  if (length > mostClasses) return null;
  const counts = new Map(cells.map(([t, p, n]) => [t * length + p, n]));
  return Array.from({ length }, (_, t) => {
    const row = Array.from({ length }, (_, p) => counts.get(t * length + p) ?? 0);
    const total = row.reduce((a, b) => a + b, 0);
    return row.map(items => ({ items, share: total === 0 ? 0 : items / total }));
  });
}

/** The commonest first. */
export const mistakesOf = (cells: Cells): Cells =>
  cells
    .filter(([t, p]) => t !== p)
    .toSorted((a, b) => b[2] - a[2])
    .slice(0, mostPairs);
