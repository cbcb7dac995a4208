/**
 * A difference in bits per byte with an interval, from the same documents and the same seeds on both sides. Documents and seeds are both samples:
 * other documents would differ, and so would other seeds. The variance of either is estimated and added, the degrees of freedom are
 * Satterthwaite's (1946); what documents say is a ratio of sums, linearised (Cochran 1977, 6.3).
 */
import { studentQuantile } from "../../statistics/index.ts";

export interface EffectInterval {
  /** Bits a byte; below 0 the second side is better. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Standard errors that come from documents and from seeds. */
  readonly errorOfDocuments: number;
  readonly errorOfSeeds: number;
}

/**
 * `bits[s][i]` is by how many bits document i costs more on the second side with seed s; `bytes[i]` its size. At least two of each; the bytes
 * must not all be 0.
 */
export function differenceInterval(bits: readonly (readonly number[])[], bytes: readonly number[], confidence = 0.95): EffectInterval {
  const [seeds, documents] = [bits.length, bytes.length];
  if (seeds < 2 || documents < 2) throw new RangeError(`interval: expected two seeds and documents or more, got ${seeds} and ${documents}`);
  const size = bytes.reduce((a, b) => a + b, 0);
  const perSeed = bits.map(list => list.reduce((a, b) => a + b, 0) / size);
  const difference = perSeed.reduce((a, b) => a + b, 0) / seeds;
  const ofSeeds = perSeed.reduce((sum, d) => sum + (d - difference) ** 2, 0) / (seeds - 1) / seeds;
  let squares = 0;
  for (let i = 0; i < documents; i++) {
    const mean = bits.reduce((sum, list) => sum + list[i]!, 0) / seeds;
    squares += (mean - difference * bytes[i]!) ** 2;
  }
  const ofDocuments = (documents / (documents - 1)) * (squares / size ** 2);
  const variance = ofSeeds + ofDocuments;
  const freedom = variance === 0 ? seeds - 1 : variance ** 2 / (ofSeeds ** 2 / (seeds - 1) + ofDocuments ** 2 / (documents - 1));
  const reach = variance === 0 ? 0 : studentQuantile(confidence, freedom) * Math.sqrt(variance);
  return {
    difference,
    low: difference - reach,
    high: difference + reach,
    errorOfDocuments: Math.sqrt(ofDocuments),
    errorOfSeeds: Math.sqrt(ofSeeds),
  };
}
