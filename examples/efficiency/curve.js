// What a quality costs: a curve of (core-seconds, bits per byte), and where it first reaches a target. Only ends of completed schedules are points:
// a run with a decaying rate gives one point, a run at a constant rate one an evaluation.

/** Points by rising cost. */
export const byCost = points => [...points].sort((a, b) => a.coreSeconds - b.coreSeconds);

/**
 * Core-seconds at which a curve first reaches `target`, on lines between its points (the logarithm of the cost against bits per byte).
 * `{ kind: "within", coreSeconds }`; `{ kind: "above", coreSeconds }` where even the last point is worse: the true cost is more than its;
 * `{ kind: "below", coreSeconds }` where even the first is better: the true cost is less than its. A target that is met exactly is within.
 */
export function costToReach(points, target) {
  const curve = byCost(points);
  if (curve.length === 0) throw new RangeError("costToReach: expected a point or more, got none");
  const at = curve.findIndex(p => p.bitsPerByte <= target);
  if (at < 0) return { kind: "above", coreSeconds: curve.at(-1).coreSeconds };
  const after = curve[at];
  if (after.bitsPerByte === target) return { kind: "within", coreSeconds: after.coreSeconds };
  if (at === 0) return { kind: "below", coreSeconds: after.coreSeconds };
  const before = curve[at - 1];
  const share = (before.bitsPerByte - target) / (before.bitsPerByte - after.bitsPerByte);
  const log = Math.log(before.coreSeconds) + share * (Math.log(after.coreSeconds) - Math.log(before.coreSeconds));
  return { kind: "within", coreSeconds: Math.exp(log) };
}

/**
 * Which length to train next so that two neighbours on a ladder of lengths enclose the target, or undefined where two do or the ladder ends.
 * `done` has the bits per byte of each length that was trained (a list: the points of that run); the first length is `first`.
 */
export function nextLength({ ladder, first, done, target }) {
  if (done.size === 0) return ladder[nearestRung(ladder, first)];
  const reached = length => done.get(length)?.some(bits => bits <= target);
  const isEnclosed = length => reached(length) && done.get(length).some(bits => bits > target);
  const rungs = ladder.map((length, i) => ({ length, i })).filter(({ length }) => done.has(length));
  if (rungs.some(({ length }) => isEnclosed(length))) return undefined;
  const least = rungs.find(({ length }) => reached(length));
  if (!least) return ladder[rungs.at(-1).i + 1];
  const below = ladder[least.i - 1];
  return below === undefined || done.has(below) ? undefined : below;
}

/** The rung next to a length, by ratio. */
function nearestRung(ladder, length) {
  const distances = ladder.map(rung => Math.abs(Math.log(rung / length)));
  return distances.indexOf(Math.min(...distances));
}

/** Lengths in whole steps from `least` to `most` times `tokens`, each `factor` times the one before. */
export function ladderOf({ tokens, tokensPerStep, factor, least, most }) {
  const rungs = new Set();
  for (let k = Math.ceil(Math.log(least) / Math.log(factor)); k <= Math.log(most) / Math.log(factor) + 1e-9; k++)
    rungs.add(Math.max(1, Math.round((tokens * factor ** k) / tokensPerStep)) * tokensPerStep);
  return [...rungs].sort((a, b) => a - b);
}
