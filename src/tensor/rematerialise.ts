/**
 * Which kept activations are computed again instead, from the cheapest on: each one has the bytes that it would be kept for, and the time of what
 * has to run to have it back, which is a block's products where nothing nearer is kept, or one pass over memory. After Chen et al. 2016, "Training
 * deep nets with sublinear memory cost", with a choice for each value (Jain et al. 2020, "Checkmate") made greedily.
 */
import { bytesOf } from "./dtype.ts";
import { isGivenTensor, isRepeatableTensor, type KeptValue } from "./kept.ts";
import { ops } from "./ops.ts";
import { isKind, type Tensor } from "./tensor.ts";

/** Smaller values are kept: together they are nothing. */
const leastBytes = 1 << 16;
/** Only the quotient of the two counts: float operations of a product, and bytes that other kernels move, in the same time. */
const operationsPerByte = 12;

/** A pass reads what is as large as its result, writes it, and reads a row or two beside. */
const onePass = 2.1;

/** Float operations of a product. */
function operationsOf(t: Tensor): number {
  if (isKind(t, "attention")) return 4 * t.size * t.inputs[1]!.shape.at(-2)!;
  if (!isKind(t, "matmul") && !isKind(t, "matmulAdd")) return 0;
  const [a] = t.inputs as [Tensor];
  return 2 * t.size * (t.attributes.transposeA ? a.shape.at(-2)! : a.shape.at(-1)!);
}

/** What a node costs, in bytes that could be moved meanwhile. */
const costOf = (t: Tensor): number => {
  if (ops[t.kind].view || isGivenTensor(t)) return 0;
  // a random number is a dozen operations on words
  if (isKind(t, "randomUniform")) return 24 * bytesOf(t.shape, t.dtype);
  const moved = bytesOf(t.shape, t.dtype) + t.inputs.reduce((sum, x) => sum + bytesOf(x.shape, x.dtype), 0);
  return moved + operationsOf(t) / operationsPerByte;
};

export class Recomputation {
  readonly #kept: ReadonlyMap<Tensor, KeptValue>;

  constructor(kept: readonly KeptValue[]) {
    this.#kept = new Map(kept.map(k => [k.node, k]));
  }

  /** What has to run to have the values back, where everything else that is kept stays; undefined where a part of it cannot be repeated. */
  closure(dropped: ReadonlySet<Tensor>): ReadonlySet<Tensor> | undefined {
    const found = new Set<Tensor>();
    const stack = [...dropped];
    for (let t = stack.pop(); t; t = stack.pop()) {
      if (found.has(t) || isGivenTensor(t)) continue;
      if (this.#kept.has(t) && !dropped.has(t)) continue;
      // a few numbers are kept instead
      if (!dropped.has(t) && bytesOf(t.shape, t.dtype) < leastBytes) continue;
      if (!isRepeatableTensor(t)) return undefined;
      found.add(t);
      stack.push(...t.inputs);
    }
    return found;
  }

  /** Time of what `more` adds to what runs again anyway. */
  #addedCost(dropped: ReadonlySet<Tensor>, more: Tensor): number | undefined {
    const found = new Set<Tensor>();
    const stack = [more];
    let cost = 0;
    for (let t = stack.pop(); t; t = stack.pop()) {
      if (found.has(t) || isGivenTensor(t) || (t !== more && this.#kept.has(t) && !dropped.has(t))) continue;
      // what is dropped already runs again for its own reader
      if (t !== more && dropped.has(t)) continue;
      if (t !== more && bytesOf(t.shape, t.dtype) < leastBytes) continue;
      if (!isRepeatableTensor(t)) return undefined;
      found.add(t);
      cost += costOf(t);
      stack.push(...t.inputs);
    }
    return cost;
  }

  /** Values that one pass over what else is kept gives back: to keep them in another form would take a pass too. */
  nearlyFree(): ReadonlySet<Tensor> {
    const dropped = new Set<Tensor>();
    for (const [t, { bytes }] of this.#kept) {
      const cost = bytes < leastBytes ? undefined : this.#addedCost(dropped, t);
      if (cost !== undefined && cost <= onePass * bytes && !t.inputs.some(x => dropped.has(x))) dropped.add(t);
    }
    return dropped;
  }

  /** Values in the order in which they are dropped, after some: most bytes for the least time first, counted anew after each. */
  order(after: ReadonlySet<Tensor> = new Set()): Tensor[] {
    const dropped = new Set(after);
    const left = new Map(Array.from(this.#kept).filter(([t, k]) => k.bytes >= leastBytes && !dropped.has(t)));
    for (;;) {
      let best: { readonly node: Tensor; readonly worth: number } | undefined;
      for (const [node, { bytes }] of left) {
        const cost = this.#addedCost(dropped, node);
        if (cost === undefined) left.delete(node);
        // of equals the first: it is kept the longest
        else if (!best || bytes / cost > best.worth) best = { node, worth: bytes / cost };
      }
      if (!best) return [...dropped].filter(t => !after.has(t));
      left.delete(best.node);
      dropped.add(best.node);
    }
  }

  /** Time of all that runs again, in bytes that could be moved meanwhile. */
  cost(dropped: ReadonlySet<Tensor>): number {
    let total = 0;
    for (const t of this.closure(dropped) ?? []) total += costOf(t);
    return total;
  }
}
