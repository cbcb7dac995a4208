/**
 * MinHash signatures and the bands of locality-sensitive hashing. Hash family: 32-bit multiply-shift (Dietzfelbinger et al. 1997), odd
 * multipliers from a fixed seed, on shingles that are already mixed. Bands x rows default to FineWeb's 14 x 8 (Penedo et al. 2024).
 */
import { random } from "../../../base/index.ts";
import { mix32 } from "./shingles.ts";

export interface Bands {
  readonly bands: number;
  readonly rows: number;
}

/** Chance that two texts of Jaccard similarity `s` share a band: 1 - (1 - s^rows)^bands. */
export const candidateProbability = (s: number, { bands, rows }: Bands): number => 1 - (1 - s ** rows) ** bands;

/** A function from shingles to their signature of bands x rows values. The seed is fixed: signatures must agree between runs. */
export function minHasher({ bands, rows }: Bands, seed = 1): (shingles: Uint32Array) => Uint32Array {
  const n = bands * rows;
  const draw = random(seed);
  const multiply = Uint32Array.from({ length: n }, () => draw.u32() | 1);
  const add = Uint32Array.from({ length: n }, () => draw.u32());
  return shingles => {
    const signature = new Uint32Array(n).fill(0xffffffff);
    for (let k = 0; k < n; k++) {
      const [a, b] = [multiply[k]!, add[k]!];
      let least = 0xffffffff;
      for (let i = 0; i < shingles.length; i++) {
        const h = (Math.imul(a, shingles[i]!) + b) >>> 0;
        if (h < least) least = h;
      }
      signature[k] = least;
    }
    return signature;
  };
}

/** Share of equal positions: an unbiased estimate of the Jaccard similarity. */
export function estimate(a: Uint32Array, b: Uint32Array): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++;
  return same / a.length;
}

/** One 32-bit key a band; texts with an equal key in some band are candidates. */
export function bandKeys(signature: Uint32Array, { bands, rows }: Bands): Uint32Array {
  const keys = new Uint32Array(bands);
  for (let b = 0; b < bands; b++) {
    let h = b + 1;
    for (let r = 0; r < rows; r++) h = Math.imul(mix32(h ^ signature[b * rows + r]!), 0x9e3779b1) + r;
    keys[b] = h;
  }
  return keys;
}
