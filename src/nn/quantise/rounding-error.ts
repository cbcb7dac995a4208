/**
 * What rounding both sides of a product to int8 is expected to cost, without running it. A number rounded to a step d is off by d / sqrt(12)
 * (Bennett 1948); errors of x meet all weights and those of weights all of x, so with steps a_t of rows and b_o of columns the squared error
 * is (sum a_t^2) |W|^2 / 12 + (sum b_o^2) |x|^2 / 12. Rows count by what they hold: a token a thousand times the others is not worth a
 * million of them.
 */

import { type Paused, rowsAtOnce } from "./codes.ts";

/** Rows [n, width] one after the other. */
export interface CalibrationRows {
  readonly data: Float32Array;
  readonly width: number;
}
/** A weight of `output` columns, wherever its elements lie: (i, o) at i * inStep + o * outStep. */
export interface WeightRows {
  readonly data: Float32Array;
  readonly output: number;
  readonly inStep: number;
  readonly outStep: number;
}
/** A matrix [in, output] in the order of its rows. */
export const weightRows = (data: Float32Array, output: number): WeightRows => ({ data, output, inStep: output, outStep: 1 });

const most = 127;

const rangeKinds = {
  most: (a: number, x: number) => Math.max(a, Math.abs(x)),
  rms: (a: number, x: number) => a + x * x,
} as const;
export type RangeKind = keyof typeof rangeKinds;

/** Size of each channel over all rows [width]: its greatest magnitude or its root mean square. */
export function channelRanges({ data, width }: CalibrationRows, kind: RangeKind): Float32Array {
  const add = rangeKinds[kind];
  const out = new Float32Array(width);
  for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) out[i] = add(out[i]!, data[at + i]!);
  return kind === "rms" ? out.map(s => Math.sqrt((s * width) / data.length)) : out;
}

/** Raises the greatest magnitudes of the inputs from `first` to `end`. */
function raiseRanges({ data, output, inStep, outStep }: WeightRows, first: number, end: number, ranges: Float32Array): void {
  for (let i = first; i < end; i++)
    for (let o = 0, at = i * inStep; o < output; o++, at += outStep) {
      const size = Math.abs(data[at]!);
      if (size > ranges[i]!) ranges[i] = size;
    }
}

/** Greatest magnitude of what each input is multiplied with [width], over all weights. */
export function* columnRanges(weights: readonly WeightRows[], width: number): Paused<Float32Array> {
  const out = new Float32Array(width);
  for (const w of weights)
    for (let first = 0; first < width; first += rowsAtOnce) {
      raiseRanges(w, first, Math.min(width, first + rowsAtOnce), out);
      yield;
    }
  return out;
}

/** Squares of rows and of their steps where channels are divided by factors, both over the rows' squares as they are; means. */
function rowCosts(
  { data, width }: CalibrationRows,
  factors: Float32Array | undefined,
): { readonly steps: number; readonly squares: number } {
  let [steps, squares] = [0, 0];
  for (let at = 0; at < data.length; at += width) {
    let [far, divided, whole] = [0, 0, 0];
    for (let i = 0; i < width; i++) {
      const x = data[at + i]!;
      const y = factors ? x / factors[i]! : x;
      whole += x * x;
      divided += y * y;
      if (Math.abs(y) > far) far = Math.abs(y);
    }
    if (whole === 0) continue;
    steps += (far / most) ** 2 / whole;
    squares += divided / whole;
  }
  const count = data.length / width;
  return { steps: steps / count, squares: squares / count };
}

interface SquaresOf {
  readonly w: WeightRows;
  readonly factors: Float32Array | undefined;
  /** Greatest magnitudes of the outputs. */
  readonly far: Float32Array;
}

/** Adds the squares of the weights of the inputs from `first` to `end`, times their factors, and raises the outputs' greatest magnitudes. */
function addSquares({ w, factors, far }: SquaresOf, first: number, end: number, squares: number): number {
  const { data, output, inStep, outStep } = w;
  let sum = squares;
  for (let i = first; i < end; i++) {
    const factor = factors ? factors[i]! : 1;
    for (let o = 0, at = i * inStep; o < output; o++, at += outStep) {
      const size = Math.abs(data[at]! * factor);
      sum += size * size;
      if (size > far[o]!) far[o] = size;
    }
  }
  return sum;
}

/** Squares of the weights and of their columns' steps where channels are multiplied with factors. */
function* weightCosts(
  weights: readonly WeightRows[],
  width: number,
  factors: Float32Array | undefined,
): Paused<{ steps: number; squares: number }> {
  let [steps, squares] = [0, 0];
  for (const w of weights) {
    const far = new Float32Array(w.output);
    // in the order of memory where outputs lie side by side
    for (let first = 0; first < width; first += rowsAtOnce) {
      squares = addSquares({ w, factors, far }, first, Math.min(width, first + rowsAtOnce), squares);
      yield;
    }
    for (const f of far) steps += (f / most) ** 2;
  }
  return { steps, squares };
}

/** The mean squared error of a row's products over its square, with channels of x divided by factors and those of the weights multiplied. */
export function* expectedError(x: CalibrationRows, weights: readonly WeightRows[], factors?: Float32Array): Paused<number> {
  const rows = rowCosts(x, factors);
  const columns = yield* weightCosts(weights, x.width, factors);
  return (rows.steps * columns.squares + rows.squares * columns.steps) / 12;
}
