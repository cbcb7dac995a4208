/**
 * Weights in 4-bit NormalFloat as QLoRA keeps them (Dettmers et al. 2023, section 3): a code a weight, of 16 values that normally distributed weights
 * take equally often, times the greatest magnitude of a block of 64; those magnitudes may be in 8 bits themselves (double quantisation). A product
 * first makes floats of the weight, and again in the backward pass, so no more than one of them is ever held. Codes are made by `quantise/`.
 */
import { add, cast, checkpoint, constant, gather, matmul, mul, pad, reshape, slice, type Tensor } from "../tensor/index.ts";

export const normalFloatBlock = 64;
/** Blocks whose magnitudes share a scale where they are in 8 bits. */
export const magnitudeGroup = 256;

/** A weight [in, out]: nibbles u8 [out, in / 64, 32], two codes a byte, the lower first. */
export type NormalFloatWeight = { readonly nibbles: Tensor } & (
  | {
      /** Greatest magnitudes of the blocks [out, in / 64]. */
      readonly blockMaxima: Tensor;
    }
  | {
      /** They themselves as codes i8 [out * in / 64], times a scale for every 256 [groups], plus their mean []. */
      readonly maximumCodes: Tensor;
      readonly maximumScales: Tensor;
      readonly maximumMean: Tensor;
    }
);

/** x with Phi(x) = p, for p within [0.02, 0.98]: Newton's steps on the series of Phi around 0. */
function normalQuantile(p: number): number {
  let x = 0;
  for (let step = 0; step < 60; step++) {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    let [term, total] = [x, x];
    for (let k = 3; k < 200; k += 2) {
      term *= (x * x) / k;
      total += term;
    }
    x -= (0.5 + density * total - p) / density;
  }
  return x;
}

/** The share of a normal distribution at which the outermost values lie: half a step of 15 and of 16 from its ends, in the mean. */
const outermost = (1 - 1 / (2 * 15) + 1 - 1 / (2 * 16)) / 2;
const evenly = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => normalQuantile(outermost + ((0.5 - outermost) * i) / count));

/** The 16 values, in order: quantiles of a normal distribution, 8 above 0 and 7 below and 0 itself, over the greatest one (appendix E). */
export const normalFloats: readonly number[] = (() => {
  const [above, below] = [evenly(8), evenly(7).map(x => -x)];
  return [...below, 0, ...above.reverse()].map(x => x / above.at(-1)!).map(Math.fround);
})();

/** What both codes of a byte mean [256, 2]. */
const pairs = Float32Array.from({ length: 512 }, (_, i) => normalFloats[i % 2 ? i >> 5 : (i >> 1) & 15]!);

function maximaOf(w: NormalFloatWeight, count: number): Tensor {
  if ("blockMaxima" in w) return reshape(w.blockMaxima, [count, 1]);
  const groups = w.maximumScales.shape[0]!;
  const codes = pad(cast(w.maximumCodes, "f32"), [0], [groups * magnitudeGroup - count]);
  const scaled = mul(reshape(codes, [groups, magnitudeGroup]), reshape(w.maximumScales, [groups, 1]));
  return slice(reshape(add(scaled, w.maximumMean), [groups * magnitudeGroup, 1]), [0, count]);
}

/** The weight as floats [out, in]: its columns are rows here. */
export function normalFloatRows(w: NormalFloatWeight): Tensor {
  const [out, blocks, bytes] = w.nibbles.shape as [number, number, number];
  const values = gather(constant(pairs, "f32", [256, 2]), cast(w.nibbles, "i32"));
  const scaled = mul(reshape(values, [out * blocks, 2 * bytes]), maximaOf(w, out * blocks));
  return reshape(scaled, [out, 2 * bytes * blocks]);
}

/** x [..., in] times the weight: [..., out]. */
export const normalFloatProduct = (x: Tensor, w: NormalFloatWeight): Tensor =>
  checkpoint((from: Tensor, weight: NormalFloatWeight) => matmul(from, normalFloatRows(weight), { transposeB: true }))(x, w);
