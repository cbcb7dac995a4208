/**
 * MinHash signatures and the bands of locality-sensitive hashing. Hash family: 32-bit multiply-shift (Dietzfelbinger et al. 1997), odd
 * multipliers from a fixed seed, on shingles that are already mixed. Bands x rows default to FineWeb's 14 x 8 (Penedo et al. 2024).
 */
import { random } from "../../../base/index.ts";
import { vectorHasher } from "./simd.ts";
import { mixHash } from "./words.ts";

interface Bands {
  readonly bands: number;
  readonly rows: number;
}

/** Chance that two texts of Jaccard similarity `s` share a band: 1 - (1 - s^rows)^bands. */
export const candidateProbability = (s: number, { bands, rows }: Bands): number => 1 - (1 - s ** rows) ** bands;

/** The functions h(x) = a x + b mod 2^32. The seed is fixed: signatures must agree between runs. */
function family(n: number, seed: number): { readonly factors: Uint32Array; readonly summands: Uint32Array } {
  const draw = random(seed);
  const factors = Uint32Array.from({ length: n }, () => draw.u32() | 1);
  return { factors, summands: Uint32Array.from({ length: n }, () => draw.u32()) };
}

/** The definition: of every function the least value over all shingles. */
export function plainMinHasher({ bands, rows }: Bands, seed = 1): (shingles: Uint32Array) => Uint32Array {
  const n = bands * rows;
  const { factors, summands } = family(n, seed);
  return shingles => {
    const signature = new Uint32Array(n).fill(0xffffffff);
    for (let k = 0; k < n; k++) {
      const [a, b] = [factors[k]!, summands[k]!];
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

/** `minHasher` whose result may be a view that the next call overwrites. */
export function minHasherView(shape: Bands, seed = 1): (shingles: Uint32Array) => Uint32Array {
  const { factors, summands } = family(shape.bands * shape.rows, seed);
  return vectorHasher(factors, summands) ?? plainMinHasher(shape, seed);
}

/** `plainMinHasher`, through vectors where the machine has them: the same values. */
export function minHasher(shape: Bands, seed = 1): (shingles: Uint32Array) => Uint32Array {
  const sign = minHasherView(shape, seed);
  return shingles => sign(shingles).slice();
}

/** Share of equal positions: an unbiased estimate of the Jaccard similarity. */
export function estimateSimilarity(a: Uint32Array, b: Uint32Array): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++;
  return same / a.length;
}

/** One 32-bit key a band, into `keys` from `at` on; texts with an equal key in some band are candidates. */
export function bandKeys(signature: Uint32Array, { bands, rows }: Bands, keys: Uint32Array, at: number): void {
  for (let b = 0; b < bands; b++) {
    let h = b + 1;
    for (let r = 0; r < rows; r++) h = Math.imul(mixHash(h ^ signature[b * rows + r]!), 0x9e3779b1) + r;
    keys[at + b] = h;
  }
}
