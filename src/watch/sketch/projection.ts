/**
 * Where a text's tokens lie on average, without running a model: each token id has a random row of unit length (signs; Achlioptas 2003), and a text the
 * mean of its tokens' rows. Texts of like tokens have like means, as distances are nearly kept (Johnson and Lindenstrauss 1984).
 */

/** Coordinates of a projection. */
export const projectionSize = 16;
const unit = 1 / Math.sqrt(projectionSize);

/** Bits that are as good as random, the same on every machine. */
function signBits(id: number): number {
  let x = Math.imul(id + 1, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 8;
}

/** Mean of the rows of token ids [16]; undefined for none. */
export function meanProjection(ids: ArrayLike<number>): Float64Array | undefined {
  if (ids.length === 0) return undefined;
  const sum = new Float64Array(projectionSize);
  for (let i = 0; i < ids.length; i++) {
    const bits = signBits(ids[i]!);
    for (let k = 0; k < projectionSize; k++) sum[k] = sum[k]! + (((bits >>> k) & 1) === 0 ? -1 : 1);
  }
  return sum.map(s => (s * unit) / ids.length);
}
