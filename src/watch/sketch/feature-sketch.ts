/** What the sketches of all types of features do. Their data are plain, and the same whatever order the events and merges had. */
export interface FeatureSketch<D> {
  /** `value` is of an event whose id has the hash `key`. Keeps nothing that it is given. */
  add(value: unknown, key: number): void;
  /** Adds what another sketch of the same spec has seen. */
  absorb(data: D): void;
  data(): D;
}

/** Events by what they gave of a feature. */
export interface Usable {
  /** Usable values. */
  readonly values: number;
  /** Null or NaN. */
  readonly missing: number;
  /** Infinite, or not of the feature's type. */
  readonly invalid: number;
}

/** Counts of what was given. */
export class UsableCounts {
  #values = 0;
  #missing = 0;
  #invalid = 0;

  /** Counts a value, unless it was not looked at (undefined); true where it is there and `isValid`. */
  see(value: unknown, isValid: boolean): boolean {
    if (value === undefined) return false;
    if (value === null || Number.isNaN(value)) this.#missing++;
    else if (!isValid) this.#invalid++;
    else {
      this.#values++;
      return true;
    }
    return false;
  }

  absorb({ values, missing, invalid }: Usable): void {
    this.#values += values;
    this.#missing += missing;
    this.#invalid += invalid;
  }

  all(): Usable {
    return { values: this.#values, missing: this.#missing, invalid: this.#invalid };
  }
}
