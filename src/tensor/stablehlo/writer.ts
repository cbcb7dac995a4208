/**
 * Writes StableHLO text, one instruction a line, in the forms that the printed language has kept since its first version; instructions with
 * regions are written in MLIR's generic form. Values know their shape and element type, so a rule says what it computes and the types follow.
 * Source: the StableHLO specification (openxla.org/stablehlo/spec).
 */
import type { DType, TypedArray } from "../dtype.ts";
import { type Shape, sameShape } from "../shape.ts";

/** Element types of instructions: those of arrays, and the unsigned words of random numbers. */
export const elementTypes = {
  f32: "f32",
  f16: "f16",
  bf16: "bf16",
  i8: "i8",
  u8: "ui8",
  i32: "i32",
  i64: "i64",
  bool: "i1",
} as const satisfies {
  readonly [D in DType]: string;
};
export type HloElementType = (typeof elementTypes)[DType] | "ui32";

export interface HloValue {
  readonly name: string;
  readonly shape: Shape;
  readonly type: HloElementType;
}

/** Indices whose range is reported with the results: a plugin itself would clamp or drop what lies outside. */
export interface IndexCheck {
  /** The operation. */
  readonly place: string;
  /** Indices go from 0 to below this. */
  readonly size: number;
}

export const typeText = (shape: Shape, type: HloElementType): string => `tensor<${[...shape, type].join("x")}>`;
const typeOf = (v: HloValue): string => typeText(v.shape, v.type);
const list = (numbers: readonly number[]): string => `[${numbers.join(", ")}]`;
const arrayText = (numbers: readonly number[]): string => (numbers.length ? `array<i64: ${numbers.join(", ")}>` : "array<i64>");

const bits = new DataView(new ArrayBuffer(4));
/** A number as text that parses to the same bits. */
function numberText(value: number | bigint, type: HloElementType): string {
  if (type !== "f32") return String(value);
  bits.setFloat32(0, Number(value));
  return `0x${bits.getUint32(0).toString(16).toUpperCase().padStart(8, "0")}`;
}

const hex = (data: TypedArray): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex").toUpperCase();
const isSplat = (data: TypedArray): boolean => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const width = data.BYTES_PER_ELEMENT;
  for (let i = width; i < bytes.length; i++) if (bytes[i] !== bytes[i % width]) return false;
  return true;
};

type Comparison = "EQ" | "NE" | "LT" | "LE" | "GT" | "GE";
type Reducer = "add" | "maximum" | "minimum" | "or";

export class HloWriter {
  readonly #lines: string[] = [];
  #count = 0;
  /** Constants by what they are, each written once. */
  readonly #constants = new Map<string, HloValue>();
  /** Least and greatest of indices, by the value that holds them and the size of the axis. */
  readonly #checks = new Map<string, IndexCheck & { readonly least: HloValue; readonly most: HloValue }>();

  get body(): string {
    return this.#lines.join("\n");
  }

  name(): string {
    return `%v${this.#count++}`;
  }
  /** An instruction of one result; its type is not part of `text`. */
  line(text: string, shape: Shape, type: HloElementType): HloValue {
    const value = { name: this.name(), shape, type };
    this.#lines.push(`    ${value.name} = ${text}`);
    return value;
  }
  /** An instruction of several results. */
  lines(text: string, results: readonly { readonly shape: Shape; readonly type: HloElementType }[]): HloValue[] {
    const name = this.name();
    this.#lines.push(`    ${name}:${results.length} = ${text}`);
    return results.map((r, i) => ({ ...r, name: `${name}#${i}` }));
  }

  /** A scalar. */
  scalar(value: number | bigint, type: HloElementType): HloValue {
    const text = `stablehlo.constant dense<${numberText(value, type)}> : ${typeText([], type)}`;
    const known = this.#constants.get(text) ?? this.line(text, [], type);
    this.#constants.set(text, known);
    return known;
  }
  full(value: number | bigint, shape: Shape, type: HloElementType): HloValue {
    return this.broadcast(this.scalar(value, type), shape);
  }
  constant(data: TypedArray, shape: Shape, dtype: DType): HloValue {
    // bits of a bool are packed in some versions of the text and not in others: bytes mean the same in all
    if (dtype === "bool") return this.convert(this.constant(data, shape, "u8"), "i1");
    const type = elementTypes[dtype];
    if (data.length === 0) return this.line(`stablehlo.constant dense<> : ${typeText(shape, type)}`, shape, type);
    const digits = hex(isSplat(data) ? (data.subarray(0, 1) as TypedArray) : data);
    return this.line(`stablehlo.constant dense<"0x${digits}"> : ${typeText(shape, type)}`, shape, type);
  }

  unary(op: string, x: HloValue): HloValue {
    return this.line(`stablehlo.${op} ${x.name} : ${typeOf(x)}`, x.shape, x.type);
  }
  /** Of two values of one shape and type, or one of which is a scalar. */
  binary(op: string, a: HloValue, b: HloValue): HloValue {
    const shape = a.shape.length >= b.shape.length ? a.shape : b.shape;
    const [x, y] = [this.broadcast(a, shape), this.broadcast(b, shape)];
    return this.line(`stablehlo.${op} ${x.name}, ${y.name} : ${typeOf(x)}`, shape, x.type);
  }
  compare(how: Comparison, a: HloValue, b: HloValue): HloValue {
    const shape = a.shape.length >= b.shape.length ? a.shape : b.shape;
    const [x, y] = [this.broadcast(a, shape), this.broadcast(b, shape)];
    return this.line(
      `stablehlo.compare ${how}, ${x.name}, ${y.name} : (${typeOf(x)}, ${typeOf(y)}) -> ${typeText(shape, "i1")}`,
      shape,
      "i1",
    );
  }
  select(condition: HloValue, a: HloValue, b: HloValue): HloValue {
    const shape = [condition, a, b].map(v => v.shape).reduce((s, t) => (t.length > s.length ? t : s));
    const [c, x, y] = [condition, a, b].map(v => this.broadcast(v, shape)) as [HloValue, HloValue, HloValue];
    return this.line(`stablehlo.select ${c.name}, ${x.name}, ${y.name} : ${typeOf(c)}, ${typeOf(x)}`, shape, x.type);
  }
  convert(x: HloValue, type: HloElementType): HloValue {
    if (x.type === type) return x;
    return this.line(`stablehlo.convert ${x.name} : (${typeOf(x)}) -> ${typeText(x.shape, type)}`, x.shape, type);
  }
  bitcast(x: HloValue, type: HloElementType): HloValue {
    return this.line(`stablehlo.bitcast_convert ${x.name} : (${typeOf(x)}) -> ${typeText(x.shape, type)}`, x.shape, type);
  }

  reshape(x: HloValue, shape: Shape): HloValue {
    if (sameShape(x.shape, shape)) return x;
    return this.line(`stablehlo.reshape ${x.name} : (${typeOf(x)}) -> ${typeText(shape, x.type)}`, shape, x.type);
  }
  /** By NumPy's rule: axes are matched from the last, an axis of 1 is repeated. */
  broadcast(x: HloValue, shape: Shape): HloValue {
    if (sameShape(x.shape, shape)) return x;
    const axes = x.shape.map((_, i) => i + shape.length - x.shape.length);
    return this.line(
      `stablehlo.broadcast_in_dim ${x.name}, dims = ${list(axes)} : (${typeOf(x)}) -> ${typeText(shape, x.type)}`,
      shape,
      x.type,
    );
  }
  transpose(x: HloValue, permutation: readonly number[]): HloValue {
    const shape = permutation.map(p => x.shape[p]!);
    return this.line(
      `stablehlo.transpose ${x.name}, dims = ${list(permutation)} : (${typeOf(x)}) -> ${typeText(shape, x.type)}`,
      shape,
      x.type,
    );
  }
  slice(x: HloValue, start: readonly number[], stop: readonly number[], step: readonly number[]): HloValue {
    const shape = start.map((a, i) => Math.ceil((stop[i]! - a) / step[i]!));
    if (start.length === 0) return x;
    const ranges = start.map((a, i) => `${a}:${stop[i]}:${step[i]}`).join(", ");
    return this.line(`stablehlo.slice ${x.name} [${ranges}] : (${typeOf(x)}) -> ${typeText(shape, x.type)}`, shape, x.type);
  }
  pad(x: HloValue, value: HloValue, before: readonly number[], after: readonly number[]): HloValue {
    const shape = x.shape.map((d, i) => d + before[i]! + after[i]!);
    const inside = list(x.shape.map(() => 0));
    return this.line(
      `stablehlo.pad ${x.name}, ${value.name}, low = ${list(before)}, high = ${list(after)}, interior = ${inside} : ` +
        `(${typeOf(x)}, ${typeOf(value)}) -> ${typeText(shape, x.type)}`,
      shape,
      x.type,
    );
  }
  concat(values: readonly HloValue[], axis: number): HloValue {
    const [first] = values;
    const shape = first!.shape.map((d, i) => (i === axis ? values.reduce((sum, v) => sum + v.shape[axis]!, 0) : d));
    const names = values.map(v => v.name).join(", ");
    return this.line(
      `stablehlo.concatenate ${names}, dim = ${axis} : (${values.map(typeOf).join(", ")}) -> ${typeText(shape, first!.type)}`,
      shape,
      first!.type,
    );
  }
  iota(shape: Shape, axis: number, type: HloElementType): HloValue {
    return this.line(`stablehlo.iota dim = ${axis} : ${typeText(shape, type)}`, shape, type);
  }

  /** Over some axes, which are gone from the result. */
  reduce(op: Reducer, x: HloValue, start: HloValue, axes: readonly number[]): HloValue {
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    return this.line(
      `stablehlo.reduce(${x.name} init: ${start.name}) applies stablehlo.${op} across dimensions = ${list(axes)} : ` +
        `(${typeOf(x)}, ${typeOf(start)}) -> ${typeText(shape, x.type)}`,
      shape,
      x.type,
    );
  }
  /** An instruction with one region over scalars, in the generic form. */
  #region(
    op: string,
    inputs: readonly HloValue[],
    attributes: string,
    types: readonly HloElementType[],
    results: readonly { readonly shape: Shape; readonly type: HloElementType }[],
    body: (inner: HloWriter, given: readonly HloValue[]) => readonly HloValue[],
  ): HloValue[] {
    const inner = new HloWriter();
    inner.#count = this.#count;
    const given = types.map(type => ({ name: inner.name(), shape: [], type }));
    const out = body(inner, given);
    this.#count = inner.#count;
    const block = `^bb0(${given.map(v => `${v.name}: ${typeOf(v)}`).join(", ")}):`;
    const end = `stablehlo.return ${out.map(v => v.name).join(", ")} : ${out.map(typeOf).join(", ")}`;
    const signature = `(${inputs.map(typeOf).join(", ")}) -> (${results.map(r => typeText(r.shape, r.type)).join(", ")})`;
    const text = `"stablehlo.${op}"(${inputs.map(v => v.name).join(", ")}) <{${attributes}}> ({\n    ${block}\n${inner.body}\n    ${end}\n    }) : ${signature}`;
    return this.lines(text, results);
  }

  /** Place of the greatest element along an axis, the first of equals, as i32. `x` has no NaN. */
  argmax(x: HloValue, least: HloValue, axis: number): HloValue {
    const places = this.iota(x.shape, axis, "i32");
    const shape = x.shape.filter((_, i) => i !== axis);
    const results = [x.type, "i32" as const].map(type => ({ shape, type }));
    const end = this.scalar(2 ** 31 - 1, "i32");
    const types = [x.type, "i32", x.type, "i32"] as const;
    return this.#region("reduce", [x, places, least, end], `dimensions = ${arrayText([axis])}`, types, results, (inner, [a, i, b, j]) => {
      const isEarlier = inner.binary("and", inner.compare("EQ", a!, b!), inner.compare("LT", i!, j!));
      const isFirst = inner.binary("or", inner.compare("GT", a!, b!), isEarlier);
      return [inner.select(isFirst, a!, b!), inner.select(isFirst, i!, j!)];
    })[1]!;
  }

  gather(x: HloValue, index: HloValue, numbers: GatherNumbers, sliceSizes: readonly number[], shape: Shape): HloValue {
    const dimensions = Object.entries(numbers)
      .filter(([, v]) => typeof v === "number" || v.length > 0)
      .map(([k, v]) => `${k} = ${typeof v === "number" ? v : list(v as readonly number[])}`)
      .join(", ");
    return this.line(
      `"stablehlo.gather"(${x.name}, ${index.name}) <{dimension_numbers = #stablehlo.gather<${dimensions}>, ` +
        `slice_sizes = ${arrayText(sliceSizes)}, indices_are_sorted = false}> : (${typeOf(x)}, ${typeOf(index)}) -> ${typeText(shape, x.type)}`,
      shape,
      x.type,
    );
  }
  /** x with updates added, or in place of what was there. */
  scatter(mode: "add" | "set", x: HloValue, index: HloValue, updates: HloValue, numbers: ScatterNumbers): HloValue {
    const dimensions = Object.entries(numbers)
      .filter(([, v]) => typeof v === "number" || v.length > 0)
      .map(([k, v]) => `${k} = ${typeof v === "number" ? v : list(v as readonly number[])}`)
      .join(", ");
    const attributes = `scatter_dimension_numbers = #stablehlo.scatter<${dimensions}>, indices_are_sorted = false, unique_indices = false`;
    return this.#region("scatter", [x, index, updates], attributes, [x.type, x.type], [x], (inner, [old, update]) => [
      mode === "add" ? inner.binary("add", old!, update!) : update!,
    ])[0]!;
  }

  /** Sums of products over one axis of each side; the result has the batch axes, then the other axes of a, then those of b. */
  dot(a: HloValue, b: HloValue, { batch, contract, type, precise }: DotOptions): HloValue {
    const free = (v: HloValue, axis: number, used: number) => v.shape.filter((_, i) => i >= used && i !== axis);
    const shape = [...a.shape.slice(0, batch), ...free(a, contract[0], batch), ...free(b, contract[1], batch)];
    const axes = Array.from({ length: batch }, (_, i) => i);
    const batching = batch ? `batching_dims = ${list(axes)} x ${list(axes)}, ` : "";
    const precision = precise ? ", precision = [HIGHEST, HIGHEST]" : "";
    return this.line(
      `stablehlo.dot_general ${a.name}, ${b.name}, ${batching}contracting_dims = [${contract[0]}] x [${contract[1]}]${precision} : ` +
        `(${typeOf(a)}, ${typeOf(b)}) -> ${typeText(shape, type)}`,
      shape,
      type,
    );
  }

  /** Error function; of the dialect that XLA reads beside StableHLO. */
  erf(x: HloValue): HloValue {
    return this.line(`"chlo.erf"(${x.name}) : (${typeOf(x)}) -> ${typeOf(x)}`, x.shape, x.type);
  }
  /** The first of the values, not before the others are there. */
  barrier(values: readonly HloValue[]): HloValue {
    return this.lines(
      `stablehlo.optimization_barrier ${values.map(v => v.name).join(", ")} : ${values.map(typeOf).join(", ")}`,
      values.map(({ shape, type }) => ({ shape, type })),
    )[0]!;
  }

  /** Indices are looked at when the program has run: from 0 to below `size`. */
  checkIndex(place: string, index: HloValue, size: number): void {
    const key = `${index.name} ${size}`;
    if (this.#checks.has(key) || index.shape.includes(0)) return;
    const axes = index.shape.map((_, i) => i);
    const limits = index.type === "i64" ? [2n ** 63n - 1n, -(2n ** 63n)] : [2 ** 31 - 1, -(2 ** 31)];
    const [least, most] = (["minimum", "maximum"] as const).map((op, i) =>
      this.convert(axes.length ? this.reduce(op, index, this.scalar(limits[i]!, index.type), axes) : index, "i64"),
    );
    this.#checks.set(key, { place, size, least: least!, most: most! });
  }
  /** What was asked to be looked at, and the least and greatest of each, one after another; undefined where nothing was. */
  checks(): { readonly checks: readonly IndexCheck[]; readonly value: HloValue } | undefined {
    if (this.#checks.size === 0) return undefined;
    const all = [...this.#checks.values()];
    const value = this.concat(
      all.flatMap(c => [c.least, c.most].map(v => this.reshape(v, [1]))),
      0,
    );
    return { checks: all.map(({ place, size }) => ({ place, size })), value };
  }
}

interface GatherNumbers {
  readonly offset_dims: readonly number[];
  readonly collapsed_slice_dims: readonly number[];
  readonly operand_batching_dims?: readonly number[];
  readonly start_indices_batching_dims?: readonly number[];
  readonly start_index_map: readonly number[];
  readonly index_vector_dim: number;
}
interface ScatterNumbers {
  readonly update_window_dims: readonly number[];
  readonly inserted_window_dims: readonly number[];
  readonly input_batching_dims?: readonly number[];
  readonly scatter_indices_batching_dims?: readonly number[];
  readonly scatter_dims_to_operand_dims: readonly number[];
  readonly index_vector_dim: number;
}
interface DotOptions {
  /** So many leading axes of both sides stand for themselves. */
  readonly batch: number;
  readonly contract: readonly [a: number, b: number];
  readonly type: HloElementType;
  /** Operands of f32 are not rounded, on devices that would. */
  readonly precise: boolean;
}
