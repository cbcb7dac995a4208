/** Cosines of vectors as they are kept: float32, whatever their length. */

export interface Embedding {
  readonly values: Float32Array;
  /** Euclidean. */
  readonly length: number;
}

/** Undefined for a vector without a direction. */
export function embeddingOf(vector: readonly number[]): Embedding | undefined {
  const values = Float32Array.from(vector);
  const length = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? { values, length } : undefined;
}

/** Of one vector with each of the others, all of one size. */
export function cosines(of: Embedding, others: readonly Embedding[]): Float64Array {
  const { values: a } = of;
  return Float64Array.from(others, ({ values: b, length }) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum / (of.length * length);
  });
}
