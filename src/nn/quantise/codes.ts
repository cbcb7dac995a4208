/**
 * Float weights to codes, on the host: symmetric rounding with a scale a column or a block. Each yields where it can be paused: a large matrix takes
 * seconds. Sources: Dettmers et al. 2022; ggml's Q4_0, Q8_0.
 */
import { blockSize } from "../weight.ts";

/** A result of work that yields where it can be paused. */
export type Paused<T> = Generator<undefined, T, undefined>;
/** Columns between two pauses: below 1 ms. */
const outputsAtOnce = 2048;

/** Elements of a weight [in, out], wherever they lie: element (i, o) at i * inStep + o * outStep. */
export interface HostWeight {
  readonly data: Float32Array;
  readonly input: number;
  readonly output: number;
  readonly inStep: number;
  readonly outStep: number;
}

/** Nearest whole number within the range, halves up. */
const code = (x: number, most: number): number => {
  const whole = Math.floor(x + 0.5);
  return Math.max(-most, Math.min(most, whole));
};

/** i8 codes [in, out] and the columns' scales [out]: the greatest magnitude of a column becomes 127. Loops follow the memory they read. */
export function* columnCodes({ data, input, output, inStep, outStep }: HostWeight): Paused<{ codes: Int8Array; scales: Float32Array }> {
  const codes = new Int8Array(input * output);
  const most = new Float32Array(output);
  const byColumn = inStep < outStep;
  const [outer, inner] = byColumn ? [output, input] : [input, output];
  const [outerStep, innerStep] = byColumn ? [outStep, inStep] : [inStep, outStep];
  const measure = (a: number): void => {
    for (let b = 0, at = a * outerStep; b < inner; b++, at += innerStep) {
      const size = Math.abs(data[at]!);
      const column = byColumn ? a : b;
      if (size > most[column]!) most[column] = size;
    }
  };
  for (let a = 0; a < outer; a++) {
    measure(a);
    yield;
  }
  const scales = most.map(m => (m || 1) / 127);
  const round = (a: number): void => {
    for (let b = 0, at = a * outerStep; b < inner; b++, at += innerStep) {
      const [row, column] = byColumn ? [b, a] : [a, b];
      codes[row * output + column] = code(data[at]! / scales[column]!, 127);
    }
  };
  for (let a = 0; a < outer; a++) {
    round(a);
    yield;
  }
  return { codes, scales };
}

interface BlockCodes {
  /** [out, blocks, bytes]; two 4-bit codes a byte, the lower first. */
  readonly codes: Uint8Array;
  /** [out, blocks]. */
  readonly scales: Float32Array;
  /** In 4 bits, what is added to every element of a block [blocks, out]. */
  readonly offsets?: Float32Array;
}

/**
 * Elements of a block of 8 bits are code - 128 times the scale, of 4 bits code - 8 times the scale plus the block's offset: the least one gets
 * code 0 and the greatest 15 (ggml's Q4_1), so weights that were in 4 bits before are kept exactly.
 */
export function* blockCodes({ data, input, output, inStep, outStep }: HostWeight, bits: 4 | 8): Paused<BlockCodes> {
  const blocks = input / blockSize;
  const bytes = (blockSize * bits) / 8;
  const codes = new Uint8Array(output * blocks * bytes);
  const scales = new Float32Array(output * blocks);
  const offsets = new Float32Array(bits === 4 ? output * blocks : 0);
  const round = (b: number, first: number, end: number): void => {
    for (let o = first; o < end; o++) {
      const from = b * blockSize * inStep + o * outStep;
      let [least, most] = [data[from]!, data[from]!];
      for (let j = 0, i = from; j < blockSize; j++, i += inStep) {
        least = Math.min(least, data[i]!);
        most = Math.max(most, data[i]!);
      }
      const at = o * blocks + b;
      const scale = Math.fround(bits === 4 ? (most - least) / 15 : Math.max(most, -least) / 127);
      scales[at] = scale;
      if (bits === 4) offsets[b * output + o] = least + 8 * scale;
      const factor = scale === 0 ? 0 : 1 / scale;
      for (let j = 0, i = from; j < blockSize; j++, i += inStep)
        if (bits === 8) codes[at * bytes + j] = code(data[i]! * factor, 127) + 128;
        else codes[at * bytes + (j >> 1)]! |= Math.min(15, Math.floor((data[i]! - least) * factor + 0.5)) << (4 * (j & 1));
    }
  };
  for (let b = 0; b < blocks; b++)
    for (let first = 0; first < output; first += outputsAtOnce) {
      round(b, first, Math.min(output, first + outputsAtOnce));
      yield;
    }
  return bits === 4 ? { codes, scales, offsets } : { codes, scales };
}
