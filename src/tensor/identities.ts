/**
 * Local identities over graphs, a row an operation: each gives an equal tensor (to rounding) of the same shape and dtype that costs less.
 * The passes that apply them stand in simplify.ts.
 */
import { withInputs } from "./body.ts";
import { isFloat, sizeOf } from "./dtype.ts";
import * as f from "./functions.ts";
import { type OpKind, ops } from "./ops.ts";
import { broadcastShapes, normalAxes, type Shape, sameShape } from "./shape.ts";
import { constant, isCollective, isKind, Tensor } from "./tensor.ts";

/** The number that a constant (or a broadcast of one) is everywhere; undefined where it is none. */
function uniformValue(t: Tensor): number | undefined {
  if (isKind(t, "broadcastTo") || isKind(t, "reshape")) return uniformValue(t.inputs[0]!);
  if (!isKind(t, "constant") || t.dtype === "f16" || t.dtype === "bf16") return undefined;
  const { data } = t.attributes;
  if (data.length === 0 || data.length > 4096) return undefined;
  const first = data[0]!;
  for (let i = 1; i < data.length; i++) if (data[i] !== first) return undefined;
  return Number(first);
}

/** Is it 0 everywhere, as far as can be seen before it runs? */
export const isZeros = (t: Tensor): boolean => uniformValue(t) === 0;

/** A factor that f32 holds without loss of range: 0, or neither subnormal nor infinite. Others would change results when they are joined. */
const isNormal = (x: number): boolean => x === 0 || (Math.abs(x) >= 2 ** -126 && Math.abs(Math.fround(x)) < Number.POSITIVE_INFINITY);

export interface Scope {
  /** How many nodes read a node; a fused product must have one reader, else it would run twice. */
  readonly uses: ReadonlyMap<Tensor, number>;
  readonly native: ReadonlySet<OpKind>;
}
type Rewrite = (t: Tensor, scope: Scope) => Tensor | undefined;

/** The other operand of a commutative operation, where one operand is the number `value`. */
const otherThan = (t: Tensor, value: number): Tensor | undefined => {
  const [a, b] = t.inputs as [Tensor, Tensor];
  if (uniformValue(b) === value && sameShape(a.shape, t.shape)) return a;
  if (uniformValue(a) === value && sameShape(b.shape, t.shape)) return b;
  return undefined;
};

/** Elementwise operations broadcast by themselves: drop a broadcast that does not change the result's shape. */
const dropBroadcasts: Rewrite = t => {
  if (!ops[t.kind].elementwise || t.inputs.length < 2) return undefined;
  for (const [i, x] of t.inputs.entries()) {
    if (!isKind(x, "broadcastTo")) continue;
    const inputs = t.inputs.with(i, x.inputs[0]!);
    if (sameShape(broadcastShapes(t.kind, ...inputs.map(y => y.shape)), t.shape)) return withInputs(t, inputs);
  }
  return undefined;
};

/** add(zeros with rows added, y) = y with rows added; the same for single elements. */
const addIntoZeros: Rewrite = t => {
  for (const [i, x] of t.inputs.entries()) {
    const y = t.inputs[1 - i]!;
    if (!sameShape(y.shape, t.shape) || !sameShape(x.shape, t.shape)) continue;
    if ((isKind(x, "scatterRows") && x.attributes.mode === "add") || isKind(x, "putAlong"))
      if (isZeros(x.inputs[0]!)) return withInputs(x, [y, x.inputs[1]!, x.inputs[2]!]);
  }
  return undefined;
};

/** A scalar factor on a product that nobody else reads becomes its alpha. */
const scaleIntoMatmul: Rewrite = (t, { uses }) => {
  for (const [i, x] of t.inputs.entries()) {
    const c = uniformValue(t.inputs[1 - i]!);
    if (c === undefined || !sameShape(x.shape, t.shape)) continue;
    if (isKind(x, "matmul") && (uses.get(x) ?? 0) <= 1 && isNormal(x.attributes.alpha * c))
      return new Tensor("matmul", x.inputs, { ...x.attributes, alpha: x.attributes.alpha * c });
  }
  return undefined;
};

/** (x c1) c2 = x (c1 c2) for scalars. */
const joinScales: Rewrite = t => {
  for (const [i, x] of t.inputs.entries()) {
    const c = uniformValue(t.inputs[1 - i]!);
    if (c === undefined || !isKind(x, "mul") || !isFloat(t.dtype) || !sameShape(x.shape, t.shape)) continue;
    for (const [j, y] of x.inputs.entries()) {
      const d = uniformValue(x.inputs[1 - j]!);
      if (d !== undefined && sameShape(y.shape, x.shape) && isNormal(c * d) && (c * d !== 0 || c === 0 || d === 0)) return f.mul(y, c * d);
    }
  }
  return undefined;
};

/** Is `flat` the shape of `whole` with all axes but the last joined into one? */
const joinsRows = (flat: Shape, whole: Shape): boolean =>
  flat.length === 2 && whole.length > 2 && flat[1] === whole.at(-1) && flat[0]! * flat[1]! === sizeOf(whole);

/**
 * Rows under leading axes are a matrix: operations on elements or on rows move inside the reshape that restored the leading axes, so that
 * products, sums and norms meet as plain matrices (one reshape instead of many, and a sum may join its product).
 */
const insideReshape: Rewrite = t => {
  const at = t.inputs.findIndex(x => isKind(x, "reshape") && joinsRows(x.inputs[0]!.shape, t.shape) && sameShape(x.shape, t.shape));
  if (at < 0) return undefined;
  const flat = t.inputs[at]!.inputs[0]!.shape;
  const inputs: Tensor[] = [];
  for (const x of t.inputs) {
    if (x.size === 1 && x.shape.length <= 2) inputs.push(x);
    else if (sameShape(x.shape, t.shape))
      inputs.push(isKind(x, "reshape") && sameShape(x.inputs[0]!.shape, flat) ? x.inputs[0]! : f.reshape(x, flat));
    else if (x.shape.length === 1) inputs.push(x);
    else if (x.shape.length === t.shape.length && x.shape.at(-1) === 1 && x.size === flat[0]) inputs.push(f.reshape(x, [flat[0]!, 1]));
    else return undefined;
  }
  return f.reshape(new Tensor(t.kind, inputs, t.attributes), t.shape);
};

/** The same for a sum or mean over the last axis (kept), or over all axes but the last. */
const reduceInsideReshape: Rewrite = t => {
  const x = t.inputs[0]!;
  if (!isKind(x, "reshape") || !joinsRows(x.inputs[0]!.shape, x.shape)) return undefined;
  const { axes, keep } = (t as Tensor<"sum" | "mean">).attributes;
  const rank = x.shape.length;
  const sorted = normalAxes(t.kind, axes, rank);
  const lastOnly = sorted.length === 1 && sorted[0] === rank - 1;
  const allButLast = sorted.length === rank - 1 && sorted.every((a, i) => a === i);
  if (!lastOnly && !allButLast) return undefined;
  return f.reshape(new Tensor(t.kind as "sum" | "mean", [x.inputs[0]!], { axes: [lastOnly ? 1 : 0], keep }), t.shape);
};

/** A product that nobody else reads, plus a matrix: one operation where the backend has it. */
const productPlus: Rewrite = (t, { uses, native }) => {
  if (!native.has("matmulAdd") || t.shape.length !== 2) return undefined;
  for (const [i, x] of t.inputs.entries()) {
    const y = t.inputs[1 - i]!;
    if (isKind(x, "matmul") && (uses.get(x) ?? 0) <= 1 && sameShape(x.shape, t.shape) && sameShape(y.shape, t.shape) && y !== x)
      return new Tensor("matmulAdd", [x.inputs[0]!, x.inputs[1]!, y], x.attributes);
  }
  return undefined;
};

const first =
  (...rewrites: Rewrite[]): Rewrite =>
  (t, scope) => {
    for (const r of rewrites) {
      const found = r(t, scope);
      if (found) return found;
    }
    return undefined;
  };

const swapsLastTwo = (p: readonly number[]): boolean => {
  const n = p.length;
  return n >= 2 && p.every((a, i) => a === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i));
};

/** A collective of one rank is what it is given. */
const ofOneRank: Rewrite = t => (isCollective(t) && t.attributes.ranks === 1 ? t.inputs[0] : undefined);

/** Local identities, a row an operation. Each gives an equal tensor (to rounding) of the same shape and dtype. */
export const identities: { readonly [K in OpKind]?: Rewrite } = {
  identity: t => t.inputs[0],
  stopGradient: t => t.inputs[0],
  cast: t => (t.inputs[0]!.dtype === t.dtype ? t.inputs[0] : undefined),
  neg: t => (isKind(t.inputs[0]!, "neg") ? t.inputs[0]!.inputs[0] : undefined),
  add: first(
    dropBroadcasts,
    t => otherThan(t, 0),
    t => (isKind(t.inputs[1]!, "neg") ? f.sub(t.inputs[0]!, t.inputs[1]!.inputs[0]!) : undefined),
    addIntoZeros,
    insideReshape,
    productPlus,
  ),
  sub: first(
    dropBroadcasts,
    t => (uniformValue(t.inputs[1]!) === 0 && sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
    t => (isKind(t.inputs[1]!, "neg") ? f.add(t.inputs[0]!, t.inputs[1]!.inputs[0]!) : undefined),
    insideReshape,
  ),
  mul: first(dropBroadcasts, t => otherThan(t, 1), scaleIntoMatmul, joinScales, insideReshape),
  div: first(
    dropBroadcasts,
    t => (uniformValue(t.inputs[1]!) === 1 && sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
    t => {
      const c = isFloat(t.dtype) ? uniformValue(t.inputs[1]!) : undefined;
      return c && isNormal(1 / c) ? f.mul(t.inputs[0]!, constant(1 / c, t.dtype)) : undefined;
    },
  ),
  allReduce: ofOneRank,
  allGather: ofOneRank,
  reduceScatter: ofOneRank,
  exp: insideReshape,
  erf: insideReshape,
  relu: insideReshape,
  gelu: insideReshape,
  silu: insideReshape,
  sigmoid: insideReshape,
  tanh: insideReshape,
  less: insideReshape,
  softmax: insideReshape,
  layerNorm: insideReshape,
  rmsNorm: insideReshape,
  reshape: t => {
    const x = t.inputs[0]!;
    if (sameShape(x.shape, t.shape)) return x;
    return isKind(x, "reshape") ? f.reshape(x.inputs[0]!, t.shape) : undefined;
  },
  transpose: t => {
    const { permutation } = (t as Tensor<"transpose">).attributes;
    const x = t.inputs[0]!;
    if (permutation.every((p, i) => p === i)) return x;
    if (isKind(x, "transpose"))
      return f.transpose(
        x.inputs[0]!,
        permutation.map(p => x.attributes.permutation[p]!),
      );
    // only axes of size 1 move: nothing moves in memory
    const moving = permutation.filter(p => x.shape[p] !== 1);
    return moving.every((p, i) => i === 0 || p > moving[i - 1]!) ? f.reshape(x, t.shape) : undefined;
  },
  broadcastTo: t =>
    sameShape(t.inputs[0]!.shape, t.shape)
      ? t.inputs[0]
      : isKind(t.inputs[0]!, "broadcastTo")
        ? f.broadcastTo(t.inputs[0]!.inputs[0]!, t.shape)
        : undefined,
  slice: t => (sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
  pad: t => (sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
  concat: t => (t.inputs.length === 1 ? t.inputs[0] : undefined),
  sum: first(t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined), reduceInsideReshape),
  max: t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined),
  mean: first(t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined), reduceInsideReshape),
  matmul: t => {
    const { attributes, inputs } = t as Tensor<"matmul">;
    const [a, b] = inputs as [Tensor, Tensor];
    if (isKind(a, "transpose") && swapsLastTwo(a.attributes.permutation))
      return new Tensor("matmul", [a.inputs[0]!, b], { ...attributes, transposeA: !attributes.transposeA });
    if (isKind(b, "transpose") && swapsLastTwo(b.attributes.permutation))
      return new Tensor("matmul", [a, b.inputs[0]!], { ...attributes, transposeB: !attributes.transposeB });
    return undefined;
  },
};
