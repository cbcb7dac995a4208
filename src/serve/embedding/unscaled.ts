/** Lengths that vectors had before they were scaled to 1, kept as long as the vectors are: whoever wants them as they were multiplies them again. */
const lengths = new WeakMap<Float32Array, number>();

/** Gives the vector. */
export function withLength(vector: Float32Array, length: number): Float32Array {
  lengths.set(vector, length);
  return vector;
}

/** A program's vector before it was scaled, within the rounding of float32; the vector itself where it was not. */
export function unscaled(vector: Float32Array): Float32Array {
  const length = lengths.get(vector);
  return length === undefined ? vector : vector.map(x => x * length);
}
