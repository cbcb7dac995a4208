/** Groups of items by the values of attributes, one attribute or several together. A missing value is a group of its own and never dropped. */
import { checkArgument } from "../errors.ts";

/** The value of an attribute that an item does not have. */
export const missingValue = "(missing)";

export interface Grouping {
  /** The attributes, and what they are called together: `sex`, `sex:race`. */
  readonly by: readonly string[];
  readonly name: string;
  readonly groups: readonly string[];
  /** Index of each item's group. */
  readonly groupOf: Int32Array;
}

export const groupingName = (by: readonly string[]): string => by.join(":");

const written = (value: string | number | boolean | null | undefined): string =>
  value === undefined || value === null || value === "" ? missingValue : String(value);

/** Groups sorted by name. Errors: statistics/argument where no attribute is named. */
export function groupsBy(
  items: readonly Readonly<Record<string, string | number | boolean | null | undefined>>[],
  by: readonly string[],
): Grouping {
  checkArgument(by.length > 0, "by", "an attribute or more", by.length);
  const names = items.map(item => by.map(a => written(item[a])).join(" & "));
  const groups = [...new Set(names)].sort((a, b) => (a < b ? -1 : 1));
  const place = new Map(groups.map((g, k) => [g, k]));
  return { by, name: groupingName(by), groups, groupOf: Int32Array.from(names, g => place.get(g)!) };
}

/**
 * Strata of groups. None where a cluster has items of several groups, or a group is a single cluster, which cannot come out otherwise: then items are drawn as
 * one.
 */
export function groupStrata(groupOf: ArrayLike<number>, clusters: ArrayLike<number> | undefined): ArrayLike<number> | undefined {
  const of = new Map<number, number>();
  const sizes = new Map<number, number>();
  for (let i = 0; i < groupOf.length; i++) {
    const cluster = clusters ? clusters[i]! : i;
    const known = of.get(cluster);
    if (known === undefined) sizes.set(groupOf[i]!, (sizes.get(groupOf[i]!) ?? 0) + 1);
    else if (known !== groupOf[i]) return undefined;
    of.set(cluster, groupOf[i]!);
  }
  return [...sizes.values()].includes(1) ? undefined : groupOf;
}
