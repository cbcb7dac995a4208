import { random } from "../../../base/index.ts";
import { pointAt } from "../space.ts";
import type { Sampler } from "./sampler.ts";

const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113];

/** The i-th place (from 0) of the van der Corput sequence in a base, its digits permuted (0 too). */
function radicalInverse(index: number, base: number, permutation: Uint32Array): number {
  let [value, scale] = [0, 1 / base];
  // digits until the rest is below a double's resolution: a permuted 0 goes on for ever
  for (let i = index; scale > 1e-16; i = Math.floor(i / base), scale /= base) value += permutation[i % base]! * scale;
  return Math.min(value, 1 - 2 ** -53);
}

/**
 * A place of the scrambled Halton sequence (Halton 1960, digits permuted by the seed as Owen 2017 does): evenly spread at every length.
 * Up to 30 dimensions; further ones are random.
 */
export function haltonPlaces(index: number, dimensions: number, seed: number | string): Float64Array {
  return Float64Array.from({ length: dimensions }, (_, d) => {
    const draw = random(`${seed}/halton/${d}`);
    const base = primes[d];
    if (base === undefined) return draw.fork(String(index)).uniform();
    return radicalInverse(index, base, draw.permutation(base));
  });
}

export const haltonSampler: Sampler = {
  name: "quasi-random",
  suggest: ({ space, number, seed }) => pointAt(space, haltonPlaces(number, Object.keys(space).length, seed)),
};
