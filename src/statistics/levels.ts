/** Values sorted once, for statistics of many draws of them: a draw is then counted, value by value, in place of being sorted. */
interface Levels {
  /** Different values, ascending. */
  readonly values: Float64Array;
  /** For each of the given values its place among the different ones. */
  readonly of: Uint32Array;
}

export function levelsOf(given: ArrayLike<number>): Levels {
  const order = Uint32Array.from({ length: given.length }, (_, i) => i).sort((a, b) => given[a]! - given[b]!);
  const [values, of] = [new Float64Array(given.length), new Uint32Array(given.length)];
  let count = 0;
  for (const at of order) {
    if (count === 0 || given[at] !== values[count - 1]) values[count++] = given[at]!;
    of[at] = count - 1;
  }
  return { values: values.slice(0, count), of };
}

/** How often each level comes among the items at some places; `only` counts those of which it is not 0. The array is written again by the next call. */
export function counter({ values, of }: Levels, only?: ArrayLike<number>): (at: ArrayLike<number>) => Uint32Array {
  const counts = new Uint32Array(values.length);
  return at => {
    counts.fill(0);
    for (let i = 0; i < at.length; i++) {
      const item = at[i]!;
      if (!only || only[item]) counts[of[item]!]!++;
    }
    return counts;
  };
}
