/** Sums and maxima of arrays in rank order. */
import { arrayAdder } from "../machine/index.ts";
import type { RankNumbers, Reduction } from "./process-group.ts";

/** Below this a call of machine code costs more than it saves. */
const leastElements = 256;

/** `x` op `y`, element by element, into `into`, which may be either; lengths are equal. */
function combine(reduction: Reduction, x: RankNumbers, y: RankNumbers, into: RankNumbers): void {
  if (reduction === "sum") add(x, y, into);
  // Math.max passes NaN on
  else for (let i = 0; i < into.length; i++) into[i] = Math.max(x[i]!, y[i]!);
}

function add(x: RankNumbers, y: RankNumbers, into: RankNumbers): void {
  if (x instanceof Float32Array && y instanceof Float32Array && into instanceof Float32Array && into.length >= leastElements) {
    const adder = arrayAdder();
    if (adder) {
      adder(x, y, into);
      return;
    }
  }
  for (let i = 0; i < into.length; i++) into[i] = x[i]! + y[i]!;
}

/** Sums on the way, for arrays up to this size: chunks of messages, which come by the thousand. */
const spare = new ArrayBuffer(256 * 1024);
function partialLike(x: RankNumbers): RankNumbers {
  if (x.byteLength > spare.byteLength) return x.slice();
  if (x instanceof Float32Array) return new Float32Array(spare, 0, x.length);
  return x instanceof Float64Array ? new Float64Array(spare, 0, x.length) : new Int32Array(spare, 0, x.length);
}

/** The ranks' arrays joined in rank order; `into` may be one of them. */
export function combineAll(reduction: Reduction, parts: readonly RankNumbers[], into: RankNumbers): void {
  const [first] = parts as [RankNumbers];
  if (parts.length === 1) into.set(first);
  // what is not the last sum goes elsewhere: `into` may be a part that is still to be read
  const partial = parts.length > 2 ? partialLike(into) : into;
  for (let i = 1; i < parts.length; i++) combine(reduction, i === 1 ? first : partial, parts[i]!, i === parts.length - 1 ? into : partial);
}
