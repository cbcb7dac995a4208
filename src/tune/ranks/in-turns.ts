/** Work on items that ranks take in turns, each item whole on one rank: every rank has what one rank would have come to. */
import type { ProcessGroup } from "../../ranks/index.ts";
import { onEveryRank } from "../../train/index.ts";

/** Numbers of each item in order; `counts` says how many numbers an item has. Errors: those of `of`, on other ranks train/rank. */
export async function takenInTurns(
  ranks: ProcessGroup | undefined,
  counts: readonly number[],
  of: (item: number) => Promise<ArrayLike<number>>,
): Promise<ArrayLike<number>[]> {
  const { rank, size } = ranks ?? { rank: 0, size: 1 };
  const compute = async () => {
    const found: ArrayLike<number>[] = [];
    for (const [item, count] of counts.entries())
      found.push(item % size === rank ? await of(item) : (new Array(count).fill(0) as number[]));
    return found;
  };
  if (!ranks) return compute();
  const total = counts.reduce((a, b) => a + b, 0);
  const { numbers } = await onEveryRank(ranks, compute, found => found.flatMap(each => Array.from(each)), total);
  let at = 0;
  return counts.map((count, item) => {
    const own = numbers[item % size]!.slice(at, at + count);
    at += count;
    return own;
  });
}
