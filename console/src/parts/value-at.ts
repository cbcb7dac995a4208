/** What a legend says at a place of a series that is measured now and then. */

/** The value at `i`, or the nearest before it where more follow; null before the first and after the last. */
export function valueAt(values: readonly (number | null)[], i: number): number | null {
  if (!values.slice(i).some(v => v !== null)) return null;
  return values.slice(0, i + 1).findLast(v => v !== null) ?? null;
}

export const lastOf = (values: readonly (number | null)[]): number | null => values.findLast(v => v !== null) ?? null;
