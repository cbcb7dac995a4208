/**
 * The counter-based hash behind `randomUniform`: a 32-bit word for (seed, stream, position), the same in the evaluator and in lowered
 * programs, so that dropout resumes bit for bit. Position and stream are mixed at trace time into a constant (one full avalanche);
 * the seed is added at run time and mixed again. Mixing constants: "lowbias32" by C. Wellons (hash-prospector), public domain.
 */

import { sizeOf } from "./dtype.ts";
import { type Shape, stridesOf } from "./shape.ts";
import { offsets } from "./walk.ts";

/** A box of an array: its positions in that array, in row-major order. */
export interface RandomWindow {
  /** Of the whole array. */
  readonly of: Shape;
  readonly start: readonly number[];
  readonly size: Shape;
}

export const mixConstants = { shift1: 16, multiply1: 0x7feb352d, shift2: 15, multiply2: 0x846ca68b, shift3: 16 } as const;

/** Avalanche of a 32-bit word. */
function mix32(word: number): number {
  let x = word >>> 0;
  x ^= x >>> mixConstants.shift1;
  x = Math.imul(x, mixConstants.multiply1) >>> 0;
  x ^= x >>> mixConstants.shift2;
  x = Math.imul(x, mixConstants.multiply2) >>> 0;
  x ^= x >>> mixConstants.shift3;
  return x >>> 0;
}

/** What the positions of a stream are counted from. */
export const positionBase = (stream: number): number => mix32(stream ^ 0x9e3779b9);

/** The words of a stream's elements before the seed enters: of all positions of a shape, or of those within a window of a larger one. */
export function positionWords({
  shape,
  stream,
  window,
}: {
  readonly shape: Shape;
  readonly stream: number;
  readonly window?: RandomWindow;
}): Uint32Array {
  const base = positionBase(stream);
  if (!window) return Uint32Array.from({ length: sizeOf(shape) }, (_, i) => mix32((i + base) >>> 0));
  const strides = stridesOf(window.of);
  const first = window.start.reduce((sum, at, i) => sum + at * strides[i]!, 0);
  return Uint32Array.from(offsets(window.size, strides), at => mix32((first + at + base) >>> 0));
}

/** 24 bits of the final word as a float32 in [0, 1). */
const wordToUniform = (word: number): number => (word >>> 8) / 16777216;

export const uniformAt = (positionWord: number, seed: number): number => wordToUniform(mix32((positionWord ^ mix32(seed)) >>> 0));
