/** A feature of vectors: exact sums of the coordinates and of their products, and a sample of vectors. */
import { BottomSample } from "./bottom-sample.ts";
import { type Codec, listCodec, numbersCodec, recordCodec, risingCodec, sumCodec, wholeCodec } from "./codec.ts";
import { ExactSum } from "./exact-sum.ts";
import { type FeatureSketch, type Usable, UsableCounts } from "./feature-sketch.ts";
import { mostVectors, type VectorFeature } from "./spec.ts";

export interface VectorData extends Usable {
  /** Sums of the coordinates [D], and of the products of two of them, row by row of the lower half [D (D + 1) / 2]. */
  readonly sums: readonly string[];
  readonly products: readonly string[];
  /** Hashes of the sampled events' ids, rising, and their vectors, one after another. */
  readonly keys: readonly number[];
  readonly sample: readonly number[];
}

export const vectorCodec: Codec<VectorData> = recordCodec<VectorData>({
  values: wholeCodec,
  missing: wholeCodec,
  invalid: wholeCodec,
  sums: listCodec(sumCodec),
  products: listCodec(sumCodec),
  keys: risingCodec,
  sample: numbersCodec,
});

/** A product of larger ones is none. */
const largest = 1e30;

export class VectorSketch implements FeatureSketch<VectorData> {
  readonly #usable = new UsableCounts();
  readonly #row: Float64Array;
  readonly #sums: readonly ExactSum[];
  readonly #products: readonly ExactSum[];
  readonly #sample: BottomSample;

  constructor({ size }: VectorFeature) {
    this.#row = new Float64Array(size);
    this.#sums = Array.from({ length: size }, () => new ExactSum());
    this.#products = Array.from({ length: (size * (size + 1)) / 2 }, () => new ExactSum());
    this.#sample = new BottomSample(mostVectors, size);
  }

  add(given: unknown, key: number): void {
    if (!this.#usable.see(given, this.#takes(given))) return;
    const row = this.#row;
    let at = 0;
    for (let i = 0; i < row.length; i++) {
      this.#sums[i]!.add(row[i]!);
      for (let j = 0; j <= i; j++) this.#products[at++]!.add(row[i]! * row[j]!);
    }
    this.#sample.add(key, row);
  }

  absorb(data: VectorData): void {
    this.#usable.absorb(data);
    for (const [i, sum] of this.#sums.entries()) sum.addText(data.sums[i]!);
    for (const [i, sum] of this.#products.entries()) sum.addText(data.products[i]!);
    for (const [i, key] of data.keys.entries()) this.#sample.add(key, data.sample, i * this.#row.length);
  }

  data(): VectorData {
    const { keys, values } = this.#sample.rows();
    return {
      ...this.#usable.all(),
      sums: this.#sums.map(s => s.text()),
      products: this.#products.map(s => s.text()),
      keys,
      sample: values,
    };
  }

  /** Reads a vector as floats, which is how samples are written; false where it is none. */
  #takes(given: unknown): boolean {
    if (typeof given !== "object" || given === null || (given as ArrayLike<number>).length !== this.#row.length) return false;
    for (let i = 0; i < this.#row.length; i++) {
      const value = Math.fround((given as ArrayLike<number>)[i]!) + 0;
      if (!(Math.abs(value) <= largest)) return false;
      this.#row[i] = value;
    }
    return true;
  }
}

/** Mean [D] and standard deviation [D] of all vectors. */
export function vectorMoments({ values, sums, products }: VectorData): { readonly mean: number[]; readonly deviation: number[] } {
  const of = (text: string): number => {
    const sum = new ExactSum();
    sum.addText(text);
    return sum.value();
  };
  const mean = sums.map(s => of(s) / values);
  const deviation = mean.map((m, i) => Math.sqrt(Math.max(0, (of(products[(i * (i + 1)) / 2 + i]!) - values * m * m) / (values - 1))));
  return { mean, deviation };
}
