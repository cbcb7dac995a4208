/**
 * Seeded random numbers whose state is plain data, so a checkpoint holds it and a run resumes bit for bit.
 * Generator: xoshiro128** 1.1 (Blackman & Vigna, 2018), seeded through SplitMix32 from a number or a text. Not for secrets.
 */

/** Four 32-bit words. */
export type RandomState = readonly [number, number, number, number];

export interface Random {
  /** Uniform 32-bit unsigned integer. */
  u32(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, n); exact (rejection), n up to 2^32. */
  below(n: number): number;
  /** Normal with mean 0 and deviation 1 (Box-Muller, one value a call so that the state stays four words). */
  normal(): number;
  /** A permutation of 0..n-1 (Fisher-Yates). */
  permutation(n: number): Uint32Array;
  /** A generator for a named purpose, independent of the draws made from this one. */
  fork(purpose: string): Random;
  state(): RandomState;
}

const splitMix = (seed: number) => {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
};

/** FNV-1a over UTF-16 code units: turns a purpose or a text seed into 32 bits. */
const textSeed = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};

const seedState = (seed: number | string): RandomState => {
  const first = typeof seed === "number" ? splitMix(Math.trunc(seed)) : splitMix(textSeed(seed));
  // A number above 32 bits also mixes its high word in, so nearby large seeds differ.
  const high = typeof seed === "number" ? Math.trunc(seed / 2 ** 32) : 0;
  return [first(), first(), first() ^ high, first() || 1];
};

export function random(seed: number | string | RandomState): Random {
  const origin: RandomState = typeof seed === "object" ? seed : seedState(seed);
  let [a, b, c, d] = origin;
  const u32 = (): number => {
    const x = Math.imul(b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = () => ((u32() >>> 5) * 67108864 + (u32() >>> 6)) / 9007199254740992;
  const below = (n: number): number => {
    if (!(n >= 1 && n <= 2 ** 32)) throw new RangeError(`random.below: expected 1 to 2^32, got ${n}`);
    const m = n >>> 0;
    if (m === 0) return u32();
    // whole runs of m fit below 2^32: what lies behind the last of them is drawn again
    const lastRun = 2 ** 32 - m;
    for (;;) {
      const x = u32();
      const rest = x % m;
      if (x - rest <= lastRun) return rest;
    }
  };
  return {
    u32,
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    permutation: n => {
      const p = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        const t = p[i]!;
        p[i] = p[j]!;
        p[j] = t;
      }
      return p;
    },
    fork: purpose => random(`${origin.join(",")}/${purpose}`),
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}
