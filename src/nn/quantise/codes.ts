/**
 * Float weights to codes, on the host: symmetric rounding with a scale a column or a block. Each yields where it can be paused: a large matrix takes
 * seconds. Sources: Dettmers et al. 2022; ggml's Q4_0, Q8_0.
 */
import { blockSize } from "../weight.ts";

/** A result of work that yields where it can be paused. */
export type Paused<T> = Generator<undefined, T, undefined>;
/** Columns of blocks, and rows, between two pauses: about 1 ms. */
const outputsAtOnce = 2048;
export const rowsAtOnce = 64;

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

/** `count` numbers that lie `step` apart. */
interface NumberRow {
  readonly data: Float32Array;
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

// loops of their own, over locals: what yields between them would keep its numbers in memory

/** Raises the greatest magnitudes, which lie `mostStep` apart. */
function measureRow({ data, from, step, count }: NumberRow, most: Float32Array, first: number, mostStep: number): void {
  for (let i = 0, at = from, to = first; i < count; i++, at += step, to += mostStep) {
    const size = Math.abs(data[at]!);
    if (size > most[to]!) most[to] = size;
  }
}

/** Codes of a row, `codeStep` apart, by scales that lie `scaleStep` apart. */
function roundRow(
  { data, from, step, count }: NumberRow,
  scales: Float32Array,
  firstScale: number,
  scaleStep: number,
  codes: Int8Array,
  firstCode: number,
  codeStep: number,
): void {
  for (let i = 0, at = from, scale = firstScale, to = firstCode; i < count; i++, at += step, scale += scaleStep, to += codeStep)
    codes[to] = code(data[at]! / scales[scale]!, 127);
}

/** i8 codes [in, out] and the columns' scales [out]: the greatest magnitude of a column becomes 127. Loops follow the memory they read. */
export function* columnCodes({ data, input, output, inStep, outStep }: HostWeight): Paused<{ codes: Int8Array; scales: Float32Array }> {
  const codes = new Int8Array(input * output);
  const most = new Float32Array(output);
  const byColumn = inStep < outStep;
  const [outer, count] = byColumn ? [output, input] : [input, output];
  const [outerStep, step] = byColumn ? [outStep, inStep] : [inStep, outStep];
  const rowOf = (a: number): NumberRow => ({ data, from: a * outerStep, step, count });
  const [columnStep, codeStep] = byColumn ? [0, output] : [1, 1];
  for (let a = 0; a < outer; a++) {
    measureRow(rowOf(a), most, byColumn ? a : 0, columnStep);
    if (a % rowsAtOnce === 0) yield;
  }
  const scales = most.map(m => (m || 1) / 127);
  for (let a = 0; a < outer; a++) {
    roundRow(rowOf(a), scales, byColumn ? a : 0, columnStep, codes, byColumn ? a : a * output, codeStep);
    if (a % rowsAtOnce === 0) yield;
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

/** Blocks number `b` of the outputs from `first` to `end`. */
function roundBlocks(
  { data, input, output, inStep, outStep }: HostWeight,
  bits: 4 | 8,
  { codes, scales, offsets }: Required<BlockCodes>,
  b: number,
  first: number,
  end: number,
): void {
  const blocks = input / blockSize;
  const bytes = (blockSize * bits) / 8;
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
}

/**
 * Elements of a block of 8 bits are code - 128 times the scale, of 4 bits code - 8 times the scale plus the block's offset: the least one gets
 * code 0 and the greatest 15 (ggml's Q4_1), so weights that were in 4 bits before are kept exactly.
 */
export function* blockCodes(w: HostWeight, bits: 4 | 8): Paused<BlockCodes> {
  const { input, output } = w;
  const blocks = input / blockSize;
  const codes = new Uint8Array((output * blocks * blockSize * bits) / 8);
  const scales = new Float32Array(output * blocks);
  const offsets = new Float32Array(bits === 4 ? output * blocks : 0);
  for (let b = 0; b < blocks; b++)
    for (let first = 0; first < output; first += outputsAtOnce) {
      roundBlocks(w, bits, { codes, scales, offsets }, b, first, Math.min(output, first + outputsAtOnce));
      yield;
    }
  return bits === 4 ? { codes, scales, offsets } : { codes, scales };
}
