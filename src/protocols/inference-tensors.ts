/**
 * Tensors of the Open Inference Protocol as bytes, as its binary tensor data extension and the raw contents of its gRPC form have them: row-major, little-endian,
 * without padding; an element of BYTES stands behind its length in 4 bytes.
 */
import { ProtocolFault } from "./protocol-fault.ts";

/** An element: 64-bit integers as bigint, BYTES as bytes. */
export type TensorElement = boolean | number | bigint | Uint8Array;

interface FixedType {
  readonly size: number;
  read(view: DataView, at: number): TensorElement;
  write(view: DataView, at: number, value: TensorElement): void;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
export function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** To the nearest integer, ties to even. */
function rounded(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The nearest binary16, ties to even. */
export function halfFloatBits(value: number): number {
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size === 0) return sign;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  // below 2^-14 the steps stay those of the smallest exponent; what rounds up to the next power of two carries into the exponent by itself
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const units = rounded(size * 2 ** (10 - exponent)) + (exponent + 14) * 1024;
  return sign | Math.min(units, 0x7c00);
}

const single = new DataView(new ArrayBuffer(4));
/** bfloat16 is the upper half of binary32. */
export function brainFloat(bits: number): number {
  single.setUint32(0, bits << 16);
  return single.getFloat32(0);
}
/** The nearest bfloat16, ties to even. */
export function brainFloatBits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single.setFloat32(0, value);
  const bits = single.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

const integerOf = (x: TensorElement): bigint => (typeof x === "bigint" ? x : BigInt(Math.trunc(Number(x))));

const fixedTypes = {
  BOOL: { size: 1, read: (v, at) => v.getUint8(at) !== 0, write: (v, at, x) => v.setUint8(at, x ? 1 : 0) },
  UINT8: { size: 1, read: (v, at) => v.getUint8(at), write: (v, at, x) => v.setUint8(at, Number(x)) },
  UINT16: { size: 2, read: (v, at) => v.getUint16(at, true), write: (v, at, x) => v.setUint16(at, Number(x), true) },
  UINT32: { size: 4, read: (v, at) => v.getUint32(at, true), write: (v, at, x) => v.setUint32(at, Number(x), true) },
  UINT64: { size: 8, read: (v, at) => v.getBigUint64(at, true), write: (v, at, x) => v.setBigUint64(at, integerOf(x), true) },
  INT8: { size: 1, read: (v, at) => v.getInt8(at), write: (v, at, x) => v.setInt8(at, Number(x)) },
  INT16: { size: 2, read: (v, at) => v.getInt16(at, true), write: (v, at, x) => v.setInt16(at, Number(x), true) },
  INT32: { size: 4, read: (v, at) => v.getInt32(at, true), write: (v, at, x) => v.setInt32(at, Number(x), true) },
  INT64: { size: 8, read: (v, at) => v.getBigInt64(at, true), write: (v, at, x) => v.setBigInt64(at, integerOf(x), true) },
  FP16: {
    size: 2,
    read: (v, at) => halfFloat(v.getUint16(at, true)),
    write: (v, at, x) => v.setUint16(at, halfFloatBits(Number(x)), true),
  },
  BF16: {
    size: 2,
    read: (v, at) => brainFloat(v.getUint16(at, true)),
    write: (v, at, x) => v.setUint16(at, brainFloatBits(Number(x)), true),
  },
  FP32: { size: 4, read: (v, at) => v.getFloat32(at, true), write: (v, at, x) => v.setFloat32(at, Number(x), true) },
  FP64: { size: 8, read: (v, at) => v.getFloat64(at, true), write: (v, at, x) => v.setFloat64(at, Number(x), true) },
} as const satisfies Readonly<Record<string, FixedType>>;

export type TensorDatatype = keyof typeof fixedTypes | "BYTES";
const fixedTypeOf: Readonly<Record<string, FixedType>> = fixedTypes;
export const tensorDatatypes: readonly string[] = [...Object.keys(fixedTypes), "BYTES"];
export const isTensorDatatype = (name: unknown): name is TensorDatatype => typeof name === "string" && tensorDatatypes.includes(name);

/** Bytes in front of an element of BYTES. */
const lengthSize = 4;

/** What is told of a tensor whose data are wrong. */
interface TensorPlace {
  /** Where the tensor stands: `inputs[0]`. */
  readonly place: string;
  readonly name: string;
}

const fault = ({ place, name }: TensorPlace, expected: string, received: string): ProtocolFault =>
  ProtocolFault.stated(place, `${expected} for the tensor ${JSON.stringify(name.slice(0, 40))}`, received);

function readBytesElements(bytes: Uint8Array, count: number, of: TensorPlace): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < lengthSize) throw fault(of, `a length of ${lengthSize} bytes before each element`, `${left} bytes at the end`);
    const size = view.getUint32(at, true);
    if (size > left - lengthSize)
      throw fault(of, `at most ${left - lengthSize} bytes, as many as are left`, `element ${elements.length} of ${size} bytes`);
    if (elements.length === count) throw fault(of, `${count} elements, as the shape says`, "more");
    elements.push(bytes.subarray(at + lengthSize, at + lengthSize + size));
    at += lengthSize + size;
  }
  if (elements.length !== count) throw fault(of, `${count} elements, as the shape says`, `${elements.length}`);
  return elements;
}

/** The elements of a tensor's bytes. Errors: ProtocolFault `parameter` where the bytes are not as many as shape and datatype say. */
export function readTensor(datatype: TensorDatatype, bytes: Uint8Array, count: number, of: TensorPlace): readonly TensorElement[] {
  if (datatype === "BYTES") return readBytesElements(bytes, count, of);
  const type = fixedTypeOf[datatype]!;
  if (bytes.length !== count * type.size)
    throw fault(of, `${count * type.size} bytes (${count} elements of ${datatype})`, `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => type.read(view, i * type.size));
}

/** The bytes of a tensor's elements; the inverse of `readTensor`. A text stands for its bytes in UTF-8. */
export function writeTensor(datatype: TensorDatatype, elements: readonly (TensorElement | string)[]): Uint8Array<ArrayBuffer> {
  if (datatype === "BYTES") {
    const parts = elements.map(e => (typeof e === "string" ? Buffer.from(e) : e instanceof Uint8Array ? e : Buffer.from(String(e))));
    const made = new Uint8Array(parts.reduce((n, p) => n + lengthSize + p.length, 0));
    const view = new DataView(made.buffer);
    let at = 0;
    for (const part of parts) {
      view.setUint32(at, part.length, true);
      made.set(part, at + lengthSize);
      at += lengthSize + part.length;
    }
    return made;
  }
  const type = fixedTypeOf[datatype]!;
  const made = new Uint8Array(elements.length * type.size);
  const view = new DataView(made.buffer);
  elements.forEach((element, i) => {
    if (typeof element !== "string") type.write(view, i * type.size, element);
  });
  return made;
}

/** Elements that a shape has. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
