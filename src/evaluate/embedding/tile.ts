/**
 * Cosines of many vectors with many others, a tile at a time: what is loaded for one pair serves the pairs beside it (Goto and van de Geijn, Anatomy of
 * high-performance matrix multiplication, 2008). Every sum adds in the order of `cosines` and in float64, so every cosine is its very number.
 */
import type { Embedding } from "./vectors.ts";

/** Vectors as rows of one matrix, padded with rows of zeros to a multiple of `rowsAtOnce.documents`. */
interface EmbeddingRows {
  readonly size: number;
  readonly count: number;
  /** [rows, size], float64. */
  readonly values: Float64Array;
  /** Euclidean; of a padding row 1. */
  readonly lengths: Float64Array;
}

/** Rows of either side that are multiplied at once: as many sums as registers hold. One is a multiple of the other. */
const rowsAtOnce = { queries: 2, documents: 4 } as const;

export function embeddingRows(vectors: readonly Embedding[]): EmbeddingRows {
  const size = vectors[0]?.values.length ?? 0;
  const padded = Math.ceil(vectors.length / rowsAtOnce.documents) * rowsAtOnce.documents;
  const values = new Float64Array(padded * size);
  const lengths = new Float64Array(padded).fill(1);
  for (const [i, v] of vectors.entries()) {
    values.set(v.values, i * size);
    lengths[i] = v.length;
  }
  return { size, count: vectors.length, values, lengths };
}

/** Cosines of each query with each document: [queries' rows, documents' rows], padding included. */
export function tileCosines(queries: EmbeddingRows, documents: EmbeddingRows, cosines: Float64Array): void {
  const { size, values: a, lengths: lengthsA } = queries;
  const { values: b, lengths: lengthsB } = documents;
  const across = lengthsB.length;
  for (let q = 0; q < lengthsA.length; q += rowsAtOnce.queries)
    for (let d = 0; d < across; d += rowsAtOnce.documents) {
      const a0 = q * size;
      const a1 = a0 + size;
      const b0 = d * size;
      const b1 = b0 + size;
      const b2 = b1 + size;
      const b3 = b2 + size;
      // variables of their own: a list of them would be taken apart anew in every step
      let s00 = 0;
      let s01 = 0;
      let s02 = 0;
      let s03 = 0;
      let s10 = 0;
      let s11 = 0;
      let s12 = 0;
      let s13 = 0;
      for (let i = 0; i < size; i++) {
        const x = a[a0 + i]!;
        const y = a[a1 + i]!;
        const u = b[b0 + i]!;
        const v = b[b1 + i]!;
        const w = b[b2 + i]!;
        const z = b[b3 + i]!;
        s00 += x * u;
        s01 += x * v;
        s02 += x * w;
        s03 += x * z;
        s10 += y * u;
        s11 += y * v;
        s12 += y * w;
        s13 += y * z;
      }
      const [la, lb] = [lengthsA[q]!, lengthsA[q + 1]!];
      const at = q * across + d;
      cosines[at] = s00 / (la * lengthsB[d]!);
      cosines[at + 1] = s01 / (la * lengthsB[d + 1]!);
      cosines[at + 2] = s02 / (la * lengthsB[d + 2]!);
      cosines[at + 3] = s03 / (la * lengthsB[d + 3]!);
      cosines[at + across] = s10 / (lb * lengthsB[d]!);
      cosines[at + across + 1] = s11 / (lb * lengthsB[d + 1]!);
      cosines[at + across + 2] = s12 / (lb * lengthsB[d + 2]!);
      cosines[at + across + 3] = s13 / (lb * lengthsB[d + 3]!);
    }
}
