/**
 * Lowering: for each operation, the ONNX nodes that compute it. A total table; composites that stand in `native` are lowered whole, the
 * others never reach it. Which dtypes a kernel of ONNX Runtime's CPU provider takes is a column of its own: other dtypes are computed in
 * a wider one and cast back, so bf16 and f16 work as storage everywhere.
 * Sources: ONNX operator specification (opset 21), ONNX Runtime's contrib operators.
 */
import { type DType, dtypeTable, integerRanges, isFloat, isInt, sizeOf, type TypedArray } from "../dtype.ts";
import { elementsOf } from "../elements.ts";
import { tensorErrors } from "../errors.ts";
import { leastMagnitude } from "../expand.ts";
import { float, int, ints, string } from "../onnx/index.ts";
import {
  afterOperator,
  attentionOf,
  attentionOperator,
  flashBackwardOperator,
  flashForwardOperator,
  flashOf,
  takesFlash,
} from "../operators/index.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { mixConstants } from "../random-bits.ts";
import type { Shape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { type Emitter, onnxUint32 } from "./emitter.ts";
import { ownProduct } from "./own-product.ts";

export interface Lowered<A> {
  readonly e: Emitter;
  readonly inputs: readonly string[];
  readonly attributes: A;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly inputShapes: readonly Shape[];
  readonly inputDtypes: readonly DType[];
  /** Elements of inputs that are constants. */
  readonly inputData: readonly (TypedArray | undefined)[];
  /** Names of the operands of a product that are there as words of bf16. */
  readonly words?: readonly (string | undefined)[];
}
type Rule<A> = (l: Lowered<A>) => string;

const plain =
  (op: string): Rule<unknown> =>
  ({ e, inputs }) =>
    e.emit(op, inputs);
const contrib = "com.microsoft";
const never: Rule<unknown> = () => {
  throw new Error("lower: a composite that should have been expanded");
};

const reduce =
  (op: string): Rule<OpAttributes["sum"]> =>
  ({ e, inputs: [x], attributes: { axes, keep } }) =>
    axes.length ? e.emit(op, [x!, e.ints(axes)], { keepdims: int(keep ? 1 : 0) }) : e.emit("Identity", [x!]);

export const reshapeTo = (e: Emitter, x: string, shape: Shape): string =>
  e.emit("Reshape", [x, e.ints(shape)], shape.includes(0) ? { allowzero: int(1) } : {});

/**
 * a / b of integers for every a and b, as NumPy defines it: a / 0 = 0, and the least number / -1 wraps to itself. The processor's instruction
 * traps on both, so b is replaced there: a / 1 * factor with a factor of 0 or -1. A constant b that holds neither is divided by as it is.
 */
function divideIntegers({ e, inputs: [a, b], dtype, inputData: [, divisors] }: Lowered<unknown>): string {
  const isPlain = divisors && !Array.from(divisors as ArrayLike<number | bigint>, Number).some(x => x === 0 || x === -1);
  if (isPlain) return e.emit("Div", [a!, b!]);
  const wide = dtype === "i64" ? "i64" : "i32";
  const [zero, one, minusOne] = [e.whole(0, wide), e.whole(1, wide), e.whole(-1, wide)];
  const [isZero, isMinusOne] = [e.emit("Equal", [b!, zero]), e.emit("Equal", [b!, minusOne])];
  const divisor = e.emit("Where", [e.emit("Or", [isZero, isMinusOne]), one, b!]);
  const factor = e.emit("Where", [isZero, zero, e.emit("Where", [isMinusOne, minusOne, one])]);
  return e.emit("Mul", [e.emit("Div", [a!, divisor]), factor]);
}

/** Floats as integers, saturated at the ends of their range, NaN as 0: the bare conversion gives what the processor happens to give. */
function castToInteger(e: Emitter, x: string, from: DType, to: DType): string {
  const [least, most] = integerRanges[to]!;
  const wide = from === "f32" ? x : e.cast(x, dtypeTable.f32.onnx);
  const into = (value: string) => e.cast(value, dtypeTable[to].onnx);
  if (to === "i8" || to === "u8") {
    const isNumber = e.emit("Equal", [wide, wide]);
    const within = e.emit("Min", [e.emit("Max", [wide, e.float(least)]), e.float(most)]);
    return into(e.emit("Where", [isNumber, within, e.float(0)]));
  }
  const limit = e.float(-least); // 2^31 and 2^63 are floats, the greatest numbers below them are none
  const [isAbove, isBelow] = [e.emit("GreaterOrEqual", [wide, limit]), e.emit("Less", [wide, e.float(least)])];
  const isWithin = e.emit("And", [e.emit("Less", [wide, limit]), e.emit("GreaterOrEqual", [wide, e.float(least)])]);
  const whole = into(e.emit("Where", [isWithin, wide, e.float(0)]));
  const end = (n: bigint) => (to === "i64" ? e.constant(BigInt64Array.of(n), "i64", []) : e.constant(Int32Array.of(Number(n)), "i32", []));
  const [top, bottom] = to === "i64" ? [2n ** 63n - 1n, -(2n ** 63n)] : [2n ** 31n - 1n, -(2n ** 31n)];
  return e.emit("Where", [isAbove, end(top), e.emit("Where", [isBelow, end(bottom), whole])]);
}

/** x ^ (x >> n) on 32-bit words. */
const xorShift = (e: Emitter, x: string, n: number): string =>
  e.emit("BitwiseXor", [
    x,
    e.emit("BitShift", [x, e.cast(e.constant(Int32Array.of(n), "i32", []), onnxUint32)], { direction: string("RIGHT") }),
  ]);
/** x * k mod 2^32: the product of 32-bit words in 32-bit signed arithmetic, which wraps alike. */
const multiplyWord = (e: Emitter, x: string, k: number): string =>
  e.cast(e.emit("Mul", [e.cast(x, dtypeTable.i32.onnx), e.constant(Int32Array.of(k | 0), "i32", [])]), onnxUint32);
const mixWord = (e: Emitter, x: string): string => {
  const c = mixConstants;
  const a = multiplyWord(e, xorShift(e, x, c.shift1), c.multiply1);
  return xorShift(e, multiplyWord(e, xorShift(e, a, c.shift2), c.multiply2), c.shift3);
};

interface AddRows {
  readonly x: string;
  /** Row numbers, int64, with a last axis of size 1. */
  readonly places: string;
  readonly rows: string;
  readonly shape: Shape;
  readonly count: number;
  readonly dtype: DType;
}

/**
 * x with rows added at places that may repeat. The CPU provider's ScatterND shares rows out to threads that then add to one place at once:
 * additions get lost, and which ones differs from run to run. Pieces that are too small to be shared out are added one after the other, so the
 * table is cut into groups of columns (each addition then touches one piece, and every piece is read and written once), and the rows
 * into runs where even one column is too much.
 */
function addRows(e: Emitter, { x, places, rows, shape, count, dtype }: AddRows): string {
  const add = (table: string, at: string, by: string) => e.emit("ScatterND", [table, at, by], { reduction: string("add") });
  const columns = sizeOf(shape.slice(1));
  const elements = e.limits.sequentialBytes / dtypeTable[dtype].sizeBytes;
  if (count * columns <= elements) return add(x, places, rows);
  const wide = Math.max(1, Math.floor(elements / count));
  const long = Math.max(1, Math.floor(elements / wide));
  const part = (value: string, axis: number, from: number, to: number) =>
    e.emit("Slice", [value, e.ints([from]), e.ints([to]), e.ints([axis]), e.ints([1])]);
  const flat = {
    x: reshapeTo(e, x, [shape[0]!, columns]),
    places: reshapeTo(e, places, [count, 1]),
    rows: reshapeTo(e, rows, [count, columns]),
  };
  const pieces: string[] = [];
  for (let c = 0; c < columns; c += wide) {
    const [table, by] = [part(flat.x, 1, c, Math.min(columns, c + wide)), part(flat.rows, 1, c, Math.min(columns, c + wide))];
    let piece = table;
    if (count <= long) piece = add(piece, flat.places, by);
    else
      for (let r = 0; r < count; r += long) {
        const to = Math.min(count, r + long);
        piece = add(piece, part(flat.places, 0, r, to), part(by, 0, r, to));
      }
    pieces.push(piece);
  }
  return reshapeTo(e, pieces.length === 1 ? pieces[0]! : e.emit("Concat", pieces, { axis: int(1) }), shape);
}

/** Ranks meet between programs (shard/run-sharded.ts), never within one. */
const ofOneRank: Rule<{ readonly axis: string; readonly ranks: number }> = ({ e, inputs: [x], attributes: { axis, ranks } }) => {
  if (ranks === 1) return e.emit("Identity", [x!]);
  throw tensorErrors.fail("mesh", {
    place: "program",
    expected: "a program of one rank",
    received: `a collective of ${ranks} ranks along "${axis}"`,
    hint: "Run it with runSharded, which cuts it where ranks meet.",
  });
};

const flashForm = (e: Emitter) => (e.limits.products === "bf16" ? "bf16" : "f32");
/** The result of attention and its log sums; what the operator does not take was expanded. */
const flashForward = ({ e, inputs, attributes, inputShapes }: Lowered<OpAttributes["flashAttention"]>): readonly string[] =>
  e.shared(flashForwardOperator(flashOf(flashForm(e), inputShapes, inputs.length - 3, attributes)!), inputs);

export const lower: { readonly [K in Exclude<OpKind, "input">]: Rule<OpAttributes[K]> } = {
  constant: ({ e, attributes: { data, shape, dtype } }) => e.constant(data, dtype, shape),
  identity: plain("Identity"),
  stopGradient: plain("Identity"),
  neg: plain("Neg"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  sin: plain("Sin"),
  cos: plain("Cos"),
  tanh: plain("Tanh"),
  erf: plain("Erf"),
  sigmoid: plain("Sigmoid"),
  floor: plain("Floor"),
  not: plain("Not"),
  cast: ({ e, inputs: [x], inputDtypes: [from], attributes: { dtype } }) =>
    isFloat(from!) && isInt(dtype) ? castToInteger(e, x!, from!, dtype) : e.cast(x!, dtypeTable[dtype].onnx),

  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: l => (isFloat(l.dtype) ? l.e.emit("Div", l.inputs) : divideIntegers(l)),
  pow: plain("Pow"),
  maximum: plain("Max"),
  minimum: plain("Min"),
  equal: plain("Equal"),
  less: plain("Less"),
  lessEqual: plain("LessOrEqual"),
  and: plain("And"),
  or: plain("Or"),
  select: plain("Where"),

  reshape: ({ e, inputs: [x], attributes: { shape } }) => reshapeTo(e, x!, shape),
  transpose: ({ e, inputs: [x], attributes: { permutation } }) => e.emit("Transpose", [x!], { perm: ints(permutation) }),
  broadcastTo: ({ e, inputs: [x], attributes: { shape } }) => e.emit("Expand", [x!, e.ints(shape)]),
  slice: ({ e, inputs: [x], attributes: { start, stop, step }, inputShapes: [from] }) => {
    const axes = start.map((_, i) => i).filter(i => start[i] !== 0 || stop[i] !== from![i] || step[i] !== 1);
    if (!axes.length) return e.emit("Identity", [x!]);
    const pick = (list: readonly number[]) => e.ints(axes.map(a => list[a]!));
    return e.emit("Slice", [x!, pick(start), pick(stop), e.ints(axes), pick(step)]);
  },
  pad: ({ e, inputs: [x], attributes: { before, after, value }, dtype }) => {
    const pads = e.ints([...before, ...after]);
    if (value === 0) return e.emit("Pad", [x!, pads]);
    const constant = isFloat(dtype) ? e.float(value) : e.cast(e.float(value), dtypeTable[dtype].onnx);
    return e.emit("Pad", [x!, pads, constant]);
  },
  concat: ({ e, inputs, attributes: { axis } }) =>
    inputs.length === 1 ? e.emit("Identity", inputs) : e.emit("Concat", inputs, { axis: int(axis) }),

  sum: reduce("ReduceSum"),
  max: reduce("ReduceMax"),
  argmax: ({ e, inputs, attributes: { axis } }) => e.emit("ArgMax", inputs, { axis: int(axis), keepdims: int(0) }),
  cumsum: ({ e, inputs: [x], attributes: { axis, reverse } }) =>
    e.emit("CumSum", [x!, e.ints([axis], [])], reverse ? { reverse: int(1) } : {}),

  gather: ({ e, inputs, attributes: { axis } }) => e.emit("Gather", inputs, { axis: int(axis) }),
  takeAlong: ({ e, inputs, attributes: { axis } }) => e.emit("GatherElements", inputs, { axis: int(axis) }),
  scatterRows: ({ e, inputs: [x, index, rows], attributes: { mode }, inputShapes, inputDtypes, dtype }) => {
    const wide = inputDtypes[1] === "i64" ? index! : e.cast(index!, dtypeTable.i64.onnx);
    const places = reshapeTo(e, wide, [...inputShapes[1]!, 1]);
    if (mode === "set") return e.emit("ScatterND", [x!, places, rows!]);
    return addRows(e, { x: x!, places, rows: rows!, shape: inputShapes[0]!, count: sizeOf(inputShapes[1]!), dtype });
  },
  putAlong: ({ e, inputs, attributes: { axis } }) => e.emit("ScatterElements", inputs, { axis: int(axis), reduction: string("add") }),

  matmul: l => {
    const { e, inputs, attributes } = l;
    const { transposeA, transposeB, alpha } = attributes;
    const own = ownProduct(l);
    if (own !== undefined) return own;
    return transposeA || transposeB || alpha !== 1
      ? e.emit("FusedMatMul", inputs, { transA: int(transposeA ? 1 : 0), transB: int(transposeB ? 1 : 0), alpha: float(alpha) }, contrib)
      : e.emit("MatMul", inputs);
  },

  randomUniform: ({ e, inputs: [seed], attributes }) => {
    const positions = e.cast(e.words(attributes), onnxUint32);
    const mixed = mixWord(e, e.emit("BitwiseXor", [positions, mixWord(e, e.cast(seed!, onnxUint32))]));
    const bits = e.emit("BitShift", [mixed, e.cast(e.constant(Int32Array.of(8), "i32", []), onnxUint32)], { direction: string("RIGHT") });
    return e.emit("Mul", [e.cast(bits, dtypeTable.f32.onnx), e.float(1 / 16777216)]);
  },

  allReduce: ofOneRank,
  allGather: ofOneRank,
  reduceScatter: ofOneRank,

  // the order of nodes is kept by the file's order (docs/onnxruntime.md), so nothing needs to be computed unless the walk must meet it here
  barrier: ({ e, inputs, attributes, shape, dtype, inputDtypes }) => {
    const own = attributes.computes && e.limits.fusesElements && dtype === "f32" ? afterOperator(inputDtypes, shape) : undefined;
    return own ? e.own(own, inputs)[0]! : e.emit("Identity", [inputs[0]!]);
  },
  call: never,
  custom: l => {
    const { e, inputs, inputShapes, inputDtypes, shape, dtype } = l;
    const { name, lower: own } = l.attributes.operation;
    if (!own) throw new Error(`lower: "${name}" should have been expanded`);
    const inputTypes = inputShapes.map((of, i) => ({ shape: of, dtype: inputDtypes[i]! }));
    const result = own({
      inputs,
      inputTypes,
      shape,
      dtype,
      emit: (op, of, attributes, domain) => e.emit(op, of, attributes, domain),
      float: value => e.float(value),
      ints: (list, of) => e.ints(list, of),
      constant: (data, type, of) => e.constant(elementsOf(`${name}: lower`, data, type, sizeOf(of)), type, of),
    });
    if (typeof result !== "string")
      throw tensorErrors.fail("argument", { place: `${name}: lower`, expected: "the name that emit gave", received: typeof result });
    return result;
  },

  mean: reduce("ReduceMean"),
  softmax: ({ e, inputs }) => e.emit("Softmax", inputs, { axis: int(-1) }),
  logSumExp: never,
  gelu: ({ e, inputs, attributes: { approximate } }) => e.emit("Gelu", inputs, { approximate: string(approximate) }),
  relu: plain("Relu"),
  squaredRelu: never,
  // the kernel looks angles up by position: the rows of cos and sin are numbered
  rotary: ({ e, inputs: [x, cos, sin], shape, inputShapes: [, angles] }) => {
    const [batch, , t, d] = shape as [number, number, number, number];
    const rows = angles![0]! * t;
    const flat = (y: string) => reshapeTo(e, y, [rows, d / 2]);
    const positions = Array.from({ length: batch * t }, (_, i) => (angles![0] === 1 ? i % t : i));
    return e.emit("RotaryEmbedding", [x!, e.ints(positions, [batch, t]), flat(cos!), flat(sin!)], {}, contrib);
  },
  matmulAdd: l => {
    const { e, inputs, attributes } = l;
    const { transposeA, transposeB, alpha } = attributes;
    const own = ownProduct(l);
    if (own !== undefined) return e.emit("Add", [own, inputs[2]!]);
    return e.emit("Gemm", inputs, {
      transA: int(transposeA ? 1 : 0),
      transB: int(transposeB ? 1 : 0),
      alpha: float(alpha),
      beta: float(1),
    });
  },
  matmulBlocks: ({ e, inputs, attributes: { bits, block, accuracy }, inputShapes: [x, packed] }) =>
    e.emit(
      "MatMulNBits",
      inputs,
      { K: int(x![1]!), N: int(packed![0]!), bits: int(bits), block_size: int(block), accuracy_level: int(accuracy === "i8" ? 4 : 1) },
      contrib,
    ),
  // unsigned rows around 128: products of two signed sides have no fast kernel (80 times as slow where measured); one pass rounds a row
  matmulRows: ({ e, inputs: [x, weight, scales], inputShapes: [rows] }) => {
    const count = rows![0]!;
    const most = e.emit("ReduceMax", [e.emit("Abs", [x!]), e.ints([-1])], { keepdims: int(1) });
    const scale = e.emit("Mul", [e.emit("Max", [most, e.float(leastMagnitude)]), e.float(1 / 127)]);
    const codes = e.emit("QuantizeLinear", [x!, reshapeTo(e, scale, [count]), e.bytes(128, count)], { axis: int(0) });
    const zero = e.constant(Uint8Array.of(128), "u8", []);
    return e.emit("Mul", [e.emit("MatMulIntegerToFloat", [codes, weight!, e.float(1), scales!, zero], {}, contrib), scale]);
  },
  silu: ({ e, inputs }) => e.emit("QuickGelu", inputs, { alpha: float(1) }, contrib),
  // the kernels refuse rows without elements
  layerNorm: ({ e, inputs, shape, attributes: { epsilon } }) =>
    shape.at(-1) === 0
      ? e.emit("Identity", [inputs[0]!])
      : e.emit("LayerNormalization", inputs, { axis: int(-1), epsilon: float(epsilon) }),
  rmsNorm: ({ e, inputs, shape, attributes: { epsilon } }) =>
    shape.at(-1) === 0
      ? e.emit("Identity", [inputs[0]!])
      : e.emit("SimplifiedLayerNormalization", inputs, { axis: int(-1), epsilon: float(epsilon) }),
  attention: ({ e, inputs, attributes: { scale }, shape, inputShapes }) => {
    const [q, k, v, mask] = inputs as [string, string, string, string?];
    const own = attentionOf(inputShapes[0]!, inputShapes[1]!, inputShapes[2]!, inputShapes[3], scale);
    if (own) return e.own(attentionOperator(own, shape), inputs)[0]!;
    const raw = e.emit("FusedMatMul", [q, k], { transA: int(0), transB: int(1), alpha: float(scale) }, contrib);
    const weights = e.emit("Softmax", [mask === undefined ? raw : e.emit("Add", [raw, mask])], { axis: int(-1) });
    return e.emit("MatMul", [weights, v]);
  },
  flashAttention: l => flashForward(l)[0]!,
  flashLogSum: l => flashForward(l)[1]!,
  flashGradient: ({ e, inputs, attributes, inputShapes }) => {
    const s = flashOf(flashForm(e), inputShapes, inputs.length - 6, attributes);
    return e.shared(flashBackwardOperator(s!), inputs)[{ query: 0, key: 1, value: 2 }[attributes.of]]!;
  },
};

/** Composites that are lowered whole where a program asks for it: on a processor that our own operators are made for. */
export const compositesOnRequest: ReadonlySet<OpKind> = new Set<OpKind>(["attention", "flashAttention", "flashLogSum", "flashGradient"]);
/** Do the operators that are lowered whole on request have code for these shapes? */
export const takesComposite = (t: Tensor): boolean =>
  isKind(t, "flashAttention") || isKind(t, "flashLogSum") || isKind(t, "flashGradient") ? takesFlash(t) : true;
/** Composites that are lowered whole. */
export const nativeComposites: ReadonlySet<OpKind> = new Set<OpKind>([
  "custom",
  "mean",
  "softmax",
  "gelu",
  "silu",
  "relu",
  "rotary",
  "matmulAdd",
  "matmulBlocks",
  "matmulRows",
  "layerNorm",
  "rmsNorm",
]);

/** Inputs that a kernel packs when it knows them beforehand; without that these products are slow. */
export const packedInputs: { readonly [K in OpKind]?: readonly number[] } = { matmulBlocks: [1, 2], matmulRows: [1] };

const floats32: readonly DType[] = ["f32"];
const arithmetic: readonly DType[] = ["f32", "i32", "i64"];
const moving: readonly DType[] = ["f32", "f16", "i8", "u8", "i32", "i64", "bool"];
const any: readonly DType[] = ["f32", "f16", "bf16", "i8", "u8", "i32", "i64", "bool"];

/** dtypes of the data inputs for which the CPU kernels exist; the first of a kind (float, int, bool) is what others are computed in. */
const kernelDtypes: { readonly [K in Exclude<OpKind, "input">]: readonly DType[] } = {
  constant: any,
  identity: any,
  stopGradient: any,
  neg: ["f32", "i32", "i64", "i8"],
  abs: arithmetic,
  sign: arithmetic,
  exp: floats32,
  log: floats32,
  sqrt: floats32,
  sin: floats32,
  cos: floats32,
  tanh: floats32,
  erf: floats32,
  sigmoid: floats32,
  floor: floats32,
  not: ["bool"],
  cast: any,
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  pow: floats32,
  maximum: arithmetic,
  minimum: arithmetic,
  equal: ["f32", "i32", "i64", "bool"],
  less: arithmetic,
  lessEqual: arithmetic,
  and: ["bool"],
  or: ["bool"],
  select: ["f32", "i32", "i64", "u8"],
  reshape: any,
  transpose: moving,
  broadcastTo: moving,
  slice: moving,
  pad: ["f32", "i32", "i64", "i8", "u8"],
  concat: moving,
  sum: arithmetic,
  max: arithmetic,
  argmax: ["f32", "i32"],
  cumsum: floats32,
  gather: moving,
  takeAlong: moving,
  scatterRows: arithmetic,
  putAlong: arithmetic,
  matmul: floats32,
  randomUniform: ["i32"],
  allReduce: any,
  allGather: any,
  reduceScatter: any,
  barrier: any,
  call: any,
  custom: ["f32", "i8", "u8", "i32", "i64", "bool"],
  mean: floats32,
  softmax: floats32,
  logSumExp: floats32,
  gelu: floats32,
  silu: floats32,
  relu: floats32,
  squaredRelu: floats32,
  rotary: floats32,
  matmulAdd: floats32,
  matmulBlocks: floats32,
  matmulRows: floats32,
  layerNorm: floats32,
  rmsNorm: floats32,
  attention: floats32,
  flashAttention: floats32,
  flashLogSum: floats32,
  flashGradient: floats32,
};

/** What an operation over `dtype` is computed in: itself, or the first wider dtype of its kind that has a kernel. */
export function computedIn(kind: Exclude<OpKind, "input">, dtype: DType): DType {
  const have = kernelDtypes[kind];
  if (have.includes(dtype)) return dtype;
  const wanted = dtypeTable[dtype].kind === "bool" ? "int" : dtypeTable[dtype].kind;
  return have.find(d => dtypeTable[d].kind === wanted && dtypeTable[d].sizeBytes >= dtypeTable[dtype].sizeBytes) ?? have[0]!;
}
