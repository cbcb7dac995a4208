/**
 * The greatest of many scores without sorting them all: 50,000 scores a token and slot leave no time for that. Equal scores come in the order
 * of their ids everywhere, which makes every choice that rests on them deterministic.
 */

/** Depths below the greatest score, in equal steps. At 2,048 a step of a common vocabulary holds some dozens of tokens. */
const steps = 2048;

/**
 * Keeps scores from the greatest down until their weights add up to `target`, the one that reaches it included, and sets the rest to -infinity.
 * Linear: whole steps of depth are taken at once, and only the step where the target lies is put in order.
 */
export function keepUntil(scores: Float64Array, target: number, weightOf: (score: number, id: number) => number): void {
  let top = Number.NEGATIVE_INFINITY;
  let bottom = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i]!;
    if (s > top) top = s;
    if (s < bottom && s > Number.NEGATIVE_INFINITY) bottom = s;
  }
  // scores that hardly differ, or differ beyond all numbers, share one step
  const perUnit = (steps - 1) / (top - bottom);
  const scale = Number.isFinite(perUnit) ? perUnit : 0;
  const stepOf = (s: number): number => Math.floor((top - s) * scale);
  const weights = new Float64Array(steps);
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i]!;
    if (s > Number.NEGATIVE_INFINITY) weights[stepOf(s)]! += weightOf(s, i);
  }
  let last = 0;
  let above = 0;
  while (last < steps - 1 && above + weights[last]! < target) above += weights[last++]!;
  const edge: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i]!;
    if (s === Number.NEGATIVE_INFINITY) continue;
    const step = stepOf(s);
    if (step === last) edge.push(i);
    else if (step > last) scores[i] = Number.NEGATIVE_INFINITY;
  }
  edge.sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (const id of edge) {
    const weight = weightOf(scores[id]!, id);
    if (above >= target) scores[id] = Number.NEGATIVE_INFINITY;
    above += weight;
  }
}

/** Beyond so many, all are sorted. */
const mostInserted = 256;

/** Ids of the `count` greatest scores, greatest first, of equal ones the lower id first. */
export function greatestFew(scores: ArrayLike<number>, count: number): number[] {
  // one insertion a candidate is the faster way only where few are kept
  if (count > mostInserted) {
    const ids = Uint32Array.from({ length: scores.length }, (_, id) => id).sort((a, b) => scores[b]! - scores[a]! || a - b);
    return Array.from(ids.subarray(0, count));
  }
  const few: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const s = scores[id]!;
    if (few.length === count && !(s > scores[few[count - 1]!]!)) continue;
    if (few.length === count) few.pop();
    let at = few.length;
    while (at > 0 && s > scores[few[at - 1]!]!) at--;
    few.splice(at, 0, id);
  }
  return few;
}
