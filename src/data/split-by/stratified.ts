/**
 * Stratified split: every value of an attribute has the same share held out, as nearly as whole groups allow. Greedy by what is missing, in
 * the order of the groups' hashes, then single groups change sides while that brings all shares nearer. Idea of filling the largest deficit:
 * Sechidis, Tsoumakas & Vlahavas 2011; here groups, not single documents, move.
 */
import type { DocumentGroups } from "./groups.ts";

export interface StratumReport {
  readonly value: string;
  readonly train: number;
  readonly heldOut: number;
  /** Held-out share of the stratum. */
  readonly share: number;
}

/** Rounds of changing sides; most corpora are at rest after two. */
const maxRounds = 20;

/** What groups hold of each stratum, in the order of their hashes: group g has `amounts[k]` of `strata[k]` for k from starts[g] to starts[g + 1]. */
export interface StrataRuns {
  readonly starts: Uint32Array;
  readonly strata: Uint32Array;
  readonly amounts: Float64Array;
}

/**
 * Which groups are held out, a byte each. The sum over strata of (held out - share x all)^2 / all, and the same for the whole, only falls.
 * Memory: 5 bytes a group beside the runs.
 */
export function stratify({ starts, strata, amounts }: StrataRuns, share: number): Uint8Array {
  const count = starts.length - 1;
  const numStrata = strata.reduce((m, s) => Math.max(m, s + 1), 0);
  const [all, held] = [new Float64Array(numStrata), new Float64Array(numStrata)];
  const sizes = new Float64Array(count);
  let [total, heldTotal] = [0, 0];
  for (let g = 0; g < count; g++)
    for (let k = starts[g]!; k < starts[g + 1]!; k++) {
      all[strata[k]!]! += amounts[k]!;
      sizes[g]! += amounts[k]!;
      total += amounts[k]!;
    }
  const isHeldOut = new Uint8Array(count);
  let numHeld = 0;
  /** Whether changing sides brings the sum down; a stratum stands once in a group's run. */
  const helps = (g: number, sign: 1 | -1): boolean => {
    let change = squared(heldTotal + sign * sizes[g]!, total, share) - squared(heldTotal, total, share);
    for (let k = starts[g]!; k < starts[g + 1]!; k++) {
      const s = strata[k]!;
      change += squared(held[s]! + sign * amounts[k]!, all[s]!, share) - squared(held[s]!, all[s]!, share);
    }
    return change < -1e-9;
  };
  for (let round = 0, moves = 1; round < maxRounds && moves > 0; round++) {
    moves = 0;
    for (let g = 0; g < count; g++) {
      const sign = isHeldOut[g] === 1 ? -1 : 1;
      if (!helps(g, sign)) continue;
      for (let k = starts[g]!; k < starts[g + 1]!; k++) held[strata[k]!]! += sign * amounts[k]!;
      heldTotal += sign * sizes[g]!;
      isHeldOut[g] = sign === 1 ? 1 : 0;
      numHeld += sign;
      moves++;
    }
  }
  // A small corpus still holds something out and still trains on something: the smallest group is the smallest error.
  if (count > 1 && (numHeld === 0 || numHeld === count)) {
    const smallest = sizes.reduce((best, size, g) => (size < sizes[best]! ? g : best), 0);
    isHeldOut[smallest] = numHeld === 0 ? 1 : 0;
  }
  return isHeldOut;
}

const squared = (have: number, of: number, share: number): number => (of > 0 ? (have - share * of) ** 2 / of : 0);

/** The same for documents that are at hand. `strata`: of each document the number of its value, `sizes` what it counts. */
export function splitStratified(
  { count, groupOf }: DocumentGroups,
  strata: Uint32Array,
  sizes: ArrayLike<number> | undefined,
  share: number,
): Uint8Array {
  const order = Uint32Array.from(strata.keys()).sort((a, b) => groupOf[a]! - groupOf[b]! || strata[a]! - strata[b]!);
  const starts = new Uint32Array(count + 1);
  const runs = { strata: new Uint32Array(order.length), amounts: new Float64Array(order.length) };
  let k = -1;
  order.forEach((i, at) => {
    const before = order[at - 1];
    if (before === undefined || groupOf[before] !== groupOf[i] || strata[before] !== strata[i]) {
      runs.strata[++k] = strata[i]!;
      starts[groupOf[i]! + 1]!++;
    }
    runs.amounts[k]! += sizes?.[i] ?? 1;
  });
  for (let g = 0; g < count; g++) starts[g + 1]! += starts[g]!;
  return stratify({ starts, strata: runs.strata.subarray(0, k + 1), amounts: runs.amounts.subarray(0, k + 1) }, share);
}

/** Shares by value, in the order of `values`. */
export function strataReport(
  values: readonly string[],
  strata: Uint32Array,
  isHeldOut: (document: number) => boolean,
  sizes?: ArrayLike<number>,
): StratumReport[] {
  const [train, held] = [new Float64Array(values.length), new Float64Array(values.length)];
  for (let i = 0; i < strata.length; i++) (isHeldOut(i) ? held : train)[strata[i]!]! += sizes?.[i] ?? 1;
  return values.map((value, s) => {
    const [t, h] = [train[s]!, held[s]!];
    return { value, train: t, heldOut: h, share: t + h > 0 ? h / (t + h) : 0 };
  });
}
