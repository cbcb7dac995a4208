/**
 * Groups that are too large because single words chain short texts together: "set an alarm for 7 am", "set an alarm for 8 am", "set a timer for 8 am". Within
 * such a group the likeness by words is raised step by step until the pieces are small; what holds together otherwise (shingles, attributes) is never divided.
 */
import { joinAlike } from "./short-texts.ts";
import { type UnionFind, unionFind } from "./union-find.ts";

/** Groups of so many texts are small in any corpus. */
export const fewestDivided = 20;
/** Jaccard similarities of words that are tried in turn, above that of the split. */
const stricter = [0.8, 0.9, 1] as const;

/** The texts that a group may have. */
export const largestGroup = (share: number, texts: number): number => Math.max(fewestDivided, Math.floor(share * texts));

/** Of each member of a group the piece that it is in, likeness after likeness. */
export type DivisionLevels = readonly (readonly number[])[];

/**
 * The pieces of a group whose members stand at some places, `bags` being all texts' words; none where it stays whole at any likeness. `whole` holds what stays
 * together however alike words are.
 */
export function divisionLevels(at: readonly number[], bags: readonly Uint32Array[], whole: UnionFind, threshold: number): DivisionLevels {
  if (at.length <= fewestDivided || at.every(i => whole.find(i) === whole.find(at[0]!))) return [];
  const own = at.map(i => bags[i]!);
  return stricter
    .filter(t => t > threshold)
    .map(t => {
      const sets = unionFind(at.length);
      const first = new Map<number, number>();
      for (const [k, i] of at.entries()) {
        const root = whole.find(i);
        const before = first.get(root);
        if (before === undefined) first.set(root, k);
        else sets.union(before, k);
      }
      joinAlike(own, t, sets);
      return at.map((_, k) => sets.find(k));
    });
}

/** Numbers by what a function gives for each, in order. */
export function partsBy(numbers: Iterable<number>, rootOf: (n: number) => number): number[][] {
  const parts = new Map<number, number[]>();
  for (const n of numbers) {
    const part = parts.get(rootOf(n));
    if (part) part.push(n);
    else parts.set(rootOf(n), [n]);
  }
  return [...parts.values()];
}

/** Members of a group, by their numbers, in pieces of at most `most` where there are such. */
export const divided = (members: readonly number[], levels: DivisionLevels, most: number): (readonly number[])[] => {
  const [level, ...finer] = levels;
  if (members.length <= most || !level) return [members];
  return partsBy(members, k => level[k]!).flatMap(part => divided(part, finer, most));
};
