/** Leakage by value: what of an attribute (an author, a thread, a page) stands on both sides of a finished split. */
import type { GroupColumn } from "./groups.ts";

export interface GroupCrossing {
  readonly attribute: string;
  /** Different values, and those on both sides. */
  readonly values: number;
  readonly crossing: number;
  /** Held-out documents whose value is on the train side too, of all held-out documents that have one. */
  readonly heldOutDocuments: number;
  readonly heldOutWithValue: number;
  /** Values that cross, by how many held-out documents have them; the first ones. */
  readonly most: readonly { readonly value: string; readonly train: number; readonly heldOut: number }[];
}

/** Values that are listed. */
const listed = 10;

export function crossingValues(attribute: string, column: GroupColumn, isHeldOut: (document: number) => boolean): GroupCrossing {
  const counts = new Map<string, { train: number; heldOut: number }>();
  let heldOutWithValue = 0;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (value === undefined) continue;
    let c = counts.get(value);
    if (!c) {
      c = { train: 0, heldOut: 0 };
      counts.set(value, c);
    }
    if (isHeldOut(i)) {
      c.heldOut++;
      heldOutWithValue++;
    } else c.train++;
  }
  const crossing = [...counts].filter(([, c]) => c.train > 0 && c.heldOut > 0);
  return {
    attribute,
    values: counts.size,
    crossing: crossing.length,
    heldOutDocuments: crossing.reduce((s, [, c]) => s + c.heldOut, 0),
    heldOutWithValue,
    most: crossing
      .sort(([a, x], [b, y]) => y.heldOut - x.heldOut || (a < b ? -1 : 1))
      .slice(0, listed)
      .map(([value, c]) => ({ value, ...c })),
  };
}
