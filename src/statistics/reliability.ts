/** Whether probabilities mean what they say: of items given .8, eight of ten should be right. */
import { checkArgument } from "./errors.ts";
import { counter, levelsOf } from "./levels.ts";

export interface Probabilities {
  /** Whether each item is positive (or its prediction right). */
  readonly positive: ArrayLike<number | boolean>;
  /** Probability that it is, 0 to 1. */
  readonly probability: ArrayLike<number>;
}

export interface ReliabilityBin {
  readonly items: number;
  /** Mean probability, and the share that is positive. */
  readonly said: number;
  readonly seen: number;
  readonly low: number;
  readonly high: number;
}

function checked({ positive, probability }: Probabilities): number {
  checkArgument(positive.length > 0, "positive", "an item or more", positive.length);
  checkArgument(probability.length === positive.length, "probability", `${positive.length} probabilities, one an item`, probability.length);
  for (let i = 0; i < probability.length; i++)
    checkArgument(probability[i]! >= 0 && probability[i]! <= 1, `probability[${i}]`, "a number from 0 to 1", probability[i]);
  return positive.length;
}

/**
 * Bins of a reliability plot: equal in mass (the default: quantiles, equal probabilities never parted) or in width. Errors:
 * statistics/argument.
 */
export function reliability(data: Probabilities, { bins = 15, by = "mass" as "mass" | "width" } = {}): ReliabilityBin[] {
  const n = checked(data);
  const { positive, probability } = data;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => probability[a]! - probability[b]!);
  const out: ReliabilityBin[] = [];
  const ends = (from: number, bin: number): number => {
    if (by === "width") {
      let to = from;
      while (to < n && (bin === bins - 1 || probability[order[to]!]! < (bin + 1) / bins)) to++;
      return to;
    }
    let to = Math.max(from, Math.round(((bin + 1) * n) / bins));
    while (to > from && to < n && probability[order[to]!] === probability[order[to - 1]!]) to++;
    return to;
  };
  for (let from = 0, bin = 0; bin < bins && from < n; bin++) {
    const to = ends(from, bin);
    if (to === from) continue;
    let [said, seen] = [0, 0];
    for (let at = from; at < to; at++) {
      said += probability[order[at]!]!;
      seen += positive[order[at]!] ? 1 : 0;
    }
    const items = to - from;
    out.push({ items, said: said / items, seen: seen / items, low: probability[order[from]!]!, high: probability[order[to - 1]!]! });
    from = to;
  }
  return out;
}

/** Expected calibration error (Naeini et al. 2015): mean distance of said and seen, by items. Above 0 for a perfect model of finite items. */
export const calibrationError = (bins: readonly ReliabilityBin[]): number => {
  const n = bins.reduce((sum, b) => sum + b.items, 0);
  return bins.reduce((sum, b) => sum + (b.items / n) * Math.abs(b.said - b.seen), 0);
};

/** The expected calibration error by bins of equal mass of the items at some places, with repetitions: what a bootstrap asks for. Errors: as `reliability`. */
export function drawnCalibrationError(data: Probabilities, { bins = 15 } = {}): (at: ArrayLike<number>) => number {
  checked(data);
  const levels = levelsOf(data.probability);
  const [all, up] = [
    counter(levels),
    counter(
      levels,
      Uint8Array.from(data.positive as ArrayLike<number>, p => (p ? 1 : 0)),
    ),
  ];
  return at => {
    const n = at.length;
    checkArgument(n > 0, "positive", "an item or more", n);
    const [counts, positives] = [all(at), up(at)];
    let [error, bin, items, done, said, seen] = [0, 0, 0, 0, 0, 0];
    const endOf = (b: number) => Math.round(((b + 1) * n) / bins);
    for (let l = 0; l < counts.length; l++) {
      const count = counts[l]!;
      if (count === 0) continue;
      // added one by one as `reliability` does: the same sum to its last bit
      for (let k = 0; k < count; k++) said += levels.values[l]!;
      seen += positives[l]!;
      items += count;
      done += count;
      if (done < endOf(bin)) continue;
      error += (items / n) * Math.abs(said / items - seen / items);
      [items, said, seen] = [0, 0, 0];
      // bins whose items went with equal ones into this bin are none
      while (bin < bins && endOf(bin) <= done) bin++;
    }
    return error;
  };
}

/** Mean squared distance of probability and truth (Brier 1950). */
export function brier(data: Probabilities): number {
  const n = checked(data);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (data.probability[i]! - (data.positive[i] ? 1 : 0)) ** 2;
  return sum / n;
}
