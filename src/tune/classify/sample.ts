/** A sample of examples that keeps the classes: for measures whose cost is bounded. */
import { sha256 } from "../../base/index.ts";

/** About so many, of each class its share and two at least, those with the smallest hashes; in their own order. */
export function sampledClasses<E extends { readonly id: string; readonly label: string | number }>(
  examples: readonly E[],
  most: number,
): E[] {
  if (examples.length <= most) return [...examples];
  const taken = new Set<E>();
  for (const label of new Set(examples.map(e => e.label))) {
    const own = examples.filter(e => e.label === label).map(e => ({ e, key: sha256(`select/${e.id}`) }));
    const count = Math.max(2, Math.round((own.length * most) / examples.length));
    for (const { e } of own.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, count)) taken.add(e);
  }
  return examples.filter(e => taken.has(e));
}
