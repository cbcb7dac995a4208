/**
 * Which texts each fold of a repeated cross-validation is scored on: every text in one fold a repeat, groups whole, classes in proportion as far as groups
 * allow (scikit-learn's `StratifiedGroupKFold`). Groups go, the largest first and in the order of a seeded hash, to the fold that has least of
 * their classes; of groups of one text, every class and the folds themselves come out within one of equal.
 */
import { createHash } from "node:crypto";

export interface Foldable {
  readonly id: string;
  /** What stays together: near-duplicates, values of an attribute, what a text was made of. */
  readonly group: string;
  /** Its class, or 0 throughout where there is none. */
  readonly label: number;
  /** It was made of another text: it goes with its group and is trained on, and nothing is scored on it. */
  readonly isMade: boolean;
}

interface Group {
  readonly name: string;
  readonly rank: string;
  readonly size: number;
  /** The class most of its texts are of. */
  readonly main: number;
  /** Class -> texts. */
  readonly counts: ReadonlyMap<number, number>;
}

const rankOf = (group: string, seed: string): string => createHash("sha256").update(`${seed}/${group}`).digest("hex");

function groupsOf(texts: readonly Foldable[], seed: string): Group[] {
  const counts = new Map<string, Map<number, number>>();
  for (const t of texts) {
    if (t.isMade) continue;
    const own = counts.get(t.group) ?? new Map<number, number>();
    own.set(t.label, (own.get(t.label) ?? 0) + 1);
    counts.set(t.group, own);
  }
  return [...counts].map(([name, own]) => ({
    name,
    rank: rankOf(name, seed),
    size: [...own.values()].reduce((a, b) => a + b, 0),
    main: [...own].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a))[0],
    counts: own,
  }));
}

/** Group -> its fold, from 0 on, of one repeat. */
function foldsOfGroups(texts: readonly Foldable[], folds: number, seed: string): ReadonlyMap<string, number> {
  const groups = groupsOf(texts, seed);
  const totals = new Map<number, number>();
  for (const g of groups) for (const [label, n] of g.counts) totals.set(label, (totals.get(label) ?? 0) + n);
  // class by class among groups of a size: what is left over of each class then evens out the folds
  const order = groups.sort((a, b) => b.size - a.size || a.main - b.main || (a.rank < b.rank ? -1 : 1));
  const sizes = new Array<number>(folds).fill(0);
  const counts = Array.from({ length: folds }, () => new Map<number, number>());
  const found = new Map<string, number>();
  for (const g of order) {
    // what the sum of squared shares of classes rises by: least where the fold has least of them
    const cost = (fold: number) => {
      let sum = 0;
      for (const [label, n] of g.counts) sum += (n * (2 * (counts[fold]!.get(label) ?? 0) + n)) / totals.get(label)! ** 2;
      return sum;
    };
    let best = 0;
    let least = cost(0);
    for (let fold = 1; fold < folds; fold++) {
      const own = cost(fold);
      const isEqual = Math.abs(own - least) <= 1e-12 * least;
      if (isEqual ? sizes[fold]! < sizes[best]! : own < least) [best, least] = [fold, own];
    }
    found.set(g.name, best);
    sizes[best]! += g.size;
    for (const [label, n] of g.counts) counts[best]!.set(label, (counts[best]!.get(label) ?? 0) + n);
  }
  return found;
}

/** Ids of the texts that each fold of a repeat (from 1 on) is scored on, in the order of the texts. */
export function foldsOf(
  texts: readonly Foldable[],
  { folds, repeat, seed }: { readonly folds: number; readonly repeat: number; readonly seed: number | string },
): string[][] {
  const foldOf = foldsOfGroups(texts, folds, `${seed}/folds/${repeat}`);
  const ids = Array.from({ length: folds }, (): string[] => []);
  for (const t of texts) if (!t.isMade) ids[foldOf.get(t.group)!]!.push(t.id);
  return ids;
}
