/**
 * Rows of the events whose ids have the lowest hashes: a uniform sample without replacement that is the same in any order of events and merges (bottom-k;
 * Cohen and Kaplan 2007). An id that comes twice is sampled once; of its rows the least one, by numbers in their order, stays.
 */

interface SampledRows {
  /** Hashes, rising. */
  readonly keys: readonly number[];
  /** Rows one after another. */
  readonly values: readonly number[];
}

export class BottomSample {
  readonly #most: number;
  readonly #width: number;
  #keys: Float64Array;
  #values: Float64Array;
  #count = 0;
  /** Higher keys are not taken: there are enough lower ones. */
  #limit = Number.POSITIVE_INFINITY;

  constructor(most: number, width: number) {
    this.#most = most;
    this.#width = width;
    this.#keys = new Float64Array(Math.min(2 * most, 64));
    this.#values = new Float64Array(this.#keys.length * width);
  }

  takes(key: number): boolean {
    return key <= this.#limit;
  }

  /** `row` from `from` on. */
  add(key: number, row: ArrayLike<number>, from = 0): void {
    if (key > this.#limit) return;
    if (this.#count === 2 * this.#most) this.#settle();
    if (key > this.#limit) return;
    if (this.#count === this.#keys.length) this.#grow();
    this.#keys[this.#count] = key;
    for (let k = 0; k < this.#width; k++) this.#values[this.#count * this.#width + k] = row[from + k]!;
    this.#count++;
  }

  rows(): SampledRows {
    this.#settle();
    return {
      keys: Array.from(this.#keys.subarray(0, this.#count)),
      values: Array.from(this.#values.subarray(0, this.#count * this.#width)),
    };
  }

  #grow(): void {
    const size = Math.min(2 * this.#most, 2 * this.#keys.length);
    const [keys, values] = [new Float64Array(size), new Float64Array(size * this.#width)];
    keys.set(this.#keys);
    values.set(this.#values);
    [this.#keys, this.#values] = [keys, values];
  }

  #isBefore(a: number, b: number): number {
    const difference = this.#keys[a]! - this.#keys[b]!;
    if (difference !== 0) return difference;
    for (let k = 0; k < this.#width; k++) {
      const step = this.#values[a * this.#width + k]! - this.#values[b * this.#width + k]!;
      if (step !== 0) return step;
    }
    return 0;
  }

  /** Sorts, takes repeated ids out, and leaves the lowest. */
  #settle(): void {
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i).sort((a, b) => this.#isBefore(a, b));
    const [keys, values] = [new Float64Array(this.#keys.length), new Float64Array(this.#values.length)];
    let count = 0;
    for (const i of order) {
      if (count === this.#most) break;
      if (count > 0 && keys[count - 1] === this.#keys[i]) continue;
      keys[count] = this.#keys[i]!;
      for (let k = 0; k < this.#width; k++) values[count * this.#width + k] = this.#values[i * this.#width + k]!;
      count++;
    }
    [this.#keys, this.#values, this.#count] = [keys, values, count];
    if (count === this.#most) this.#limit = keys[count - 1]!;
  }
}
