/** A feature of numbers: exact moments, a histogram where edges are given, and a sample of values. */
import { histogramBin } from "../../statistics/index.ts";
import { BottomSample } from "./bottom-sample.ts";
import { type Codec, numbersCodec, recordCodec, risingCodec, sumCodec, wholeCodec, wholesCodec } from "./codec.ts";
import { ExactSum } from "./exact-sum.ts";
import { type FeatureSketch, type Usable, UsableCounts } from "./feature-sketch.ts";
import type { NumberFeature } from "./spec.ts";

export interface NumberData extends Usable {
  /** Least and largest value; empty without values. */
  readonly range: readonly number[];
  /** Sums of values and of their squares. */
  readonly sum: string;
  readonly squares: string;
  /** Values a bin of the spec's edges; empty without edges. */
  readonly counts: readonly number[];
  /** Hashes of the sampled events' ids, rising, and their values. */
  readonly keys: readonly number[];
  readonly sample: readonly number[];
}

export const numberCodec: Codec<NumberData> = recordCodec<NumberData>({
  values: wholeCodec,
  missing: wholeCodec,
  invalid: wholeCodec,
  range: numbersCodec,
  sum: sumCodec,
  squares: sumCodec,
  counts: wholesCodec,
  keys: risingCodec,
  sample: numbersCodec,
});

/** The square of a larger number is none. */
const largest = 1e150;

export class NumberSketch implements FeatureSketch<NumberData> {
  readonly #edges: readonly number[];
  readonly #counts: Float64Array;
  readonly #usable = new UsableCounts();
  readonly #sum = new ExactSum();
  readonly #squares = new ExactSum();
  readonly #sample: BottomSample;
  readonly #row = new Float64Array(1);
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;

  constructor({ edges }: NumberFeature, sampled: number) {
    this.#edges = edges ?? [];
    this.#counts = new Float64Array(edges ? edges.length + 1 : 0);
    this.#sample = new BottomSample(sampled, 1);
  }

  add(given: unknown, key: number): void {
    if (!this.#usable.see(given, typeof given === "number" && Math.abs(given) <= largest)) return;
    // -0 is 0
    const value = (given as number) + 0;
    this.#sum.add(value);
    this.#squares.add(value * value);
    if (value < this.#least) this.#least = value;
    if (value > this.#most) this.#most = value;
    if (this.#counts.length > 0) this.#count(histogramBin(this.#edges, value), 1);
    if (!this.#sample.takes(key)) return;
    this.#row[0] = value;
    this.#sample.add(key, this.#row);
  }

  absorb(data: NumberData): void {
    this.#usable.absorb(data);
    this.#sum.addText(data.sum);
    this.#squares.addText(data.squares);
    for (const value of data.range) {
      this.#least = Math.min(this.#least, value);
      this.#most = Math.max(this.#most, value);
    }
    for (const [bin, count] of data.counts.entries()) this.#count(bin, count);
    for (const [i, key] of data.keys.entries()) this.#sample.add(key, data.sample, i);
  }

  data(): NumberData {
    const { keys, values } = this.#sample.rows();
    return {
      ...this.#usable.all(),
      range: this.#least <= this.#most ? [this.#least, this.#most] : [],
      sum: this.#sum.text(),
      squares: this.#squares.text(),
      counts: Array.from(this.#counts),
      keys,
      sample: values,
    };
  }

  #count(bin: number, more: number): void {
    this.#counts[bin] = this.#counts[bin]! + more;
  }
}

export interface Moments {
  readonly mean: number;
  /** Standard deviation, of n - 1; 0 for fewer than two values. */
  readonly deviation: number;
}

/** Of all values that a sketch has seen, not of its sample. NaN without values. */
export function momentsOf({ values, sum, squares }: Pick<NumberData, "values" | "sum" | "squares">): Moments {
  const [exact, exactSquares] = [new ExactSum(), new ExactSum()];
  exact.addText(sum);
  exactSquares.addText(squares);
  const mean = exact.value() / values;
  const spread = values > 1 ? (exactSquares.value() - values * mean * mean) / (values - 1) : 0;
  // the difference of two large sums: what is below their last digits is no spread
  const least = (exactSquares.value() / values) * 1e-15;
  return { mean, deviation: spread > least ? Math.sqrt(spread) : 0 };
}
