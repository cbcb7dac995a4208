/**
 * Vectors as bytes: in the types of numbers that vLLM's clients ask for (`embed_dtype`), in either order of bytes, and as signs packed into bits
 * (Cohere's binary). Narrow numbers are rounded to nearest, ties to even (IEEE 754; Micikevicius et al. 2022, FP8 Formats for Deep Learning).
 */
import { endianness as ownOrder } from "node:os";

export const vectorTypes = ["float32", "float16", "bfloat16", "fp8_e4m3", "fp8_e5m2"] as const;
type VectorType = (typeof vectorTypes)[number];
export const vectorOrders = ["native", "big", "little"] as const;
type VectorOrder = (typeof vectorOrders)[number];

interface NarrowType {
  readonly bytes: 1 | 2;
  readonly mantissaBits: number;
  readonly bias: number;
  /** The largest finite number. */
  readonly most: number;
  /** The bits of what is beyond it: infinity, or NaN where there is none. */
  readonly beyond: number;
  readonly nan: number;
}
const narrow: Readonly<Record<Exclude<VectorType, "float32">, NarrowType>> = {
  float16: { bytes: 2, mantissaBits: 10, bias: 15, most: 65_504, beyond: 0x7c00, nan: 0x7e00 },
  bfloat16: { bytes: 2, mantissaBits: 7, bias: 127, most: 2 ** 127 * (2 - 2 ** -7), beyond: 0x7f80, nan: 0x7fc0 },
  fp8_e4m3: { bytes: 1, mantissaBits: 3, bias: 7, most: 448, beyond: 0x7f, nan: 0x7f },
  fp8_e5m2: { bytes: 1, mantissaBits: 2, bias: 15, most: 57_344, beyond: 0x7c, nan: 0x7f },
};

/** x, a whole number and a half at most, to the nearest whole one; halves to the even one. */
function toEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The bits of a number in a narrower type. */
function narrowBits(x: number, { bytes, mantissaBits, bias, most, beyond, nan }: NarrowType): number {
  const sign = x < 0 || Object.is(x, -0) ? 1 << (8 * bytes - 1) : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return sign | nan;
  // the exponent of a number in float32 is exact in float64's logarithm, but for what rounds up to a power of two
  let exponent = size === 0 ? 1 - bias : Math.max(1 - bias, Math.floor(Math.log2(size)));
  if (2 ** exponent > size && exponent > 1 - bias) exponent--;
  const steps = toEven(size / 2 ** (exponent - mantissaBits));
  if (steps * 2 ** (exponent - mantissaBits) > most) return sign | beyond;
  // a mantissa that rounds up to the next power carries into the exponent by itself; below 2^(1 - bias) there is no leading one
  return sign | (((exponent + bias - 1) << mantissaBits) + steps);
}

/** A vector's numbers one after another. */
export function vectorBytes(vector: ArrayLike<number>, type: VectorType, order: VectorOrder): Uint8Array {
  const isLittle = order === "little" || (order === "native" && ownOrder() === "LE");
  const size = type === "float32" ? 4 : narrow[type].bytes;
  const view = new DataView(new ArrayBuffer(vector.length * size));
  for (let i = 0; i < vector.length; i++) {
    if (type === "float32") view.setFloat32(4 * i, vector[i]!, isLittle);
    else if (size === 1) view.setUint8(i, narrowBits(vector[i]!, narrow[type]));
    else view.setUint16(2 * i, narrowBits(vector[i]!, narrow[type]), isLittle);
  }
  return new Uint8Array(view.buffer);
}

/** The signs of a vector, eight to a number, the first in the highest bit: 0 and above are ones. `isSigned`: as numbers from -128 to 127. */
export function signBits(vector: ArrayLike<number>, isSigned: boolean): number[] {
  return Array.from({ length: Math.ceil(vector.length / 8) }, (_, at) => {
    let bits = 0;
    for (let i = 0; i < 8; i++) bits = (bits << 1) | (8 * at + i < vector.length && vector[8 * at + i]! >= 0 ? 1 : 0);
    return isSigned ? bits - 128 : bits;
  });
}
