/**
 * Low-rank changes of linear maps and tables: LoRA (Hu et al. 2021), rank-stabilised LoRA (Kalajdzievski 2023: another scale), DoRA (Liu et al.
 * 2024: the columns' lengths are trained apart). A map keeps its weight W [in, out] and gets two thin factors, down [R, in] and up [R, out]:
 * y = x W + s (x downᵀ) up. The products with W need no gradient with respect to W, a third of a training step's work, which is why the factors
 * are multiplied by x and not into W; what W is (a float matrix, a quantised one) does not matter either.
 */
import { type Dropout, dropout, type Linear, linear, matrix, ones, ParameterSpec } from "../../nn/index.ts";
import { add, div, matmul, mul, sqrt, stopGradient, sub, sum, Tensor } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";

/** What is trained of one map. */
export interface LowRankSpec {
  readonly down: ParameterSpec;
  readonly up: ParameterSpec;
  /** Lengths of the columns of the changed weight [out] (DoRA). */
  readonly magnitude?: ParameterSpec;
}
export interface LowRankTensors {
  readonly down: Tensor;
  readonly up: Tensor;
  readonly magnitude?: Tensor;
}

const uniform = (shape: readonly number[], bound: number): ParameterSpec =>
  new ParameterSpec(shape, { kind: "uniform", bound }, { decays: true, isHidden: true });

/** `down` starts as PEFT's does (Kaiming-uniform with a = sqrt(5): within 1 / sqrt(in)) and `up` at zero, so that nothing changes at first. */
export const linearChange = (input: number, output: number, rank: number, magnitudes: boolean): LowRankSpec => ({
  down: uniform([rank, input], 1 / Math.sqrt(input)),
  up: new ParameterSpec([rank, output], { kind: "constant", value: 0 }, { decays: true, isHidden: true }),
  ...(magnitudes ? { magnitude: ones([output]) } : {}),
});
/** The factors of a table [V, C]: `down` [R, V] is zero and `up` [R, C] normal, the other way round as in a linear map. */
export const tableChange = (rows: number, width: number, rank: number): LowRankSpec => ({
  down: new ParameterSpec([rank, rows], { kind: "constant", value: 0 }, { decays: true, isHidden: false }),
  up: matrix([rank, width], 1),
});

/** s (x downᵀ) up: [..., in] -> [..., out]. */
const added = (x: Tensor, { down, up }: LowRankTensors, scale: number): Tensor =>
  matmul(matmul(x, down, { transposeB: true, alpha: scale }), up);

/** Squared lengths of the columns of W [in, out]. */
const columnSquares = (weight: Tensor): Tensor => sum(mul(weight, weight), 0);

/**
 * Lengths [out] of the columns of W + s downᵀ up, without forming it:
 * |w|² + 2 s Σ_r up_r (down W)_r + s² Σ_rq up_r up_q (down downᵀ)_rq, a column each.
 */
function columnLengths(weight: Tensor, { down, up }: LowRankTensors, scale: number): Tensor {
  const cross = sum(mul(up, matmul(down, weight)), 0);
  const own = sum(mul(up, matmul(matmul(down, down, { transposeB: true }), up)), 0);
  return sqrt(add(columnSquares(weight), add(mul(cross, 2 * scale), mul(own, scale * scale))));
}

/**
 * The linear map with its change. Lengths are constants of the step, as the authors propose (section 4.3), and so in PEFT. Dropout is of what the
 * change reads, never of what the map itself does (Hu et al. 2021, as released); of a map whose columns are stretched, what stretching adds
 * reads it too, as the authors' program and PEFT have it.
 */
export function changedLinear(l: Linear, change: LowRankTensors, scale: number, path: string, drop?: () => Dropout): Linear {
  const read = (x: Tensor) => (drop ? dropout(drop(), x) : x);
  const { magnitude } = change;
  if (!magnitude) return { ...l, adapt: (x, y) => add(y, added(read(x), change, scale)) };
  const lengths = columnLengths(floatWeight(l.weight, path), change, scale);
  const ratio = div(magnitude, stopGradient(lengths));
  const { bias, ...rest } = l;
  const stretched = (x: Tensor, y: Tensor) => {
    if (!drop) return mul(add(y, added(x, change, scale)), ratio);
    const kept = read(x);
    return add(y, add(mul(linear(rest, kept), sub(ratio, 1)), mul(added(kept, change, scale), ratio)));
  };
  return { ...rest, adapt: bias ? (x, y) => add(stretched(x, y), bias) : stretched };
}

/** The weight [in, out] with its change multiplied in; gradients as through `changedLinear`. */
export function changedWeight(weight: Tensor, change: LowRankTensors, scale: number): Tensor {
  const whole = add(weight, matmul(change.down, change.up, { transposeA: true, alpha: scale }));
  return change.magnitude ? mul(whole, div(change.magnitude, stopGradient(columnLengths(weight, change, scale)))) : whole;
}

export function floatWeight(weight: Linear["weight"], path: string): Tensor {
  if (weight instanceof Tensor) return weight;
  throw tuneErrors.fail("method", {
    place: path,
    expected: "a float weight",
    received: "a quantised one",
    hint: "Lengths of columns (dora) and tables need the full weights; lora and rslora take quantised ones.",
  });
}
