/**
 * Python's `random.Random(seed).sample`, so that examples are those that lm-evaluation-harness draws: the Mersenne Twister MT19937 (Matsumoto and
 * Nishimura 1998) seeded by `init_by_array`, numbers below n by rejection on so many bits, and CPython's two ways to sample.
 */
const size = 624;
const shift = 397;

export class PythonRandom {
  private readonly state = new Uint32Array(size);
  private at = size;

  /** A seed of at most 32 bits. */
  constructor(seed: number) {
    this.seedWith(19650218);
    const { state } = this;
    const key = Math.abs(seed) >>> 0;
    let i = 1;
    for (let k = 0; k < size; k++) {
      state[i] = ((state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1664525)) + key) >>> 0;
      if (++i === size) {
        state[0] = state[size - 1]!;
        i = 1;
      }
    }
    for (let k = 0; k < size - 1; k++) {
      state[i] = ((state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1566083941)) - i) >>> 0;
      if (++i === size) {
        state[0] = state[size - 1]!;
        i = 1;
      }
    }
    state[0] = 0x80000000;
  }

  private seedWith(seed: number): void {
    this.state[0] = seed >>> 0;
    for (let i = 1; i < size; i++) this.state[i] = (Math.imul(1812433253, this.state[i - 1]! ^ (this.state[i - 1]! >>> 30)) + i) >>> 0;
    this.at = size;
  }

  private u32(): number {
    const { state } = this;
    if (this.at === size) {
      for (let i = 0; i < size; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
        state[i] = state[(i + shift) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.at = 0;
    }
    let y = state[this.at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  private below(n: number): number {
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const value = this.u32() >>> (32 - bits);
      if (value < n) return value;
    }
  }

  /** `k` of 0..n-1 without repetition, as `sample(range(n), k)` gives them. */
  sample(n: number, k: number): number[] {
    let setSize = 21;
    if (k > 5) setSize += 4 ** Math.ceil(Math.log(k * 3) / Math.log(4));
    if (n <= setSize) {
      const pool = Array.from({ length: n }, (_, i) => i);
      return Array.from({ length: k }, (_, i) => {
        const j = this.below(n - i);
        const chosen = pool[j]!;
        pool[j] = pool[n - i - 1]!;
        return chosen;
      });
    }
    const seen = new Set<number>();
    while (seen.size < k) seen.add(this.below(n));
    return [...seen];
  }
}
