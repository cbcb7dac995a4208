/**
 * Draws the groups that are held out: in the order of their keys every one that brings the share nearer; or the newest, or so that an
 * attribute keeps its proportions. Memory: 33 bytes a group, 16 more by time, 16 a group and stratum.
 */
import { dataErrors } from "../../errors.ts";
import { cutByTime, stratify } from "../../split-by/index.ts";
import { jsonMessage } from "../messages.ts";
import { largestGroup } from "../near-duplicates/index.ts";
import type { BinBlocks, StreamRound } from "../step.ts";
import { pieces } from "./divided-groups.ts";
import { groupFrom, orderKey } from "./groups.ts";
import type { SplitOptions } from "./options.ts";
import { checkOwnSplit, ownSplit } from "./own-split.ts";

/** What a document is told about its side. */
export interface ChosenSides {
  readonly side: "train" | "held-out";
  /** Smallest id of its group, where that has two and more. */
  readonly cluster?: string;
  /** Held-out: whether it is one of those that the train side is held against. */
  readonly isChecked?: boolean;
  /** Its group is a piece of one that was too large: others of that may be on the other side, and like it by words. */
  readonly isDivided?: boolean;
}

/** Bytes of held-out text that the train side is held against; of a larger held-out side that many, drawn by hash. */
const checkedBytes = 2 ** 25;

/** Numbers of which more come. */
class Growing {
  values = new Float64Array(256);
  length = 0;
  push(x: number): void {
    if (this.length === this.values.length) {
      const more = new Float64Array(2 * this.length);
      more.set(this.values);
      this.values = more;
    }
    this.values[this.length++] = x;
  }
}

/** By share alone. A small corpus still holds something out and still trains on something: the smallest group is the smallest error. */
function byShare(sizes: Float64Array, share: number): Uint8Array {
  const n = sizes.length;
  const target = share * sizes.reduce((a, b) => a + b, 0);
  const isHeldOut = new Uint8Array(n);
  let [have, count] = [0, 0];
  for (let g = 0; g < n; g++) {
    if (Math.abs(have + sizes[g]! - target) > Math.abs(have - target)) continue;
    isHeldOut[g] = 1;
    have += sizes[g]!;
    count++;
  }
  if (count === 0 || count === n) {
    const smallest = sizes.reduce((best, size, g) => (size < sizes[best]! ? g : best), 0);
    isHeldOut[smallest] = count === 0 ? 1 : 0;
  }
  return isHeldOut;
}

const hintOf = (o: SplitOptions): string =>
  o.by === "near-duplicate"
    ? "Add documents, lower near.largestGroup or set near.shortWords: 0 where short texts are alike by nature, raise near.threshold, join by fewer attributes, split by: document, or set heldOut: 0 to train without a held-out side."
    : "Add documents, join by fewer attributes, or set heldOut: 0 to train without a held-out side.";

/** The groups of a block, those that are too large in their pieces. */
async function dividing(
  blocks: () => BinBlocks,
  o: SplitOptions,
): Promise<(block: Iterable<{ readonly value: Buffer }>) => Iterable<Buffer>> {
  let documents = 0;
  for await (const block of blocks()) for (const { value } of block) documents += groupFrom(value).count;
  const most = typeof o.heldOut === "number" ? largestGroup(o.near.largestGroup, documents) : documents;
  return function* (block) {
    for (const { value } of block) yield* pieces(value, most, o.seed);
  };
}

/** All groups come to one bin. */
export const chooseSides = (o: SplitOptions): StreamRound => ({
  async reduceStream(blocks, out) {
    const [keys, sizes, bytes, oldest, newest] = [new Growing(), new Growing(), new Growing(), new Growing(), new Growing()];
    /** Runs of (stratum, amount), group after group as they come. */
    const [ends, strata, amounts] = [new Growing(), new Growing(), new Growing()];
    const numbers = new Map<string, number>();
    const own = ownSplit(o);
    const ownHeld = new Growing();
    const ownStrata = new Map<string, number>();
    const divided = await dividing(blocks, o);
    for await (const block of blocks())
      for (const value of divided(block)) {
        const g = groupFrom(value);
        keys.push(orderKey(value));
        sizes.push(o.share === "bytes" ? g.bytes : g.count);
        bytes.push(g.bytes);
        if (o.time) {
          oldest.push(g.oldest);
          newest.push(g.newest);
        }
        if (own) {
          const strata = g.strata();
          for (const [name, documents] of strata) ownStrata.set(name, (ownStrata.get(name) ?? 0) + documents);
          ownHeld.push(own.hasValue(strata[0]![0]) ? 1 : 0);
        }
        if (o.stratify === undefined) continue;
        for (const [name, documents, size] of g.strata()) {
          let number = numbers.get(name);
          if (number === undefined) {
            number = numbers.size;
            numbers.set(name, number);
          }
          strata.push(number);
          amounts.push(o.share === "bytes" ? size : documents);
        }
        ends.push(strata.length);
      }
    const n = keys.length;
    if (n === 0) return;
    if (own) checkOwnSplit(own, ownStrata);
    if (n < 2)
      throw dataErrors.fail("splitImpossible", {
        place: "split",
        expected: "at least 2 groups of documents that need not stay together",
        received: `${n}`,
        hint: hintOf(o),
      });
    const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => keys.values[a]! - keys.values[b]!);
    const inOrder = (a: Growing) => Float64Array.from(order, g => a.values[g]!);
    const draw = (share: number) =>
      o.time
        ? cutByTime({ sizes: inOrder(sizes), oldest: inOrder(oldest), newest: inOrder(newest) }, share, o.time).isHeldOut
        : o.stratify === undefined
          ? byShare(inOrder(sizes), share)
          : stratify(runsInOrder(order, ends, strata, amounts, numbers), share);
    const held = typeof o.heldOut === "number" ? draw(o.heldOut) : inOrder(ownHeld);
    // 2: held out, and of those that are checked.
    const mark = Uint8Array.from(held);
    let checked = 0;
    for (let g = 0; g < n && checked < checkedBytes; g++) {
      if (mark[g] === 0) continue;
      mark[g] = 2;
      checked += bytes.values[order[g]!]!;
    }
    const sorted = inOrder(keys);
    for await (const block of blocks())
      for (const value of divided(block)) {
        const key = orderKey(value);
        let [low, high] = [0, n];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (sorted[middle]! < key) low = middle + 1;
          else high = middle;
        }
        const g = groupFrom(value);
        const message = jsonMessage({
          side: mark[low] ? "held-out" : "train",
          ...(g.count > 1 ? { cluster: g.first() } : {}),
          ...(mark[low] === 2 ? { isChecked: true } : {}),
          ...(g.isDivided() ? { isDivided: true } : {}),
        } satisfies ChosenSides);
        for (let i = 0; i < g.count; i++) out.tell(g.ref(i), message);
      }
  },
});

/** Runs of strata in the order of groups; strata by name, so that nothing hangs on which came first. */
function runsInOrder(order: Uint32Array, ends: Growing, strata: Growing, amounts: Growing, numbers: ReadonlyMap<string, number>) {
  const names = [...numbers.keys()].sort();
  const place = new Uint32Array(names.length);
  names.forEach((name, i) => {
    place[numbers.get(name)!] = i;
  });
  const starts = new Uint32Array(order.length + 1);
  const outStrata = new Uint32Array(strata.length);
  const outAmounts = new Float64Array(strata.length);
  let at = 0;
  for (const [i, g] of order.entries()) {
    const run: [number, number][] = [];
    for (let k = g === 0 ? 0 : ends.values[g - 1]!; k < ends.values[g]!; k++) run.push([place[strata.values[k]!]!, amounts.values[k]!]);
    for (const [stratum, amount] of run.sort(([a], [b]) => a - b)) {
      outStrata[at] = stratum;
      outAmounts[at++] = amount;
    }
    starts[i + 1] = at;
  }
  return { starts, strata: outStrata, amounts: outAmounts };
}
