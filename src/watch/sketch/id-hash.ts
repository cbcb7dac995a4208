/** A hash of an id that chooses samples: 52 bits, well mixed, the same on every machine. Not for secrets: who chooses ids can choose what is sampled. */

const mixed = (h: number): number => {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
};

/** Two multiplicative hashes of the code units, each mixed with the other. */
export function idHash(id: string, seed = 0): number {
  let a = mixed(seed + 0x2545f491);
  let b = mixed(seed ^ 0x3c6ef372);
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ (b >>> 15) ^ unit, 0x2c1b3c6d);
  }
  const low = mixed(a ^ mixed(b + id.length));
  const high = mixed(b ^ low) & 0xfffff;
  return high * 2 ** 32 + low;
}

/** Hashes are below. */
export const hashRange = 2 ** 52;

/** Is an id one of about `most` of `count` that are chosen by their hashes? The lowest ones, as in samples. */
export const isSampledId = (id: string, most: number, count: number): boolean => most >= count || idHash(id) < (most / count) * hashRange;
