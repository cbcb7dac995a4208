/**
 * The table of operations: what exists, its attributes, and how the result's shape and dtype follow from the inputs.
 * To add one: a member of `OpAttributes`, a row here, and the compiler asks for its row in gradient.ts, evaluate.ts, shard/rules.ts, and
 * every backend's lowering. Rows with `composite` can be written with other rows (expand.ts); a backend may still have them natively. From outside the
 * repository: `defineOperation` (operation.ts), which puts a node of kind `custom` into the graph.
 * Shapes and attributes follow ONNX and XLA; names follow NumPy and JAX.
 */
import { type DType, isFloat, sizeOf, type TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import type { AppliedOperation } from "./operation.ts";
import type { RandomWindow } from "./random-bits.ts";
import { broadcastShapes, normalAxes, normalAxis, reducedShape, type Shape, sameShape, showShape } from "./shape.ts";
import type { MeshAxis } from "./shard/mesh.ts";
import type { Sight } from "./sight.ts";
import type { TensorBody } from "./tensor.ts";

type None = Record<string, never>;
interface Reduce {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** What all ranks of a group along an axis of the mesh do together. */
interface Collective {
  readonly axis: MeshAxis;
  /** In the group. */
  readonly ranks: number;
  /** Its number among those of the program, the same on all ranks: collectives of two numbers are never taken for one. */
  readonly order?: number;
}

/** Operation -> its attributes: everything beside the input tensors. */
export interface OpAttributes {
  // leaves
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  constant: { readonly data: TypedArray; readonly shape: Shape; readonly dtype: DType };
  // element by element, one input
  identity: None;
  stopGradient: None;
  neg: None;
  abs: None;
  sign: None;
  exp: None;
  log: None;
  sqrt: None;
  sin: None;
  cos: None;
  tanh: None;
  erf: None;
  sigmoid: None;
  floor: None;
  not: None;
  cast: { readonly dtype: DType };
  // element by element, two or three inputs, broadcasting
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  lessEqual: None;
  and: None;
  or: None;
  select: None;
  // layout
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  broadcastTo: { readonly shape: Shape };
  slice: { readonly start: readonly number[]; readonly stop: readonly number[]; readonly step: readonly number[] };
  pad: { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number };
  concat: { readonly axis: number };
  // reductions
  sum: Reduce;
  max: Reduce;
  argmax: { readonly axis: number };
  /** `reverse`: from the end to the element, instead of from the start. */
  cumsum: { readonly axis: number; readonly reverse: boolean };
  // indexing
  gather: { readonly axis: number };
  takeAlong: { readonly axis: number };
  scatterRows: { readonly mode: "add" | "set" };
  putAlong: { readonly axis: number };
  // products
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly alpha: number };
  // random
  /** `window`: the elements of another, larger array of the stream. */
  randomUniform: { readonly shape: Shape; readonly stream: number; readonly window?: RandomWindow };
  // between ranks
  allReduce: Collective & { readonly reduce: "sum" | "max" };
  allGather: Collective & { readonly dimension: number };
  reduceScatter: Collective & { readonly dimension: number };
  // order
  /** `computes`: what is waited for is computed by then; else it is only known to come first. */
  barrier: { readonly computes?: true };
  /** `gradient` "lost": stored without the gradient of its own that the function had. */
  call: { readonly body: TensorBody; readonly output: number; readonly gradient?: "lost" };
  /** From outside the table: operation.ts. */
  custom: { readonly operation: AppliedOperation };
  // composites
  mean: Reduce;
  softmax: None;
  logSumExp: None;
  gelu: { readonly approximate: "none" | "tanh" };
  silu: None;
  relu: None;
  squaredRelu: None;
  rotary: None;
  matmulAdd: OpAttributes["matmul"];
  matmulBlocks: { readonly bits: 4 | 8; readonly block: number; readonly accuracy: "f32" | "i8" };
  matmulRows: None;
  layerNorm: { readonly epsilon: number };
  rmsNorm: { readonly epsilon: number };
  attention: { readonly scale: number };
  /** `block`: queries that are taken at once where no operator computes it. */
  flashAttention: { readonly scale: number; readonly sight: Sight; readonly block?: number };
  flashLogSum: OpAttributes["flashAttention"];
  flashGradient: OpAttributes["flashAttention"] & { readonly of: "query" | "key" | "value" };
}

export type OpKind = keyof OpAttributes;

/** What an inference rule sees of an input. */
export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
}
export interface Inferred {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface OpRow<A> {
  /** Least and most inputs. */
  readonly arity: readonly [number, number];
  /** Can be expanded into other rows. */
  readonly composite?: true;
  /** Output element i depends on the inputs' elements i only (so the output may overwrite a full-size input). */
  readonly elementwise?: true;
  /** The output shows the input's memory in another shape. */
  readonly view?: true;
  /** The output is the first input with some elements changed: it may overwrite it, as long as no other input shares that memory. */
  readonly updates?: true;
  infer(inputs: readonly Typed[], attributes: A, op: string): Inferred;
}

const need = (op: string, ok: boolean, expected: string, x: Typed): void => {
  if (!ok) throw tensorErrors.fail("dtype", { place: op, expected, received: x.dtype, hint: "Use cast() to convert." });
};

const floats = (op: string, inputs: readonly Typed[]): void => {
  for (const x of inputs) need(op, isFloat(x.dtype), "a float dtype (f32, f16, bf16)", x);
};

const same = (op: string, inputs: readonly Typed[]): DType => {
  const [first, ...rest] = inputs;
  for (const x of rest) need(op, x.dtype === first!.dtype, `the same dtype on each input (${first!.dtype})`, x);
  return first!.dtype;
};

/** One float input, same shape out. */
const floatUnary: OpRow<None> = {
  arity: [1, 1],
  elementwise: true,
  infer: ([x], _, op) => {
    floats(op, [x!]);
    return { shape: x!.shape, dtype: x!.dtype };
  },
};

const numericUnary: OpRow<None> = {
  arity: [1, 1],
  elementwise: true,
  infer: ([x], _, op) => {
    need(op, x!.dtype !== "bool" && x!.dtype !== "u8", "a signed number dtype", x!);
    return { shape: x!.shape, dtype: x!.dtype };
  },
};

const anyUnary: OpRow<None> = { arity: [1, 1], elementwise: true, infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }) };

const numericBinary: OpRow<None> = {
  arity: [2, 2],
  elementwise: true,
  infer: (inputs, _, op) => {
    const dtype = same(op, inputs);
    need(op, dtype !== "bool", "a number dtype", inputs[0]!);
    return { shape: broadcastShapes(op, inputs[0]!.shape, inputs[1]!.shape), dtype };
  },
};

const compare = (numeric: boolean): OpRow<None> => ({
  arity: [2, 2],
  elementwise: true,
  infer: (inputs, _, op) => {
    const dtype = same(op, inputs);
    if (numeric) need(op, dtype !== "bool", "a number dtype", inputs[0]!);
    return { shape: broadcastShapes(op, inputs[0]!.shape, inputs[1]!.shape), dtype: "bool" };
  },
});

const logical: OpRow<None> = {
  arity: [2, 2],
  elementwise: true,
  infer: (inputs, _, op) => {
    for (const x of inputs) need(op, x.dtype === "bool", "bool", x);
    return { shape: broadcastShapes(op, inputs[0]!.shape, inputs[1]!.shape), dtype: "bool" };
  },
};

const reduce = (floatsOnly: boolean): OpRow<Reduce> => ({
  arity: [1, 1],
  infer: ([x], { axes, keep }, op) => {
    if (floatsOnly) floats(op, [x!]);
    need(op, x!.dtype !== "bool", "a number dtype", x!);
    const normal = normalAxes(op, axes, x!.shape.length);
    return { shape: reducedShape(x!.shape, normal, keep), dtype: x!.dtype };
  },
});

const lastAxis: OpRow<None> = {
  arity: [1, 1],
  composite: true,
  infer: ([x], _, op) => {
    floats(op, [x!]);
    normalAxis(op, -1, x!.shape.length);
    return { shape: x!.shape, dtype: x!.dtype };
  },
};

const norm = (most: 2 | 3): OpRow<{ readonly epsilon: number }> => ({
  arity: [2, most],
  composite: true,
  infer: (inputs, _, op) => {
    floats(op, inputs);
    const dtype = same(op, inputs);
    const [x, ...parameters] = inputs;
    const width = x!.shape.at(-1);
    for (const p of parameters)
      if (p.shape.length !== 1 || p.shape[0] !== width)
        throw tensorErrors.fail("shape", { place: op, expected: `parameters of shape [C=${width}]`, received: showShape(p.shape) });
    return { shape: x!.shape, dtype };
  },
});

/** q [B, H, Tq, D], k [B, K, Tk, D] and v [B, K, Tk, E] with K a divisor of H, and none, two or three arrays of numbers: [B, Tq], [B, Tk], [B, Tk]. */
function flash(op: string, [q, k, v, ...ids]: readonly Typed[]): { readonly out: Inferred; readonly logSum: Inferred } {
  floats(op, [q!, k!, v!]);
  const dtype = same(op, [q!, k!, v!]);
  const [b, h, queries, size] = q!.shape;
  const [, kv, keys] = k!.shape;
  const fits =
    [q!, k!, v!].every(x => x.shape.length === 4) &&
    h! % kv! === 0 &&
    sameShape(k!.shape, [b!, kv!, keys!, size!]) &&
    sameShape(v!.shape.slice(0, 3), [b!, kv!, keys!]) &&
    ids.length !== 1 &&
    ids.every((x, i) => sameShape(x.shape, [b!, i === 0 ? queries! : keys!]));
  if (!fits)
    throw tensorErrors.fail("shape", {
      place: op,
      expected: "q [B, H, Tq, D], k [B, K, Tk, D], v [B, K, Tk, E], K a divisor of H; numbers [B, Tq], [B, Tk] and [B, Tk]",
      received: [q!, k!, v!, ...ids].map(x => showShape(x.shape)).join(", "),
    });
  for (const x of ids) need(op, x.dtype === "i32", "numbers of dtype i32", x);
  return { out: { shape: [b!, h!, queries!, v!.shape[3]!], dtype }, logSum: { shape: [b!, h!, queries!], dtype: "f32" } };
}

/** A dimension of a collective, which a group of ranks parts or joins. */
const rankDimension = (x: Typed, { dimension, ranks }: OpAttributes["allGather"], op: string): number => {
  if (!(Number.isSafeInteger(ranks) && ranks >= 1))
    throw tensorErrors.fail("attribute", { place: op, expected: "1 rank or more", received: String(ranks) });
  return normalAxis(op, dimension, x.shape.length);
};

const indexDtype = (op: string, x: Typed): void => need(op, x.dtype === "i32" || x.dtype === "i64", "indices of dtype i32 or i64", x);

export const ops: { readonly [K in OpKind]: OpRow<OpAttributes[K]> } = {
  input: { arity: [0, 0], infer: (_, a) => ({ shape: a.shape, dtype: a.dtype }) },
  constant: {
    arity: [0, 0],
    infer: (_, a, op) => {
      if (a.data.length !== sizeOf(a.shape))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `${sizeOf(a.shape)} elements for ${showShape(a.shape)}`,
          received: `${a.data.length}`,
        });
      return { shape: a.shape, dtype: a.dtype };
    },
  },

  identity: anyUnary,
  stopGradient: anyUnary,
  neg: numericUnary,
  abs: numericUnary,
  sign: numericUnary,
  exp: floatUnary,
  log: floatUnary,
  sqrt: floatUnary,
  sin: floatUnary,
  cos: floatUnary,
  tanh: floatUnary,
  erf: floatUnary,
  sigmoid: floatUnary,
  floor: floatUnary,
  not: {
    arity: [1, 1],
    elementwise: true,
    infer: ([x], _, op) => {
      need(op, x!.dtype === "bool", "bool", x!);
      return { shape: x!.shape, dtype: "bool" };
    },
  },
  cast: { arity: [1, 1], infer: ([x], a) => ({ shape: x!.shape, dtype: a.dtype }) },

  add: numericBinary,
  sub: numericBinary,
  mul: numericBinary,
  div: numericBinary,
  pow: {
    ...numericBinary,
    infer: (inputs, a, op) => {
      floats(op, inputs);
      return numericBinary.infer(inputs, a, op);
    },
  },
  maximum: numericBinary,
  minimum: numericBinary,
  equal: compare(false),
  less: compare(true),
  lessEqual: compare(true),
  and: logical,
  or: logical,
  select: {
    arity: [3, 3],
    elementwise: true,
    infer: ([condition, a, b], _, op) => {
      need(op, condition!.dtype === "bool", "a condition of dtype bool", condition!);
      return { shape: broadcastShapes(op, condition!.shape, a!.shape, b!.shape), dtype: same(op, [a!, b!]) };
    },
  },

  reshape: {
    arity: [1, 1],
    view: true,
    infer: ([x], { shape }, op) => {
      if (sizeOf(shape) !== sizeOf(x!.shape) || shape.some(d => !Number.isInteger(d) || d < 0))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `a shape of ${sizeOf(x!.shape)} elements`,
          received: `${showShape(x!.shape)} to ${showShape(shape)}`,
        });
      return { shape, dtype: x!.dtype };
    },
  },
  transpose: {
    arity: [1, 1],
    infer: ([x], { permutation }, op) => {
      const rank = x!.shape.length;
      if (permutation.length !== rank || [...permutation].sort((a, b) => a - b).some((p, i) => p !== i))
        throw tensorErrors.fail("attribute", {
          place: op,
          expected: `a permutation of 0..${rank - 1}`,
          received: `[${permutation.join(", ")}]`,
        });
      return { shape: permutation.map(p => x!.shape[p]!), dtype: x!.dtype };
    },
  },
  broadcastTo: {
    arity: [1, 1],
    infer: ([x], { shape }, op) => {
      if (!sameShape(broadcastShapes(op, x!.shape, shape), shape))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `a shape that broadcasts to ${showShape(shape)}`,
          received: showShape(x!.shape),
        });
      return { shape, dtype: x!.dtype };
    },
  },
  slice: {
    arity: [1, 1],
    infer: ([x], { start, stop, step }, op) => {
      const shape = x!.shape.map((d, i) => {
        const [a, b, s] = [start[i]!, stop[i]!, step[i]!];
        if (!(Number.isInteger(a) && Number.isInteger(b) && Number.isInteger(s) && s >= 1 && a >= 0 && a <= b && b <= d))
          throw tensorErrors.fail("attribute", {
            place: op,
            expected: `0 <= start <= stop <= ${d} and step >= 1 on axis ${i}`,
            received: `${a}:${b}:${s}`,
          });
        return Math.ceil((b - a) / s);
      });
      return { shape, dtype: x!.dtype };
    },
  },
  pad: {
    arity: [1, 1],
    infer: ([x], { before, after }, op) => {
      need(op, x!.dtype !== "bool", "a number dtype", x!);
      for (const list of [before, after])
        if (!Array.isArray(list) || list.length !== x!.shape.length)
          throw tensorErrors.fail("attribute", {
            place: op,
            expected: `a list of ${x!.shape.length} numbers on each side`,
            received: Array.isArray(list) ? `${list.length}` : typeof list,
          });
      const shape = x!.shape.map((d, i) => {
        const [a, b] = [before[i]!, after[i]!];
        if (!(Number.isInteger(a) && Number.isInteger(b) && a >= 0 && b >= 0))
          throw tensorErrors.fail("attribute", { place: op, expected: `non-negative padding on axis ${i}`, received: `${a}, ${b}` });
        return d + a + b;
      });
      return { shape, dtype: x!.dtype };
    },
  },
  concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    infer: (inputs, { axis }, op) => {
      const first = inputs[0]!;
      const a = normalAxis(op, axis, first.shape.length);
      for (const x of inputs)
        if (x.shape.length !== first.shape.length || x.shape.some((d, i) => i !== a && d !== first.shape[i]))
          throw tensorErrors.fail("shape", {
            place: op,
            expected: `shapes equal to ${showShape(first.shape)} but for axis ${a}`,
            received: showShape(x.shape),
          });
      return { shape: first.shape.map((d, i) => (i === a ? inputs.reduce((s, x) => s + x.shape[a]!, 0) : d)), dtype: same(op, inputs) };
    },
  },

  sum: reduce(false),
  max: reduce(false),
  argmax: {
    arity: [1, 1],
    infer: ([x], { axis }, op) => {
      need(op, x!.dtype !== "bool", "a number dtype", x!);
      return { shape: reducedShape(x!.shape, [normalAxis(op, axis, x!.shape.length)], false), dtype: "i64" };
    },
  },
  cumsum: {
    arity: [1, 1],
    infer: ([x], { axis }, op) => {
      floats(op, [x!]);
      normalAxis(op, axis, x!.shape.length);
      return { shape: x!.shape, dtype: x!.dtype };
    },
  },

  // gather(x, i): rows of x along an axis; the index's shape takes the axis' place
  gather: {
    arity: [2, 2],
    infer: ([x, index], { axis }, op) => {
      indexDtype(op, index!);
      const a = normalAxis(op, axis, x!.shape.length);
      return { shape: [...x!.shape.slice(0, a), ...index!.shape, ...x!.shape.slice(a + 1)], dtype: x!.dtype };
    },
  },
  // takeAlong(x, i)[..., j, ...] = x[..., i[..., j, ...], ...]; shapes equal but for the axis
  takeAlong: {
    arity: [2, 2],
    infer: ([x, index], { axis }, op) => {
      indexDtype(op, index!);
      const a = normalAxis(op, axis, x!.shape.length);
      if (index!.shape.length !== x!.shape.length || index!.shape.some((d, i) => i !== a && d !== x!.shape[i]))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `indices shaped like ${showShape(x!.shape)} but for axis ${a}`,
          received: showShape(index!.shape),
        });
      return { shape: index!.shape, dtype: x!.dtype };
    },
  },
  // scatterRows(x, i, u): x with x[i[j]] += u[j] or x[i[j]] = u[j] (then the i are distinct)
  scatterRows: {
    arity: [3, 3],
    updates: true,
    infer: ([x, index, update], _, op) => {
      indexDtype(op, index!);
      const shape = [...index!.shape, ...x!.shape.slice(1)];
      if (x!.shape.length === 0 || !sameShape(update!.shape, shape))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `updates of shape ${showShape(shape)}`,
          received: showShape(update!.shape),
        });
      return { shape: x!.shape, dtype: same(op, [x!, update!]) };
    },
  },
  // putAlong(x, i, u): x with x[..., i[..., j, ...], ...] += u[..., j, ...]
  putAlong: {
    arity: [3, 3],
    updates: true,
    infer: ([x, index, update], { axis }, op) => {
      indexDtype(op, index!);
      const a = normalAxis(op, axis, x!.shape.length);
      if (
        index!.shape.length !== x!.shape.length ||
        index!.shape.some((d, i) => i !== a && d !== x!.shape[i]) ||
        !sameShape(index!.shape, update!.shape)
      )
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `indices and updates shaped like ${showShape(x!.shape)} but for axis ${a}`,
          received: `${showShape(index!.shape)} and ${showShape(update!.shape)}`,
        });
      return { shape: x!.shape, dtype: same(op, [x!, update!]) };
    },
  },

  // alpha * a b over the last two axes, each side transposed first where said; leading axes broadcast
  matmul: {
    arity: [2, 2],
    infer: ([a, b], { transposeA, transposeB }, op) => {
      floats(op, [a!, b!]);
      const dtype = same(op, [a!, b!]);
      if (a!.shape.length < 2 || b!.shape.length < 2)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: "at least two axes on each side",
          received: `${showShape(a!.shape)} and ${showShape(b!.shape)}`,
        });
      const [ar, ac] = a!.shape.slice(-2) as [number, number];
      const [br, bc] = b!.shape.slice(-2) as [number, number];
      const [m, k] = transposeA ? [ac, ar] : [ar, ac];
      const [k2, n] = transposeB ? [bc, br] : [br, bc];
      if (k !== k2)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `[..., M, K=${k}] x [..., K=${k}, N]`,
          received: `[..., ${m}, ${k}] x [..., ${k2}, ${n}]`,
          hint: `The inputs are ${showShape(a!.shape)} and ${showShape(b!.shape)}.`,
        });
      return { shape: [...broadcastShapes(op, a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n], dtype };
    },
  },

  // f32 in [0, 1): a pure function of (seed, stream, position); see random-bits.ts
  randomUniform: {
    arity: [1, 1],
    infer: ([seed], { shape, window }, op) => {
      if (window && sizeOf(window.size) !== sizeOf(shape))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `a window of ${sizeOf(shape)} elements`,
          received: showShape(window.size),
        });
      if (seed!.shape.length !== 0 || seed!.dtype !== "i32")
        throw tensorErrors.fail("shape", {
          place: op,
          expected: "a seed of shape [] and dtype i32",
          received: `${showShape(seed!.shape)} ${seed!.dtype}`,
        });
      return { shape, dtype: "f32" };
    },
  },

  // sums (or greatest values) over the ranks of a group, on each of them
  allReduce: {
    arity: [1, 1],
    infer: ([x], { ranks, reduce: how }, op) => {
      rankDimension({ shape: [1], dtype: x!.dtype }, { axis: "data", ranks, dimension: 0 }, op);
      need(op, x!.dtype !== "bool", "a number dtype", x!);
      if (how !== "sum" && how !== "max")
        throw tensorErrors.fail("attribute", { place: op, expected: '"sum" or "max"', received: String(how) });
      return { shape: x!.shape, dtype: x!.dtype };
    },
  },
  // the ranks' arrays one after another along a dimension, on each of them
  allGather: {
    arity: [1, 1],
    infer: ([x], attributes, op) => {
      const at = rankDimension(x!, attributes, op);
      return { shape: x!.shape.map((d, i) => (i === at ? d * attributes.ranks : d)), dtype: x!.dtype };
    },
  },
  // the sum over the ranks, each of which keeps its own part of a dimension
  reduceScatter: {
    arity: [1, 1],
    infer: ([x], attributes, op) => {
      const at = rankDimension(x!, attributes, op);
      need(op, x!.dtype !== "bool", "a number dtype", x!);
      if (x!.shape[at]! % attributes.ranks)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `a dimension that ${attributes.ranks} ranks divide`,
          received: `${x!.shape[at]}`,
        });
      return { shape: x!.shape.map((d, i) => (i === at ? d / attributes.ranks : d)), dtype: x!.dtype };
    },
  },

  // x, but not before what follows it exists: keeps recomputed work late (checkpoint.ts), and what is kept for later early (kept.ts)
  barrier: { arity: [2, Number.POSITIVE_INFINITY], infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }) },
  call: {
    arity: [0, Number.POSITIVE_INFINITY],
    composite: true,
    infer: (inputs, { body, output }, op) => {
      body.placeholders.forEach((p, i) => {
        const x = inputs[i];
        if (!x || !sameShape(x.shape, p.shape) || x.dtype !== p.dtype)
          throw tensorErrors.fail("shape", {
            place: op,
            expected: `input ${i} of ${showShape(p.shape)} ${p.dtype}`,
            received: x ? `${showShape(x.shape)} ${x.dtype}` : "nothing",
          });
      });
      const out = body.outputs[output]!;
      return { shape: out.shape, dtype: out.dtype };
    },
  },
  custom: {
    arity: [0, Number.POSITIVE_INFINITY],
    composite: true,
    infer: (inputs, { operation }, op) => {
      const [least, most] = operation.arity;
      if (inputs.length < least || inputs.length > most)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `${least === most ? least : `${least} to ${most}`} inputs`,
          received: `${inputs.length}`,
        });
      return operation.infer(inputs);
    },
  },

  mean: { ...reduce(true), composite: true },
  softmax: lastAxis,
  // log sum exp over the last axis, kept as size 1
  logSumExp: {
    ...lastAxis,
    infer: ([x], a, op) => {
      lastAxis.infer([x!], a, op);
      return { shape: [...x!.shape.slice(0, -1), 1], dtype: x!.dtype };
    },
  },
  gelu: { arity: [1, 1], elementwise: true, composite: true, infer: (inputs, _, op) => floatUnary.infer(inputs, {}, op) },
  silu: { ...floatUnary, composite: true },
  relu: { ...floatUnary, composite: true },
  squaredRelu: { ...floatUnary, composite: true },
  // pairs (x_i, x_(i + D/2)) turned by angles given as cos and sin: x [B, H, T, D], cos and sin [B or 1, 1, T, D/2]
  rotary: {
    arity: [3, 3],
    composite: true,
    infer: (inputs, _, op) => {
      floats(op, inputs);
      const dtype = same(op, inputs);
      const [x, cos, sin] = inputs as [Typed, Typed, Typed];
      const [b, , t, d] = x.shape;
      for (const angle of [cos, sin])
        if (
          x.shape.length !== 4 ||
          angle.shape.length !== 4 ||
          (angle.shape[0] !== b && angle.shape[0] !== 1) ||
          angle.shape[1] !== 1 ||
          angle.shape[2] !== t ||
          2 * angle.shape[3]! !== d
        )
          throw tensorErrors.fail("shape", {
            place: op,
            expected: "x [B, H, T, D] and angles [B or 1, 1, T, D/2]",
            received: inputs.map(i => showShape(i.shape)).join(", "),
          });
      return { shape: x.shape, dtype };
    },
  },
  // alpha op(a) op(b) + c, for plain matrices
  matmulAdd: {
    arity: [3, 3],
    composite: true,
    infer: (inputs, attributes, op) => {
      const [a, b, c] = inputs as [Typed, Typed, Typed];
      const product = ops.matmul.infer([a, b], attributes, op);
      if (product.shape.length !== 2 || !sameShape(product.shape, c.shape) || c.dtype !== product.dtype)
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `matrices and a third one of ${product.dtype}${showShape(product.shape)}`,
          received: `${c.dtype}${showShape(c.shape)}`,
        });
      return product;
    },
  },
  // x w^T with w cut into blocks along K: code - 8 (4 bits) or - 128 (8 bits), times the block's scale; two 4-bit codes a byte, the lower first.
  // x [M, K], packed u8 [N, K / block, block * bits / 8], scales [N, K / block]. With accuracy "i8" each block of x is rounded to int8 too.
  matmulBlocks: {
    arity: [3, 3],
    composite: true,
    infer: ([x, packed, scales], { bits, block }, op) => {
      const [m, k] = x!.shape as [number, number];
      const n = packed!.shape[0];
      const blocks = k / block;
      need(op, x!.dtype === "f32", "f32", x!);
      need(op, packed!.dtype === "u8", "packed codes of dtype u8", packed!);
      need(op, scales!.dtype === "f32", "scales of dtype f32", scales!);
      if (x!.shape.length !== 2 || !sameShape(packed!.shape, [n!, blocks, (block * bits) / 8]) || !sameShape(scales!.shape, [n!, blocks]))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: `x [M, K], packed [N, K / ${block}, ${(block * bits) / 8}] and scales [N, K / ${block}]`,
          received: [x, packed, scales].map(t => showShape(t!.shape)).join(", "),
        });
      return { shape: [m, n!], dtype: "f32" };
    },
  },
  // x w with each row of x rounded to int8 by its own greatest magnitude, products of whole numbers, scaled back: a row's result depends on
  // nothing but the row. x [M, K], w i8 [K, N], scales of its columns [N].
  matmulRows: {
    arity: [3, 3],
    composite: true,
    infer: ([x, weight, scales], _, op) => {
      need(op, x!.dtype === "f32", "f32", x!);
      need(op, weight!.dtype === "i8", "weights of dtype i8", weight!);
      need(op, scales!.dtype === "f32", "scales of dtype f32", scales!);
      const [m, k] = x!.shape as [number, number];
      const n = weight!.shape[1];
      if (x!.shape.length !== 2 || !sameShape(weight!.shape, [k, n!]) || !sameShape(scales!.shape, [n!]))
        throw tensorErrors.fail("shape", {
          place: op,
          expected: "x [M, K], weight [K, N] and scales [N]",
          received: [x, weight, scales].map(t => showShape(t!.shape)).join(", "),
        });
      return { shape: [m, n!], dtype: "f32" };
    },
  },
  layerNorm: norm(3),
  rmsNorm: norm(2),
  // softmax(scale q k^T + mask) v: q [..., Tq, D], k [..., Tk, D], v [..., Tk, E], mask broadcasts to [..., Tq, Tk]
  attention: {
    arity: [3, 4],
    composite: true,
    infer: (inputs, _, op) => {
      floats(op, inputs);
      const dtype = same(op, inputs);
      const [q, k, v, mask] = inputs as [Typed, Typed, Typed, Typed?];
      const scores = ops.matmul.infer([q, k], { transposeA: false, transposeB: true, alpha: 1 }, `${op}.scores`).shape;
      if (mask && !sameShape(broadcastShapes(`${op}.mask`, mask.shape, scores), scores))
        throw tensorErrors.fail("shape", {
          place: `${op}.mask`,
          expected: `a shape that broadcasts to ${showShape(scores)}`,
          received: showShape(mask.shape),
        });
      return {
        shape: ops.matmul.infer([{ shape: scores, dtype }, v], { transposeA: false, transposeB: false, alpha: 1 }, `${op}.values`).shape,
        dtype,
      };
    },
  },
  // softmax(scale q k^T) v over the keys that each query sees, 0 where it sees none
  flashAttention: { arity: [3, 6], composite: true, infer: (inputs, _, op) => flash(op, inputs).out },
  // its log(sum(exp(scores))), infinity where a query sees nothing
  flashLogSum: { arity: [3, 6], composite: true, infer: (inputs, _, op) => flash(op, inputs).logSum },
  // the cotangent of q, k or v, of q, k, v, the result, its log sums, its cotangent, numbers
  flashGradient: {
    arity: [6, 9],
    composite: true,
    infer: ([q, k, v, out, logSum, d, ...ids], { of }, op) => {
      const made = flash(op, [q!, k!, v!, ...ids]);
      for (const [x, like] of [
        [out!, made.out],
        [d!, made.out],
        [logSum!, made.logSum],
      ] as const)
        if (!sameShape(x.shape, like.shape) || x.dtype !== like.dtype)
          throw tensorErrors.fail("shape", {
            place: op,
            expected: `${like.dtype}${showShape(like.shape)}`,
            received: `${x.dtype}${showShape(x.shape)}`,
          });
      const { shape, dtype } = { query: q!, key: k!, value: v! }[of];
      return { shape, dtype };
    },
  },
};

export const opKinds: readonly OpKind[] = Object.keys(ops) as OpKind[];
