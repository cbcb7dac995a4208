/** 16-bit floats to 32 bits, many at a time: a table of all halves, and a shift for bfloat16. Exact both. */
import { type DType, fromF16, type TypedArray, toNumbers } from "../../tensor/index.ts";

let table: Float32Array | undefined;

/** Every half by its word; 256 KiB, made when it is first asked for. */
export function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 1 << 16 }, (_, word) => fromF16(word));
  return table;
}

/** Words of halves as floats. */
export function widenF16(words: ArrayLike<number>, into: Float32Array = new Float32Array(words.length)): Float32Array {
  const all = halfTable();
  for (let i = 0; i < words.length; i++) into[i] = all[words[i]!]!;
  return into;
}

/** Words of bfloat16 as floats: the upper halves of them. */
export function widenBf16(words: ArrayLike<number>, into: Float32Array = new Float32Array(words.length)): Float32Array {
  const out = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < words.length; i++) out[i] = words[i]! << 16;
  return into;
}

/** Elements of a float dtype as float32; those that are already are not copied. */
export function widen(data: TypedArray, dtype: DType): Float32Array {
  if (dtype === "f32") return data as Float32Array;
  if (dtype === "f16") return widenF16(data as Uint16Array);
  if (dtype === "bf16") return widenBf16(data as Uint16Array);
  return Float32Array.from(toNumbers(data, dtype));
}
