/**
 * Who stays of vectors that are alike. The best first, each goes if one that stays is like it (stars, not chains): nothing is dropped that
 * has no living twin. In two pure parts, for one cell and for what all cells found: a cell gives likenesses with what stays within it, one
 * a member or a few, and not every pair of a heap of copies; joined and walked in the same order they give the verdicts.
 */
import { unionFind } from "../steps/near-duplicates/union-find.ts";
import { type Codes, cosineOfCodes } from "./codes.ts";

/** Two members by number, the better one first. */
export interface Likeness {
  readonly better: number;
  readonly other: number;
  readonly similarity: number;
}

/**
 * Likenesses of at least `threshold` in a cell, members in order, best first. Pairs in which both only visit are left to other cells.
 * Time: members times those that stay among them.
 */
export function cellStars(codes: Codes, isVisitor: (member: number) => boolean, threshold: number): Likeness[] {
  const found: Likeness[] = [];
  const [residents, visitors]: [number[], number[]] = [[], []];
  for (let other = 0; other < codes.count; other++) {
    const before = found.length;
    const meet = (kept: readonly number[]) => {
      for (const better of kept) {
        const similarity = cosineOfCodes(codes, better, other);
        if (similarity >= threshold) found.push({ better, other, similarity });
      }
    };
    meet(residents);
    if (!isVisitor(other)) meet(visitors);
    if (found.length === before) (isVisitor(other) ? visitors : residents).push(other);
  }
  return found;
}

/** A member that goes. */
export interface Gone {
  readonly member: number;
  readonly survivor: number;
  readonly similarity: number;
}

export interface Verdicts {
  readonly gone: readonly Gone[];
  /** Members that are linked, also over several likenesses. */
  readonly sets: readonly (readonly number[])[];
}

/**
 * Verdicts on `count` members, numbered best first, from likenesses in any order, repeated or not. The survivor is the one most like it,
 * of equals the better one.
 */
export function resolveStars(count: number, likenesses: Iterable<Likeness>): Verdicts {
  const links = unionFind(count);
  const better = new Map<number, Map<number, number>>();
  for (const { better: b, other, similarity } of likenesses) {
    links.union(b, other);
    const known = better.get(other);
    if (known) known.set(b, similarity);
    else better.set(other, new Map([[b, similarity]]));
  }
  const isGone = new Uint8Array(count);
  const gone: Gone[] = [];
  for (const member of [...better.keys()].sort((a, b) => a - b)) {
    let best: Gone | undefined;
    for (const [survivor, similarity] of [...better.get(member)!].sort(([a], [b]) => a - b))
      if (isGone[survivor] === 0 && !(best && similarity <= best.similarity)) best = { member, survivor, similarity };
    if (!best) continue;
    isGone[member] = 1;
    gone.push(best);
  }
  const sets = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const root = links.find(i);
    const set = sets.get(root);
    if (set) set.push(i);
    else sets.set(root, [i]);
  }
  return { gone, sets: [...sets.values()].filter(s => s.length > 1) };
}
