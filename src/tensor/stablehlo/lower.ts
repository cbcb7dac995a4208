/**
 * Lowering to StableHLO: for each operation, the instructions that compute it. A total table. Composites are written with other operations
 * (expand.ts) where they stand, in float32; XLA joins what is then there twice and fuses the rest. Arithmetic on f16 and bf16 is done in f32 and
 * rounded once, as the reference does.
 */

import type { ProductDType } from "../backend.ts";
import { reachable } from "../body.ts";
import { type DType, integerRanges, isFloat, isInt, sizeOf } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import { type CompositeKind, expansions } from "../expand.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { mixConstants, positionBase } from "../random-bits.ts";
import { broadcastShapes, normalAxis, type Shape, stridesOf } from "../shape.ts";
import { input, isKind, type Tensor } from "../tensor.ts";
import { elementTypes, type HloElementType, type HloValue, type HloWriter } from "./writer.ts";

/** What a lowering depends on beside the program. */
export interface LoweringOptions {
  /** What products of matrices round their f32 operands to. */
  readonly products?: ProductDType;
  /** Factors of 16 bits are multiplied as the f32 numbers that they are: the same results, on devices that lack such products (XLA on the processor). */
  readonly widensFactors?: boolean;
}

interface Given<K extends OpKind> {
  readonly h: HloWriter;
  readonly inputs: readonly HloValue[];
  readonly node: Tensor<K>;
  readonly attributes: OpAttributes[K];
  readonly options: LoweringOptions;
}
type Rule<K extends OpKind> = (given: Given<K>) => HloValue;
type AnyRule = <K extends OpKind>(given: Given<K>) => HloValue;

const is16 = (type: HloElementType): boolean => type === "f16" || type === "bf16";
const widen = (h: HloWriter, x: HloValue): HloValue => (is16(x.type) ? h.convert(x, "f32") : x);
const typeOfNode = (t: Tensor): HloElementType => elementTypes[t.dtype];

/** Computed in f32 where the operands have 16 bits. */
const wide =
  <K extends OpKind>(rule: Rule<K>): Rule<K> =>
  given => {
    const { h, inputs, node } = given;
    return h.convert(rule({ ...given, inputs: inputs.map(x => widen(h, x)) }), typeOfNode(node));
  };

const first: AnyRule = ({ inputs }) => inputs[0]!;
const unary = (op: string): AnyRule => wide(({ h, inputs: [x] }) => h.unary(op, x!));
const broadcastAll = (h: HloWriter, values: readonly HloValue[], shape: Shape) => values.map(v => h.broadcast(v, shape));
const binary = (op: string): AnyRule =>
  wide(({ h, inputs, node }) => {
    const [a, b] = broadcastAll(h, inputs, node.shape);
    return h.binary(op, a!, b!);
  });
const compare =
  (how: "EQ" | "LT" | "LE"): AnyRule =>
  ({ h, inputs, node }) => {
    const [a, b] = broadcastAll(h, inputs, node.shape);
    return h.compare(how, a!, b!);
  };

/** The least number of a type, and where infinity exists, its negative. */
function leastOf(h: HloWriter, type: HloElementType): HloValue {
  if (type === "f32") return h.scalar(Number.NEGATIVE_INFINITY, "f32");
  if (type === "i64") return h.scalar(-(2n ** 63n), "i64");
  return h.scalar({ i8: -128, ui8: 0, i32: -(2 ** 31) }[type as "i8" | "ui8" | "i32"], type);
}

const keepAxes = (h: HloWriter, x: HloValue, node: Tensor): HloValue => h.reshape(x, node.shape);

/** Sums of i32 end at the ends of their range, those of smaller integers wrap. Sums of i64 wrap: there is no wider type. */
const sum: Rule<"sum"> = wide(({ h, inputs: [x], node, attributes: { axes } }) => {
  if (!axes.length) return x!;
  const inside: HloElementType = ({ i8: "i32", ui8: "i32", i32: "i64" }[x!.type as string] as HloElementType | undefined) ?? x!.type;
  const total = h.reduce("add", h.convert(x!, inside), h.scalar(0, inside), axes);
  if (x!.type !== "i32") return keepAxes(h, h.convert(total, x!.type), node);
  const [least, most] = integerRanges.i32!;
  const within = h.binary("minimum", h.binary("maximum", total, h.scalar(least, "i64")), h.scalar(most, "i64"));
  return keepAxes(h, h.convert(within, "i32"), node);
});

/** a / b of integers for every a and b, as NumPy defines it: a / 0 = 0; the least number / -1 wraps by itself. */
const divideIntegers: AnyRule = ({ h, inputs, node }) => {
  const [a, b] = broadcastAll(h, inputs, node.shape);
  const zero = h.full(0, node.shape, a!.type);
  return h.select(h.compare("EQ", b!, zero), zero, h.binary("divide", a!, b!));
};

/** Floats as integers: truncated toward zero, saturated at the ends, NaN as 0. */
function castToInteger(h: HloWriter, x: HloValue, to: DType): HloValue {
  const type = elementTypes[to];
  const [least, most] = integerRanges[to]!;
  const scalar = (value: number) => h.scalar(value, "f32");
  if (to === "i8" || to === "u8") {
    const within = h.binary("minimum", h.binary("maximum", x, scalar(least)), scalar(most));
    return h.convert(h.select(h.compare("EQ", x, x), within, h.full(0, x.shape, "f32")), type);
  }
  const limit = scalar(-least); // 2^31 and 2^63 are floats, the greatest numbers below them are none
  const [isAbove, isBelow] = [h.compare("GE", x, limit), h.compare("LT", x, scalar(least))];
  const isWithin = h.binary("and", h.compare("LT", x, limit), h.compare("GE", x, scalar(least)));
  const whole = h.convert(h.select(isWithin, x, h.full(0, x.shape, "f32")), type);
  const [top, bottom] = to === "i64" ? [2n ** 63n - 1n, -(2n ** 63n)] : [2 ** 31 - 1, -(2 ** 31)];
  return h.select(isAbove, h.full(top, x.shape, type), h.select(isBelow, h.full(bottom, x.shape, type), whole));
}

const cast: Rule<"cast"> = ({ h, inputs: [x], node, attributes: { dtype } }) => {
  const from = node.inputs[0]!.dtype;
  if (from === dtype) return x!;
  const value = widen(h, x!);
  // NaN is not "not zero" in the reference
  if (dtype === "bool")
    return isFloat(from) ? h.compare("GT", h.unary("abs", value), h.scalar(0, "f32")) : h.compare("NE", value, h.scalar(0, value.type));
  if (isFloat(from) && isInt(dtype)) return castToInteger(h, value, dtype);
  const type = elementTypes[dtype];
  return h.convert(is16(type) ? h.convert(value, "f32") : value, type);
};

/** As the reference: NaN is never greater than what came before it, and nothing is greater than a NaN in the first place. */
const argmax: Rule<"argmax"> = ({ h, inputs: [given], attributes }) => {
  const x = widen(h, given!);
  const axis = normalAxis("argmax", attributes.axis, x.shape.length);
  const least = leastOf(h, x.type);
  let numbers = x;
  if (x.type === "f32") {
    const isFirst = h.compare("EQ", h.iota(x.shape, axis, "i32"), h.scalar(0, "i32"));
    const instead = h.select(isFirst, h.full(Number.POSITIVE_INFINITY, x.shape, "f32"), h.broadcast(least, x.shape));
    numbers = h.select(h.compare("EQ", x, x), x, instead);
  }
  return h.convert(h.argmax(numbers, least, axis), "i64");
};

/** Each step adds what stands 1, 2, 4 ... places before: as many steps as the length has binary digits (Hillis and Steele, 1986). */
const cumsum: Rule<"cumsum"> = wide(({ h, inputs: [x], attributes }) => {
  const { shape } = x!;
  const axis = normalAxis("cumsum", attributes.axis, shape.length);
  const length = shape[axis]!;
  const zero = h.scalar(0, "f32");
  const along = (n: number) => shape.map((_, i) => (i === axis ? n : 0));
  let total = x!;
  for (let by = 1; by < length; by *= 2) {
    const [start, stop] = attributes.reverse ? [along(by), shape] : [along(0), shape.map((d, i) => (i === axis ? d - by : d))];
    const part = h.slice(
      total,
      start,
      stop,
      shape.map(() => 1),
    );
    const moved = attributes.reverse ? h.pad(part, zero, along(0), along(by)) : h.pad(part, zero, along(by), along(0));
    total = h.binary("add", total, moved);
  }
  return total;
});

/** Indices of an axis, looked at now where they are constants and by the program where they are not. */
function checkedIndex(h: HloWriter, node: Tensor, index: HloValue, size: number): void {
  const of = node.inputs[1]!;
  if (!isKind(of, "constant")) {
    h.checkIndex(node.kind, index, size);
    return;
  }
  const outside = Array.from(of.attributes.data as ArrayLike<number | bigint>, Number).find(i => !(i >= 0 && i < size));
  if (outside !== undefined) throw indexError(node.kind, size, outside);
}

/** The error for an index outside its axis. */
export const indexError = (place: string, size: number, received: number) =>
  tensorErrors.fail("index", {
    place,
    expected: `indices from 0 to ${size - 1}`,
    received: `${received}`,
    hint: "Negative indices do not count from the end. Check the tokens, labels or rows that are passed.",
  });

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

const gather: Rule<"gather"> = ({ h, inputs: [x, index], node, attributes }) => {
  const axis = normalAxis("gather", attributes.axis, x!.shape.length);
  checkedIndex(h, node, index!, x!.shape[axis]!);
  const [rank, places] = [x!.shape.length, index!.shape.length];
  const numbers = {
    offset_dims: [...range(0, axis), ...range(axis + places, rank - 1 + places)],
    collapsed_slice_dims: [axis],
    start_index_map: [axis],
    index_vector_dim: places,
  };
  return h.gather(
    x!,
    index!,
    numbers,
    x!.shape.map((d, i) => (i === axis ? 1 : d)),
    node.shape,
  );
};

const takeAlong: Rule<"takeAlong"> = ({ h, inputs: [x, index], node, attributes }) => {
  const rank = x!.shape.length;
  const axis = normalAxis("takeAlong", attributes.axis, rank);
  checkedIndex(h, node, index!, x!.shape[axis]!);
  const others = range(0, rank).filter(i => i !== axis);
  const numbers = {
    offset_dims: [],
    collapsed_slice_dims: [axis],
    operand_batching_dims: others,
    start_indices_batching_dims: others,
    start_index_map: [axis],
    index_vector_dim: rank,
  };
  return h.gather(
    x!,
    index!,
    numbers,
    x!.shape.map(() => 1),
    node.shape,
  );
};

const scatterRows: Rule<"scatterRows"> = wide(({ h, inputs: [x, index, rows], node, attributes: { mode } }) => {
  checkedIndex(h, node, index!, x!.shape[0]!);
  if (rows!.shape.includes(0)) return x!;
  const places = index!.shape.length;
  return h.scatter(mode, x!, index!, rows!, {
    update_window_dims: range(places, rows!.shape.length),
    inserted_window_dims: [0],
    scatter_dims_to_operand_dims: [0],
    index_vector_dim: places,
  });
});

const putAlong: Rule<"putAlong"> = wide(({ h, inputs: [x, index, updates], node, attributes }) => {
  const rank = x!.shape.length;
  const axis = normalAxis("putAlong", attributes.axis, rank);
  checkedIndex(h, node, index!, x!.shape[axis]!);
  if (updates!.shape.includes(0)) return x!;
  const others = range(0, rank).filter(i => i !== axis);
  return h.scatter("add", x!, index!, updates!, {
    update_window_dims: [],
    inserted_window_dims: [axis],
    input_batching_dims: others,
    scatter_indices_batching_dims: others,
    scatter_dims_to_operand_dims: [axis],
    index_vector_dim: rank,
  });
});

/** Products smaller than this keep their operands: rounding them saves nothing. */
const leastRoundedProduct = 2 ** 15;

const matmul: Rule<"matmul"> = ({ h, inputs: [a, b], node, attributes: { transposeA, transposeB, alpha }, options }) => {
  const type = typeOfNode(node);
  const contracted = a!.shape.at(transposeA ? -2 : -1)!;
  const { products = "f32" } = options;
  const rounds = type === "f32" && sizeOf(node.shape) * contracted >= leastRoundedProduct;
  const factor = (v: HloValue): HloValue => {
    const rounded = rounds ? h.convert(v, products) : v;
    return options.widensFactors ? widen(h, rounded) : rounded;
  };
  let [x, y] = [factor(a!), factor(b!)];
  const batchOf = (v: HloValue) => v.shape.slice(0, -2);
  let batch = 0;
  // one matrix on the right: the leading axes of the left are rows like any other
  if (sizeOf(batchOf(y)) === 1) y = h.reshape(y, y.shape.slice(-2));
  else {
    const shape = broadcastShapes("matmul", batchOf(x), batchOf(y));
    [x, y] = [x, y].map(v => h.broadcast(v, [...shape, ...v.shape.slice(-2)])) as [HloValue, HloValue];
    batch = shape.length;
  }
  const contract = [x.shape.length - (transposeA ? 2 : 1), y.shape.length - (transposeB ? 1 : 2)] as const;
  const product = h.dot(x, y, { batch, contract, type: "f32", precise: x.type === "f32" });
  const scaled = alpha === 1 ? product : h.binary("multiply", product, h.scalar(alpha, "f32"));
  return h.convert(h.reshape(scaled, node.shape), type);
};

/** x ^ (x >> n) on 32-bit words, and the avalanche of random-bits.ts. */
function mixWord(h: HloWriter, word: HloValue): HloValue {
  const c = mixConstants;
  const shifted = (x: HloValue, n: number) => h.binary("xor", x, h.binary("shift_right_logical", x, h.full(n, x.shape, "ui32")));
  const times = (x: HloValue, k: number) => h.binary("multiply", x, h.full(k >>> 0, x.shape, "ui32"));
  return shifted(times(shifted(times(shifted(word, c.shift1), c.multiply1), c.shift2), c.multiply2), c.shift3);
}

/** Places of elements in their stream: one after the other, or those of a window of a larger array. */
function streamPlaces(h: HloWriter, { shape, window }: OpAttributes["randomUniform"]): HloValue {
  const size = sizeOf(shape);
  if (!window) return h.iota([size], 0, "ui32");
  const strides = stridesOf(window.of);
  const first = window.start.reduce((sum, at, i) => sum + at * strides[i]!, 0);
  const along = (i: number) => h.binary("multiply", h.iota(window.size, i, "ui32"), h.full(strides[i]!, window.size, "ui32"));
  const places = window.size.reduce((sum, _, i) => h.binary("add", sum, along(i)), h.full(first, window.size, "ui32"));
  return h.reshape(places, [size]);
}

const randomUniform: Rule<"randomUniform"> = ({ h, inputs: [seed], attributes }) => {
  const { shape, stream } = attributes;
  const size = sizeOf(shape);
  const positions = h.binary("add", streamPlaces(h, attributes), h.full(positionBase(stream), [size], "ui32"));
  const mixed = mixWord(h, h.binary("xor", mixWord(h, positions), mixWord(h, h.bitcast(seed!, "ui32"))));
  const bits = h.convert(h.binary("shift_right_logical", mixed, h.full(8, [size], "ui32")), "f32");
  return h.reshape(h.binary("multiply", bits, h.scalar(1 / 16777216, "f32")), shape);
};

/** Written with other operations, over operands of f32 in place of 16 bits. */
const expanded: AnyRule = given => {
  const { h, inputs, node, options } = given;
  const operands = inputs.map(x => widen(h, x));
  const stand = node.inputs.map((x, i) => input(`operand${i}`, x.shape, is16(inputs[i]!.type) ? "f32" : x.dtype));
  const expand = expansions[node.kind as CompositeKind] as (inputs: readonly Tensor[], attributes: unknown) => Tensor;
  const values = new Map<Tensor, HloValue>(stand.map((t, i) => [t, operands[i]!]));
  return h.convert(lowerNodes(h, [expand(stand, node.attributes)], values, options)[0]!, typeOfNode(node));
};
/** The same over operands as they are: what is inside says its own types. */
const inlined: AnyRule = given => {
  const { h, inputs, node, options } = given;
  const expand = expansions[node.kind as CompositeKind] as (inputs: readonly Tensor[], attributes: unknown) => Tensor;
  const values = new Map<Tensor, HloValue>(node.inputs.map((t, i) => [t, inputs[i]!]));
  return lowerNodes(h, [expand(node.inputs, node.attributes)], values, options)[0]!;
};

/** Ranks meet between programs (shard/run-sharded.ts), never within one. */
const ofOneRank: Rule<"allReduce" | "allGather" | "reduceScatter"> = ({ inputs: [x], attributes: { axis, ranks } }) => {
  if (ranks === 1) return x!;
  throw tensorErrors.fail("mesh", {
    place: "program",
    expected: "a program of one rank",
    received: `a collective of ${ranks} ranks along "${axis}"`,
    hint: "Run it with runSharded, which cuts it where ranks meet.",
  });
};

const lowerToHlo: { readonly [K in Exclude<OpKind, "input">]: Rule<K> } = {
  constant: ({ h, attributes: { data, shape, dtype } }) => h.constant(data, shape, dtype),
  identity: first,
  stopGradient: first,
  neg: unary("negate"),
  abs: unary("abs"),
  sign: unary("sign"),
  exp: unary("exponential"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  sin: unary("sine"),
  cos: unary("cosine"),
  tanh: unary("tanh"),
  erf: wide(({ h, inputs: [x] }) => h.erf(x!)),
  sigmoid: unary("logistic"),
  floor: unary("floor"),
  not: unary("not"),
  cast,

  add: binary("add"),
  sub: binary("subtract"),
  mul: binary("multiply"),
  div: given => (isFloat(given.node.dtype) ? binary("divide")(given) : divideIntegers(given)),
  pow: binary("power"),
  maximum: binary("maximum"),
  minimum: binary("minimum"),
  equal: compare("EQ"),
  less: compare("LT"),
  lessEqual: compare("LE"),
  and: binary("and"),
  or: binary("or"),
  select: ({ h, inputs, node }) => {
    const [condition, a, b] = broadcastAll(h, inputs, node.shape);
    return h.select(condition!, a!, b!);
  },

  reshape: ({ h, inputs: [x], node }) => h.reshape(x!, node.shape),
  transpose: ({ h, inputs: [x], attributes: { permutation } }) => h.transpose(x!, permutation),
  broadcastTo: ({ h, inputs: [x], node }) => h.broadcast(x!, node.shape),
  slice: ({ h, inputs: [x], attributes: { start, stop, step } }) => h.slice(x!, start, stop, step),
  pad: wide(({ h, inputs: [x], attributes: { before, after, value } }) => h.pad(x!, h.scalar(value, x!.type), before, after)),
  concat: ({ h, inputs, attributes: { axis } }) => h.concat(inputs, normalAxis("concat", axis, inputs[0]!.shape.length)),

  sum,
  max: wide(({ h, inputs: [x], node, attributes: { axes } }) =>
    axes.length ? keepAxes(h, h.reduce("maximum", x!, leastOf(h, x!.type), axes), node) : x!,
  ),
  argmax,
  cumsum,

  gather,
  takeAlong,
  scatterRows,
  putAlong,
  matmul,
  randomUniform,
  barrier: ({ h, inputs }) => h.barrier(inputs),
  allReduce: ofOneRank,
  allGather: ofOneRank,
  reduceScatter: ofOneRank,
  call: inlined,
  custom: inlined,

  mean: expanded,
  softmax: expanded,
  logSumExp: expanded,
  gelu: expanded,
  silu: expanded,
  relu: expanded,
  squaredRelu: expanded,
  rotary: expanded,
  matmulAdd: expanded,
  matmulBlocks: expanded,
  matmulRows: expanded,
  layerNorm: expanded,
  rmsNorm: expanded,
  attention: expanded,
  flashAttention: expanded,
  flashLogSum: expanded,
  flashGradient: expanded,
};

/** Composites that reach the lowering as they are. */
export const hloComposites: ReadonlySet<OpKind> = new Set<OpKind>((Object.keys(expansions) as OpKind[]).filter(kind => kind !== "call"));

/** Lowers everything that some tensors are computed from; `values` are there already. */
export function lowerNodes(h: HloWriter, outputs: readonly Tensor[], values: Map<Tensor, HloValue>, options: LoweringOptions): HloValue[] {
  for (const node of reachable(outputs, 0, values)) {
    if (values.has(node) || isKind(node, "input")) continue;
    const rule = lowerToHlo[node.kind as Exclude<OpKind, "input">] as Rule<OpKind>;
    const inputs = node.inputs.map(x => values.get(x)!);
    values.set(node, rule({ h, inputs, node, attributes: node.attributes, options }));
  }
  return outputs.map(t => values.get(t)!);
}
