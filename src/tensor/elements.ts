/** The border where elements come in: what callers pass as numbers or typed memory, checked against dtype and shape. */
import { type DType, dtypes, dtypeTable, fromNumbers, integerRanges, sizeOf, type TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import type { Shape } from "./shape.ts";

const describe = (x: unknown): string =>
  x === null ? "null" : typeof x === "number" ? `${x}` : typeof x === "object" ? (x.constructor?.name ?? "an object") : typeof x;

/** Throws where a dtype or shape is none: dimensions are whole numbers from 0, and the bytes are a safe integer. */
export function checkSpec(place: string, shape: Shape, dtype: DType): void {
  if (!dtypes.includes(dtype))
    throw tensorErrors.fail("dtype", { place, expected: `one of ${dtypes.join(", ")}`, received: `${String(dtype)}` });
  const isShape = Array.isArray(shape) && shape.every(d => Number.isSafeInteger(d) && d >= 0);
  if (!isShape || !Number.isSafeInteger(sizeOf(shape) * dtypeTable[dtype].sizeBytes))
    throw tensorErrors.fail("shape", {
      place,
      expected: "dimensions that are whole numbers from 0, of fewer than 2^53 bytes together",
      received: Array.isArray(shape) ? `[${shape.map(String).join(", ")}]` : describe(shape),
    });
}

/** Numbers as memory of a dtype: floats round; integers must be whole and in range, or a wrong number would be stored without a word. */
export function numbersAs(place: string, values: readonly unknown[], dtype: DType): TypedArray {
  const range = integerRanges[dtype];
  for (const x of values) {
    const fits = typeof x === "boolean" || (typeof x === "number" && (!range || (Number.isInteger(x) && x >= range[0] && x <= range[1])));
    if (!fits)
      throw tensorErrors.fail("dtype", {
        place,
        expected: range ? `whole numbers in [${range[0]}, ${range[1]}] for ${dtype}` : `numbers for ${dtype}`,
        received: describe(x),
        hint: typeof x === "number" ? "Round or clip the number, or use another dtype." : "",
      });
  }
  return fromNumbers(values.map(Number), dtype);
}

/** Typed memory of a dtype, or a list of numbers converted to it, of `size` elements. */
export function elementsOf(place: string, data: TypedArray | readonly number[], dtype: DType, size: number): TypedArray {
  const isTyped = ArrayBuffer.isView(data);
  if (!isTyped && !Array.isArray(data))
    throw tensorErrors.fail("argument", { place, expected: "a typed array or a list of numbers", received: describe(data) });
  const { array } = dtypeTable[dtype];
  if (isTyped && !(data instanceof array))
    throw tensorErrors.fail("dtype", {
      place,
      expected: `${array.name} for ${dtype}`,
      received: describe(data),
      hint:
        dtype === "f16" || dtype === "bf16"
          ? "Pass a list of numbers, or words that toF16 or toBf16 made."
          : "Pass a list of numbers to convert them.",
    });
  if (data.length !== size) throw tensorErrors.fail("shape", { place, expected: `${size} elements`, received: `${data.length}` });
  return isTyped ? data : numbersAs(place, data, dtype);
}

export type Nested = number | boolean | readonly Nested[];

/** Nested lists of equal length as numbers in row-major order, with their shape. */
export function flatten(place: string, value: Nested): { readonly flat: readonly unknown[]; readonly shape: readonly number[] } {
  const shape: number[] = [];
  for (let v: Nested | undefined = value; Array.isArray(v); v = v[0] as Nested | undefined) shape.push(v.length);
  const flat: unknown[] = [];
  const walk = (v: Nested, depth: number): void => {
    const length = Array.isArray(v) ? v.length : undefined;
    if (length !== shape[depth])
      throw tensorErrors.fail("shape", {
        place,
        expected: shape[depth] === undefined ? `numbers at depth ${depth}` : `lists of equal length (${shape[depth]}) at depth ${depth}`,
        received: length === undefined ? describe(v) : `${length}`,
      });
    if (Array.isArray(v)) for (const x of v) walk(x, depth + 1);
    else flat.push(v);
  };
  walk(value, 0);
  return { flat, shape };
}
