/**
 * AdamW whose moments are kept in 8 bits (Dettmers et al. 2022, "8-bit optimizers via block-wise quantization"): each row of a hidden matrix is a block with a
 * scale of its own, and codes have the dynamic data type, a decade and a linear fraction within it. Tables, norms, biases and small matrices
 * keep float32, as the paper's embeddings and bitsandbytes' small parameters do.
 */
import {
  abs,
  add,
  cast,
  constant,
  type DType,
  div,
  exp,
  floor,
  gather,
  log,
  max,
  maximum,
  minimum,
  mul,
  sign,
  sqrt,
  sub,
  type Tensor,
} from "../tensor/index.ts";
import { type AdamWOptions, adamw, type Rule } from "./optimizer.ts";

/** Smaller matrices keep float32: their scales would weigh as much. */
const leastElements = 4096;

/** Magnitude bits of the codes: signed ones have a sign bit beside. */
const magnitudeBits = { i8: 7, u8: 8 } as const;
type CodeType = keyof typeof magnitudeBits;

/**
 * Values of the codes 0 to 2^bits - 1. A code m >= 1 is n + j with n = 2^floor(log2 m): the j-th of n equal parts of a decade (0.1, 1] x 10^-k, where
 * k = bits - 1 - log2 n. The greatest decade has the most parts.
 */
export function dynamicValues(bits: number): Float64Array {
  return Float64Array.from({ length: 2 ** bits }, (_, m) => {
    if (m === 0) return 0;
    const power = Math.floor(Math.log2(m));
    const n = 2 ** power;
    return 10 ** -(bits - 1 - power) * (0.1 + (0.9 * (m - n + 0.5)) / n);
  });
}

/** Codes of |x| in [0, 1], as float32 numbers. Nothing but what is exactly 0 becomes 0: a second moment of 0 would make a step of its first one endless. */
function magnitudeCodes(x: Tensor, bits: number): Tensor {
  const most = bits - 1;
  const decade = minimum(maximum(floor(mul(log(maximum(x, 1e-30)), -1 / Math.LN10)), 0), most);
  const parts = exp(mul(sub(most, decade), Math.LN2));
  // where in its decade, from 0 to 1: x 10^k in (0.1, 1]
  const fraction = div(sub(mul(x, exp(mul(decade, Math.LN10))), 0.1), 0.9);
  // exp is exact to some last bits: whole numbers are made whole again
  const whole = floor(add(parts, 0.5));
  const part = maximum(minimum(floor(mul(fraction, whole)), sub(whole, 1)), 0);
  return mul(add(whole, part), sign(x));
}

interface Stored {
  readonly codes: Tensor;
  readonly scale: Tensor;
}

/** Codes of rows, and the greatest magnitude of each. x [R, C] -> [R, C], [R, 1] */
export function quantised(x: Tensor, type: CodeType): Stored {
  const magnitude = abs(x);
  const scale = max(magnitude, [-1], true);
  const codes = magnitudeCodes(div(magnitude, maximum(scale, 1e-30)), magnitudeBits[type]);
  return { codes: cast(type === "i8" ? mul(codes, sign(x)) : codes, type), scale };
}

/** The values of codes. */
export function dequantised({ codes, scale }: Stored, type: CodeType): Tensor {
  const values = dynamicValues(magnitudeBits[type]);
  // signed codes -127 to 127 stand in a table from -128 on
  const table =
    type === "u8" ? values : Float64Array.from({ length: 256 }, (_, i) => Math.sign(i - 128) * values[Math.abs(i - 128) % 128]!);
  const index = cast(codes, "i32");
  return mul(gather(constant(Float32Array.from(table), "f32", [256]), type === "u8" ? index : add(index, 128)), scale);
}

export function adamw8bit(options: AdamWOptions = {}): Rule {
  const plain = adamw(options);
  const { beta1 = 0.9, beta2 = 0.95, weightDecay = 0.1 } = options;
  return {
    ...plain,
    name: "adamw8bit",
    state(spec) {
      const { shape, isHidden } = spec;
      if (!isHidden || shape.length !== 2 || shape[0]! * shape[1]! < leastElements) return plain.state(spec);
      const scale = { shape: [shape[0]!, 1], dtype: "f32" as DType };
      return { first: { shape, dtype: "i8" }, firstScale: scale, second: { shape, dtype: "u8" }, secondScale: scale };
    },
    update(given) {
      const { value, gradient, gradientScale, state, scalars, decays } = given;
      if (!state.firstScale) return plain.update(given);
      const before = {
        first: dequantised({ codes: state.first!, scale: state.firstScale }, "i8"),
        second: dequantised({ codes: state.second!, scale: state.secondScale! }, "u8"),
      };
      const g = mul(gradient, gradientScale);
      const first = add(mul(before.first, beta1), mul(g, 1 - beta1));
      const second = add(mul(before.second, beta2), mul(mul(g, g), 1 - beta2));
      const moved = mul(div(first, add(sqrt(second), scalars.adamEpsilon!)), scalars.adamRate!);
      const kept = decays && weightDecay ? mul(value, scalars.adamKeep!) : value;
      const [one, two] = [quantised(first, "i8"), quantised(second, "u8")];
      return {
        value: sub(kept, moved),
        state: { first: one.codes, firstScale: one.scale, second: two.codes, secondScale: two.scale },
      };
    },
  };
}
