/** The operations as functions: what a model is written in. A plain number stands for a scalar of the other operand's dtype. */
import { type DType, isFloat } from "./dtype.ts";
import { checkSpec } from "./elements.ts";
import { tensorErrors } from "./errors.ts";
import type { OpKind } from "./ops.ts";
import type { RandomWindow } from "./random-bits.ts";
import { normalAxes, normalAxis, type Shape, sameShape, showShape } from "./shape.ts";
import type { MeshAxis } from "./shard/mesh.ts";
import type { AttentionSegments, Sight } from "./sight.ts";
import { constant, requireTensor, Tensor } from "./tensor.ts";

export type Operand = Tensor | number;

const lift = (kind: OpKind, x: Operand, like: Operand): Tensor => {
  if (typeof x !== "number") return tensorOf(kind, x);
  return constant(x, typeof like === "number" ? "f32" : tensorOf(kind, like).dtype);
};
/** The argument itself, where it is a tensor: an array or a value of JavaScript's is refused by name. */
const tensorOf = (place: string, x: Tensor): Tensor => {
  requireTensor(place, x);
  return x;
};

/** The options themselves, where they are an object. */
const objectOf = <O>(place: string, options: O): O => {
  if (typeof options === "object" && options !== null) return options;
  throw tensorErrors.fail("argument", { place, expected: "an object of options", received: options === null ? "null" : typeof options });
};

const unary =
  <K extends OpKind>(kind: K) =>
  (x: Tensor): Tensor =>
    // kinds without attributes
    new Tensor(kind, [x], {} as never);
const binary =
  <K extends OpKind>(kind: K) =>
  (a: Operand, b: Operand): Tensor =>
    // kinds without attributes
    new Tensor(kind, [lift(kind, a, b), lift(kind, b, a)], {} as never);

export const identity = unary("identity");
/** The value of x; its gradient is zero. */
export const stopGradient = unary("stopGradient");
export const neg = unary("neg");
export const abs = unary("abs");
export const sign = unary("sign");
export const exp = unary("exp");
export const log = unary("log");
export const sqrt = unary("sqrt");
export const sin = unary("sin");
export const cos = unary("cos");
export const tanh = unary("tanh");
export const erf = unary("erf");
export const sigmoid = unary("sigmoid");
export const floor = unary("floor");
export const not = unary("not");
export const silu = unary("silu");
/** max(x, 0). */
export const relu = unary("relu");
/** max(x, 0)^2 (So et al. 2021, Primer). */
export const squaredRelu = unary("squaredRelu");
/** Pairs (x_i, x_(i + D/2)) turned by angles: x [B, H, T, D], cos and sin [B or 1, 1, T, D/2] (Su et al. 2021). */
export const rotary = (x: Tensor, cos: Tensor, sin: Tensor): Tensor => new Tensor("rotary", [x, cos, sin], {});
/** Softmax over the last axis. */
export const softmax = unary("softmax");
/** log(sum(exp(x))) over the last axis, kept as size 1; no overflow. */
export const logSumExp = unary("logSumExp");
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none"): Tensor => new Tensor("gelu", [x], { approximate });
/** x converted to a dtype: floats round, floats to integers truncate toward zero. */
export const cast = (x: Tensor, dtype: DType): Tensor => (tensorOf("cast", x).dtype === dtype ? x : new Tensor("cast", [x], { dtype }));

export const add = binary("add");
export const sub = binary("sub");
export const mul = binary("mul");
/** a / b; integers truncate toward zero. */
export const div = binary("div");
export const pow = binary("pow");
export const maximum = binary("maximum");
export const minimum = binary("minimum");
export const equal = binary("equal");
export const less = binary("less");
export const lessEqual = binary("lessEqual");
export const greater = (a: Operand, b: Operand): Tensor => less(b, a);
export const and = binary("and");
export const or = binary("or");
/** a where the condition holds, else b. */
export const select = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  new Tensor("select", [condition, lift("select", a, b), lift("select", b, a)], {});
export const square = (x: Tensor): Tensor => mul(x, x);
export const rsqrt = (x: Tensor): Tensor => div(1, sqrt(x));

/** One -1 stands for "what is left". */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (!Array.isArray(shape))
    throw tensorErrors.fail("shape", { place: "reshape", expected: "a list of dimensions", received: typeof shape });
  const open = shape.indexOf(-1);
  if (open < 0) return sameShape(tensorOf("reshape", x).shape, shape) ? x : new Tensor("reshape", [x], { shape });
  const known = shape.reduce((p, d, i) => (i === open ? p : p * d), 1);
  if (!(tensorOf("reshape", x).size % known === 0))
    throw tensorErrors.fail("shape", {
      place: "reshape",
      expected: `a shape that divides ${x.size} elements`,
      received: `${showShape(x.shape)} to ${showShape(shape)}`,
    });
  return reshape(
    x,
    shape.map((d, i) => (i === open ? x.size / known : d)),
  );
}

/** Axes in a new order; without one, the last two swapped. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const rank = tensorOf("transpose", x).shape.length;
  if (permutation !== undefined && !Array.isArray(permutation))
    throw tensorErrors.fail("attribute", { place: "transpose", expected: "a list of axes", received: typeof permutation });
  const p = permutation ?? [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
  return new Tensor("transpose", [x], { permutation: p.map(a => normalAxis("transpose", a, rank)) });
}
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkSpec("broadcastTo", shape, tensorOf("broadcastTo", x).dtype);
  return sameShape(x.shape, shape) ? x : new Tensor("broadcastTo", [x], { shape });
}

/** x[start:stop:step] per axis; a missing axis is taken whole, negative bounds count from the end. */
export function slice(x: Tensor, ...ranges: (readonly [number?, number?, number?] | undefined)[]): Tensor {
  requireTensor("slice", x);
  const bound = (v: number | undefined, d: number, otherwise: number) => (v === undefined ? otherwise : v < 0 ? v + d : v);
  return new Tensor("slice", [x], {
    start: x.shape.map((d, i) => bound(ranges[i]?.[0], d, 0)),
    stop: x.shape.map((d, i) => bound(ranges[i]?.[1], d, d)),
    step: x.shape.map((_, i) => ranges[i]?.[2] ?? 1),
  });
}
export const pad = (x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor =>
  new Tensor("pad", [x], { before, after, value });
export const concat = (xs: readonly Tensor[], axis: number): Tensor =>
  new Tensor("concat", xs, { axis: normalAxis("concat", axis, tensorOf("concat", xs?.[0] as Tensor).shape.length) });
/** x cut into equal parts along an axis. */
export function split(x: Tensor, parts: number, axis: number): Tensor[] {
  const a = normalAxis("split", axis, tensorOf("split", x).shape.length);
  const d = x.shape[a]!;
  if (d % parts) throw tensorErrors.fail("shape", { place: "split", expected: `an axis that ${parts} divides`, received: `${d}` });
  return Array.from({ length: parts }, (_, i) =>
    slice(
      x,
      ...x.shape.map((_, j): readonly [number?, number?] | undefined => (j === a ? [(i * d) / parts, ((i + 1) * d) / parts] : undefined)),
    ),
  );
}

const reduction =
  (kind: "sum" | "max" | "mean") =>
  (x: Tensor, axes?: number | readonly number[], keep = false): Tensor =>
    new Tensor(kind, [x], {
      axes: normalAxes(
        kind,
        axes === undefined ? tensorOf(kind, x).shape.map((_, i) => i) : typeof axes === "number" ? [axes] : axes,
        tensorOf(kind, x).shape.length,
      ),
      keep,
    });
/** Sum over axes (all of them when none is named); `keep` leaves them as size 1. */
export const sum = reduction("sum");
export const max = reduction("max");
export const mean = reduction("mean");
/** Index (i64) of the greatest element along an axis, the first of equals. */
export const argmax = (x: Tensor, axis = -1): Tensor =>
  new Tensor("argmax", [x], { axis: normalAxis("argmax", axis, tensorOf("argmax", x).shape.length) });
/** Running sum along an axis, the element itself included; with `reverse` from the end. */
export const cumsum = (x: Tensor, axis = -1, options: { readonly reverse?: boolean } = {}): Tensor =>
  new Tensor("cumsum", [x], {
    axis: normalAxis("cumsum", axis, tensorOf("cumsum", x).shape.length),
    reverse: objectOf("cumsum", options).reverse ?? false,
  });

/** x's slices at `index` along an axis; index.shape takes the axis' place. Indices in [0, d). */
export const gather = (x: Tensor, index: Tensor, axis = 0): Tensor =>
  new Tensor("gather", [x, index], { axis: normalAxis("gather", axis, tensorOf("gather", x).shape.length) });
/** One element a position along an axis: out[i, j] = x[i, index[i, j]] for the last axis. */
export const takeAlong = (x: Tensor, index: Tensor, axis = -1): Tensor =>
  new Tensor("takeAlong", [x, index], { axis: normalAxis("takeAlong", axis, tensorOf("takeAlong", x).shape.length) });
/** x with rows added to ("add", repeated indices add up) or replaced ("set", indices distinct). index [S...], rows [S..., ...x.shape[1:]]. */
export const scatterRows = (x: Tensor, index: Tensor, rows: Tensor, mode: "add" | "set"): Tensor =>
  new Tensor("scatterRows", [x, index, rows], { mode });
/** x with values added at one element a position along an axis: the transpose of `takeAlong`. */
export const putAlong = (x: Tensor, index: Tensor, values: Tensor, axis = -1): Tensor =>
  new Tensor("putAlong", [x, index, values], { axis: normalAxis("putAlong", axis, tensorOf("putAlong", x).shape.length) });

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** The product is scaled by it. */
  readonly alpha?: number;
}
/** [..., M, K] x [..., K, N] -> [..., M, N]; leading axes broadcast. Rows under leading axes meet a plain matrix as one product. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1 } = objectOf("matmul", options);
  const attributes = { transposeA, transposeB, alpha };
  for (const x of [a, b]) requireTensor("matmul", x);
  // shapes that do not fit are left to the check, which names them as they were given
  const fits = a.shape.at(-1) === b.shape[attributes.transposeB ? 1 : 0];
  if (fits && a.shape.length > 2 && b.shape.length === 2 && !attributes.transposeA) {
    const flat = new Tensor("matmul", [reshape(a, [-1, a.shape.at(-1)!]), b], attributes);
    return reshape(flat, [...a.shape.slice(0, -1), flat.shape[1]!]);
  }
  return new Tensor("matmul", [a, b], attributes);
}

/** The same product for a function that takes x as [M, K] only. */
const onRows = (x: Tensor, product: (rows: Tensor) => Tensor): Tensor => {
  const y = product(reshape(tensorOf("rows", x), [-1, x.shape.at(-1)!]));
  return reshape(y, [...x.shape.slice(0, -1), y.shape[1]!]);
};
/**
 * [..., K] x weights in blocks -> [..., N]: packed u8 [N, K / block, block * bits / 8] (4 or 8 bits, two 4-bit codes a byte, the lower first),
 * scales f32 [N, K / block]. With accuracy "i8" each block of x is rounded to int8 too.
 */
export function matmulBlocks(x: Tensor, packed: Tensor, scales: Tensor, accuracy: "f32" | "i8" = "i8"): Tensor {
  for (const t of [x, packed, scales]) requireTensor("matmulBlocks", t);
  const block = x.shape.at(-1)! / packed.shape[1]!;
  const bits = (8 * packed.shape[2]!) / block === 4 ? 4 : 8;
  return onRows(x, rows => new Tensor("matmulBlocks", [rows, packed, scales], { bits, block, accuracy }));
}
/** [..., K] x i8 [K, N] -> [..., N], scales of the columns [N]; each row of x is rounded to int8 by its own greatest magnitude. */
export const matmulRows = (x: Tensor, weight: Tensor, scales: Tensor): Tensor =>
  onRows(x, rows => new Tensor("matmulRows", [rows, weight, scales], {}));

/** x normalised over the last axis to mean 0 and variance 1, times weight [C], plus bias [C] (Ba et al. 2016). */
export const layerNorm = (x: Tensor, weight: Tensor, bias?: Tensor, epsilon = 1e-5): Tensor =>
  new Tensor("layerNorm", bias ? [x, weight, bias] : [x, weight], { epsilon });
/** x over its root mean square along the last axis, times weight [C] (Zhang & Sennrich 2019). */
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon = 1e-6): Tensor => new Tensor("rmsNorm", [x, weight], { epsilon });
/** softmax(scale q k^T + mask) v; q [..., Tq, D], k [..., Tk, D], v [..., Tk, E], additive mask broadcasting to [..., Tq, Tk]. */
export const scaledDotProductAttention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask?: Tensor,
  scale = 1 / Math.sqrt(tensorOf("attention", q).shape.at(-1)!),
): Tensor => new Tensor("attention", mask ? [q, k, v, mask] : [q, k, v], { scale });

interface FlashOptions extends Sight {
  /** Scores of queries and keys are multiplied by it; 1 / sqrt(D) when absent. */
  readonly scale?: number;
  /** Numbers of queries and keys, such as those of documents side by side: a query sees keys of its own number. */
  readonly segments?: AttentionSegments;
  /** Queries that are taken at once where no operator computes it; does not change values. */
  readonly block?: number;
}
/**
 * softmax(scale q k^T) v over the keys that each query sees, 0 where it sees none (Dao 2023, FlashAttention-2): q [B, H, Tq, D], k [B, K, Tk, D],
 * v [B, K, Tk, E]; H / K heads of queries look at the same keys. Where the processor has 512-bit vectors and a program fuses, it and its
 * gradient are an operator each, whose memory grows with Tq + Tk and not with their product.
 */
export function flashAttention(q: Tensor, k: Tensor, v: Tensor, options: FlashOptions): Tensor {
  const { scale, segments, block, ...sight } = objectOf("flashAttention", options);
  const ids = segments ? [segments.queries, segments.keys, ...(segments.ends ? [segments.ends] : [])] : [];
  const size = tensorOf("flashAttention", q).shape.at(-1)!;
  return new Tensor("flashAttention", [q, k, v, ...ids], {
    scale: scale ?? 1 / Math.sqrt(size),
    sight,
    ...(block === undefined ? {} : { block }),
  });
}

/** Uniform f32 in [0, 1) of a shape: a pure function of the seed (i32 scalar) and the stream number, the same on every backend. */
export const randomUniform = (seed: Tensor, shape: Shape, stream: number, window?: RandomWindow): Tensor =>
  new Tensor("randomUniform", [seed], { shape, stream, ...(window ? { window } : {}) });

/** The sum of x (or the greatest values) over the `ranks` ranks of a group along an axis of the mesh, on each of them. */
export const allReduce = (x: Tensor, axis: MeshAxis, ranks: number, reduce: "sum" | "max" = "sum"): Tensor =>
  new Tensor("allReduce", [x], { axis, ranks, reduce });
/** The x of all ranks of a group one after another along a dimension, on each of them. */
export const allGather = (x: Tensor, axis: MeshAxis, ranks: number, dimension: number): Tensor =>
  new Tensor("allGather", [x], { axis, ranks, dimension: normalAxis("allGather", dimension, tensorOf("allGather", x).shape.length) });
/** The sum of x over the ranks of a group, of which each keeps its own part along a dimension. */
export const reduceScatter = (x: Tensor, axis: MeshAxis, ranks: number, dimension: number): Tensor =>
  new Tensor("reduceScatter", [x], {
    axis,
    ranks,
    dimension: normalAxis("reduceScatter", dimension, tensorOf("reduceScatter", x).shape.length),
  });

/** A tensor full of one value. */
export function full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
  checkSpec("full", shape, dtype);
  return broadcastTo(constant(value, dtype), shape);
}
export const zeros = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 0, dtype);
/** 0, 1, ... n-1. */
export function arange(n: number, dtype: DType = "i64"): Tensor {
  checkSpec("arange", [n], dtype);
  return constant(
    Array.from({ length: n }, (_, i) => i),
    dtype,
  );
}
/** 1 at `index`, 0 elsewhere, along a new last axis. */
export const oneHot = (index: Tensor, classes: number, dtype: DType = "f32"): Tensor =>
  cast(equal(reshape(index, [...tensorOf("oneHot", index).shape, 1]), arange(classes, index.dtype)), dtype);

/** Sums x down to a shape that broadcasts to it: the transpose of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  checkSpec("sumTo", shape, tensorOf("sumTo", x).dtype);
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.map((_, i) => i).filter(i => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(axes.length ? sum(x, axes, true) : x, shape);
}

export const isFloatTensor = (t: Tensor): boolean => isFloat(tensorOf("isFloatTensor", t).dtype);
