/** Sums and maxima of arrays in rank order. */
import type { RankNumbers, Reduction } from "./process-group.ts";

/** `x` op `y`, element by element, into `into`; lengths are equal. */
function combine(reduction: Reduction, x: RankNumbers, y: RankNumbers, into: RankNumbers): void {
  if (reduction === "sum") for (let i = 0; i < into.length; i++) into[i] = x[i]! + y[i]!;
  // Math.max passes NaN on
  else for (let i = 0; i < into.length; i++) into[i] = Math.max(x[i]!, y[i]!);
}

/** The ranks' arrays joined in rank order. */
export function combineAll(reduction: Reduction, parts: readonly RankNumbers[], into: RankNumbers): void {
  if (parts.length === 1) into.set(parts[0]!);
  for (let i = 1; i < parts.length; i++) combine(reduction, i === 1 ? parts[0]! : into, parts[i]!, into);
}
