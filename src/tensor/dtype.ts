/** Element types: their sizes, ranges and typed arrays. f16 and bf16 are stored as 16-bit words; JavaScript computes them in float64. */

export const dtypes = ["f32", "f16", "bf16", "i8", "u8", "i32", "i64", "bool"] as const;
export type DType = (typeof dtypes)[number];

export type TypedArray = Float32Array | Float64Array | Uint16Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;
type TypedArrayConstructor = (new (
  buffer: ArrayBuffer,
  byteOffset?: number,
  length?: number,
) => TypedArray) & { readonly BYTES_PER_ELEMENT: number };

interface DTypeRow {
  readonly kind: "float" | "int" | "bool";
  readonly sizeBytes: number;
  /** How the elements lie in memory. */
  readonly array: TypedArrayConstructor;
  /** ONNX TensorProto.DataType. */
  readonly onnx: number;
  /** The name in safetensors headers. */
  readonly safetensors: string;
}

export const dtypeTable: { readonly [D in DType]: DTypeRow } = {
  f32: { kind: "float", sizeBytes: 4, array: Float32Array, onnx: 1, safetensors: "F32" },
  f16: { kind: "float", sizeBytes: 2, array: Uint16Array, onnx: 10, safetensors: "F16" },
  bf16: { kind: "float", sizeBytes: 2, array: Uint16Array, onnx: 16, safetensors: "BF16" },
  i8: { kind: "int", sizeBytes: 1, array: Int8Array, onnx: 3, safetensors: "I8" },
  u8: { kind: "int", sizeBytes: 1, array: Uint8Array, onnx: 2, safetensors: "U8" },
  i32: { kind: "int", sizeBytes: 4, array: Int32Array, onnx: 6, safetensors: "I32" },
  i64: { kind: "int", sizeBytes: 8, array: BigInt64Array, onnx: 7, safetensors: "I64" },
  bool: { kind: "bool", sizeBytes: 1, array: Uint8Array, onnx: 9, safetensors: "BOOL" },
};

export const isFloat = (d: DType): boolean => dtypeTable[d].kind === "float";
export const isInt = (d: DType): boolean => dtypeTable[d].kind === "int";

const bits = new DataView(new ArrayBuffer(8));

/** bfloat16 word of a number: round to nearest, ties to even; NaN stays NaN. */
export function toBf16(x: number): number {
  bits.setFloat32(0, x);
  const u = bits.getUint32(0);
  if ((u & 0x7fffffff) > 0x7f800000) return ((u >>> 16) | 0x40) & 0xffff;
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

export function fromBf16(word: number): number {
  bits.setUint32(0, word << 16);
  return bits.getFloat32(0);
}

/** IEEE half word of a number, through float32 (as hardware converts): round to nearest, ties to even. */
export function toF16(x: number): number {
  bits.setFloat32(0, x);
  const u = bits.getUint32(0);
  const sign = (u >>> 16) & 0x8000;
  const exponent = (u >>> 23) & 0xff;
  const mantissa = u & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 | (mantissa >>> 13) : 0);
  const e = exponent - 112; // half's biased exponent
  if (e >= 31) return sign | 0x7c00;
  if (e <= 0) {
    if (e < -10) return sign;
    const m = mantissa | 0x800000;
    const shift = 14 - e;
    const half = m >>> shift;
    const rest = m & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (half + (rest > middle || (rest === middle && half & 1) ? 1 : 0));
  }
  const half = (e << 10) | (mantissa >>> 13);
  const rest = mantissa & 0x1fff;
  return sign | (half + (rest > 0x1000 || (rest === 0x1000 && half & 1) ? 1 : 0));
}

export function fromF16(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const e = (word >>> 10) & 0x1f;
  const m = word & 0x3ff;
  if (e === 0) return sign * m * 2 ** -24;
  if (e === 31) return m ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + m / 1024) * 2 ** (e - 15);
}

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
export const bytesOf = (shape: readonly number[], dtype: DType): number => sizeOf(shape) * dtypeTable[dtype].sizeBytes;

/** Reads memory of a dtype as numbers (i64 loses what a double cannot hold; bool becomes 0 or 1). */
export function toNumbers(memory: TypedArray, dtype: DType): Float64Array {
  const out = new Float64Array(memory.length);
  if (dtype === "f16") for (let i = 0; i < out.length; i++) out[i] = fromF16(memory[i] as number);
  else if (dtype === "bf16") for (let i = 0; i < out.length; i++) out[i] = fromBf16(memory[i] as number);
  else for (let i = 0; i < out.length; i++) out[i] = Number(memory[i]);
  return out;
}

/** The whole numbers of an integer dtype; those of i64 end at the doubles next to its ends. */
export const integerRanges: { readonly [D in DType]?: readonly [least: number, most: number] } = {
  i8: [-128, 127],
  u8: [0, 255],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i64: [-(2 ** 63), 2 ** 63],
};

/** A float as a whole number of an integer dtype: truncated toward zero, saturated at the ends, NaN is 0 (as XLA and WebAssembly do). */
export function saturated(x: number, dtype: DType): number {
  const [least, most] = integerRanges[dtype]!;
  return Number.isNaN(x) ? 0 : Math.min(most, Math.max(least, Math.trunc(x)));
}

const toI64 = (x: number): bigint => {
  const whole = saturated(x, "i64");
  return whole === 2 ** 63 ? 2n ** 63n - 1n : BigInt(whole);
};

/** Writes numbers as a dtype: floats round, integers truncate toward zero and wrap (i64 saturates), bool is "not zero". */
export function fromNumbers(values: ArrayLike<number>, dtype: DType): TypedArray {
  const out = new dtypeTable[dtype].array(new ArrayBuffer(values.length * dtypeTable[dtype].sizeBytes));
  switch (dtype) {
    case "f16":
      for (let i = 0; i < values.length; i++) out[i] = toF16(values[i]!);
      break;
    case "bf16":
      for (let i = 0; i < values.length; i++) out[i] = toBf16(values[i]!);
      break;
    case "i64":
      for (let i = 0; i < values.length; i++) out[i] = toI64(values[i]!);
      break;
    case "bool":
      for (let i = 0; i < values.length; i++) out[i] = values[i] ? 1 : 0;
      break;
    default:
      for (let i = 0; i < values.length; i++) out[i] = values[i]!;
  }
  return out;
}
