/**
 * The reference evaluator: every operation in plain TypeScript over float64, each result rounded to its dtype. Slow and obvious on
 * purpose: it is the judge of every backend. With `exact` nothing is rounded, which makes central differences meaningful.
 */
import { reachable } from "./body.ts";
import { type DType, dtypeTable, fromBf16, fromF16, isFloat, isInt, saturated, sizeOf, toBf16, toF16, toNumbers } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type CompositeKind, expansions } from "./expand.ts";
import type { OpAttributes, OpKind } from "./ops.ts";
import { positionWords, uniformAt } from "./random-bits.ts";
import { normalAxes, normalAxis, type Shape, stridesOf } from "./shape.ts";
import { type CollectiveTensor, isCollective, isKind, type Tensor } from "./tensor.ts";
import { broadcastOffsets, lines, offsets } from "./walk.ts";

interface Given<A> {
  readonly inputs: readonly Float64Array[];
  readonly shapes: readonly Shape[];
  readonly dtype: DType;
  readonly inputDtypes: readonly DType[];
  readonly shape: Shape;
  readonly attributes: A;
}
type Rule<A> = (given: Given<A>) => Float64Array;

const map =
  (fn: (x: number) => number) =>
  ({ inputs: [x] }: Given<unknown>): Float64Array =>
    x!.map(fn);

const zip =
  (fn: (a: number, b: number) => number): Rule<unknown> =>
  ({ inputs: [a, b], shapes, shape }) => {
    const size = sizeOf(shape);
    // elements of one size stand in one order; most operands are so, or one number
    if (a!.length === size && b!.length === size) return a!.map((x, i) => fn(x, b![i]!));
    if (a!.length === size && b!.length === 1) return a!.map(x => fn(x, b![0]!));
    const [ia, ib] = [broadcastOffsets(shapes[0]!, shape), broadcastOffsets(shapes[1]!, shape)];
    return Float64Array.from({ length: ia.length }, (_, i) => fn(a![ia[i]!]!, b![ib[i]!]!));
  };

const fold =
  (start: number, fn: (sofar: number, x: number) => number): Rule<OpAttributes["sum"]> =>
  ({ inputs: [x], shapes: [shape], attributes: { axes } }) => {
    const { starts, inside } = lines(shape!, normalAxes("reduce", axes, shape!.length));
    return Float64Array.from(starts, s => inside.reduce((acc, o) => fn(acc, x![s + o]!), start));
  };

/** erf to double precision: series below 3, continued fraction above (Abramowitz & Stegun 7.1.6, 7.1.14). */
function erfOf(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let total = z;
    for (let n = 1; Math.abs(term) > 1e-18 * total && n < 200; n++) {
      term *= (2 * z * z) / (2 * n + 1);
      total += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

const index = (place: string, value: number, size: number): number => {
  if (!(value >= 0 && value < size))
    throw tensorErrors.fail("index", {
      place,
      expected: `indices from 0 to ${size - 1}`,
      received: `${value}`,
      hint: "Negative indices do not count from the end. Check the tokens, labels or rows that are passed.",
    });
  return value;
};

/** Integers truncate toward zero; a / 0 is 0 (NumPy), and what exceeds the range (the least number / -1) wraps. */
const quotient = (dtype: DType) => (a: number, b: number) => (isFloat(dtype) ? a / b : b === 0 ? 0 : wrapped(Math.trunc(a / b), dtype));

/** Integer products above 2^53 lose bits in doubles; they wrap exactly through BigInt where needed. */
const product = (dtype: DType) => (a: number, b: number) => {
  const p = a * b;
  if (isFloat(dtype) || Number.isSafeInteger(p)) return p;
  return dtype === "i32" ? Math.imul(a, b) : Number(BigInt.asIntN(64, BigInt(a) * BigInt(b)));
};

/** 64-bit integers wrap (as far as a double can say it); smaller ones do so when they are stored. */
const wrapped = (x: number, dtype: DType): number => (dtype === "i64" && Math.abs(x) >= 2 ** 63 ? Number(BigInt.asIntN(64, BigInt(x))) : x);

/** Sums of wide integers end at the ends of their range, as ONNX Runtime's do. */
const summed = (x: number, dtype: DType): number => (dtype === "i32" || dtype === "i64" ? saturated(x, dtype) : x);

/** What one rank computes of a collective: itself, where it is the only one. */
const alone: Rule<{ readonly axis: string; readonly ranks: number }> = ({ inputs: [x], attributes: { axis, ranks } }) => {
  if (ranks === 1) return x!;
  throw tensorErrors.fail("mesh", {
    place: "evaluate",
    expected: "the values of one rank",
    received: `a collective of ${ranks} ranks along "${axis}"`,
    hint: "Evaluate all ranks with evaluateRanks, or run them with runSharded.",
  });
};

type PrimitiveKind = Exclude<OpKind, CompositeKind | "input">;

const rules: { readonly [K in PrimitiveKind]: Rule<OpAttributes[K]> } = {
  constant: ({ attributes: { data }, dtype }) => toNumbers(data, dtype),
  identity: ({ inputs: [x] }) => x!,
  stopGradient: ({ inputs: [x] }) => x!,
  neg: map(x => -x),
  abs: map(Math.abs),
  sign: map(x => (Number.isNaN(x) ? x : Math.sign(x))),
  exp: map(Math.exp),
  log: map(Math.log),
  sqrt: map(Math.sqrt),
  sin: map(Math.sin),
  cos: map(Math.cos),
  tanh: map(Math.tanh),
  erf: map(erfOf),
  sigmoid: map(x => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))),
  floor: map(Math.floor),
  not: map(x => (x ? 0 : 1)),
  cast: ({ inputs: [x], dtype, inputDtypes }) => {
    if (dtype === "bool") return x!.map(v => (v ? 1 : 0));
    return isInt(dtype) && isFloat(inputDtypes[0]!) ? x!.map(v => saturated(v, dtype)) : x!;
  },

  add: zip((a, b) => a + b),
  sub: zip((a, b) => a - b),
  mul: g => zip(product(g.dtype))(g),
  div: g => zip(quotient(g.dtype))(g),
  pow: zip((a, b) => a ** b),
  maximum: zip((a, b) => Math.max(a, b)),
  minimum: zip((a, b) => Math.min(a, b)),
  equal: zip((a, b) => (a === b ? 1 : 0)),
  less: zip((a, b) => (a < b ? 1 : 0)),
  lessEqual: zip((a, b) => (a <= b ? 1 : 0)),
  and: zip((a, b) => (a && b ? 1 : 0)),
  or: zip((a, b) => (a || b ? 1 : 0)),
  select: ({ inputs: [c, a, b], shapes, shape }) => {
    const [ic, ia, ib] = shapes.map(s => broadcastOffsets(s, shape));
    return Float64Array.from({ length: ic!.length }, (_, i) => (c![ic![i]!] ? a![ia![i]!]! : b![ib![i]!]!));
  },

  reshape: ({ inputs: [x] }) => x!,
  transpose: ({ inputs: [x], shapes: [from], shape, attributes: { permutation } }) => {
    const strides = stridesOf(from!);
    const inside = offsets(
      shape,
      permutation.map(p => strides[p]!),
    );
    return Float64Array.from(inside, o => x![o]!);
  },
  broadcastTo: ({ inputs: [x], shapes: [from], shape }) => Float64Array.from(broadcastOffsets(from!, shape), o => x![o]!),
  slice: ({ inputs: [x], shapes: [from], shape, attributes: { start, step } }) => {
    const strides = stridesOf(from!);
    const base = start.reduce((s, a, i) => s + a * strides[i]!, 0);
    const inside = offsets(
      shape,
      step.map((s, i) => s * strides[i]!),
    );
    return Float64Array.from(inside, o => x![base + o]!);
  },
  pad: ({ inputs: [x], shapes: [from], shape, attributes: { before, value } }) => {
    const strides = stridesOf(shape);
    const base = before.reduce((s, a, i) => s + a * strides[i]!, 0);
    const inside = offsets(from!, strides);
    const out = new Float64Array(sizeOf(shape)).fill(value);
    inside.forEach((o, i) => {
      out[base + o] = x![i]!;
    });
    return out;
  },
  concat: ({ inputs, shapes, shape, attributes: { axis } }) => {
    const strides = stridesOf(shape);
    const out = new Float64Array(sizeOf(shape));
    let at = 0;
    inputs.forEach((x, j) => {
      const base = at * strides[axis]!;
      offsets(shapes[j]!, strides).forEach((o, i) => {
        out[base + o] = x[i]!;
      });
      at += shapes[j]![axis]!;
    });
    return out;
  },

  sum: g => fold(0, (a, x) => a + x)(g).map(x => summed(x, g.dtype)),
  max: fold(Number.NEGATIVE_INFINITY, (a, x) => Math.max(a, x)),
  argmax: ({ inputs: [x], shapes: [shape], attributes: { axis } }) => {
    const { starts, inside } = lines(shape!, [normalAxis("argmax", axis, shape!.length)]);
    return Float64Array.from(starts, s => inside.reduce((best, o, i) => (x![s + o]! > x![s + inside[best]!]! ? i : best), 0));
  },
  cumsum: ({ inputs: [x], shapes: [shape], attributes: { axis, reverse } }) => {
    const { starts, inside } = lines(shape!, [normalAxis("cumsum", axis, shape!.length)]);
    const out = new Float64Array(x!.length);
    for (const s of starts) {
      let total = 0;
      for (const o of reverse ? inside.toReversed() : inside) {
        total += x![s + o]!;
        out[s + o] = total;
      }
    }
    return out;
  },

  gather: ({ inputs: [x, i], shapes: [from], attributes: { axis } }) => {
    const outer = sizeOf(from!.slice(0, axis));
    const inner = sizeOf(from!.slice(axis + 1));
    const d = from![axis]!;
    const out = new Float64Array(outer * i!.length * inner);
    let at = 0;
    for (let o = 0; o < outer; o++)
      for (const j of i!) {
        const base = (o * d + index("gather", j, d)) * inner;
        for (let k = 0; k < inner; k++) out[at++] = x![base + k]!;
      }
    return out;
  },
  takeAlong: ({ inputs: [x, i], shapes: [from, shape], attributes: { axis } }) => {
    const [fromLines, toLines] = [lines(from!, [axis]), lines(shape!, [axis])];
    const out = new Float64Array(i!.length);
    toLines.starts.forEach((s, line) => {
      for (const o of toLines.inside)
        out[s + o] = x![fromLines.starts[line]! + fromLines.inside[index("takeAlong", i![s + o]!, from![axis]!)]!]!;
    });
    return out;
  },
  scatterRows: ({ inputs: [x, i, u], shapes: [shape], attributes: { mode } }) => {
    const inner = sizeOf(shape!.slice(1));
    const out = x!.slice();
    i!.forEach((row, j) => {
      const base = index("scatterRows", row, shape![0]!) * inner;
      for (let k = 0; k < inner; k++) out[base + k] = mode === "add" ? out[base + k]! + u![j * inner + k]! : u![j * inner + k]!;
    });
    return out;
  },
  putAlong: ({ inputs: [x, i, u], shapes: [shape, from], attributes: { axis } }) => {
    const [toLines, fromLines] = [lines(shape!, [axis]), lines(from!, [axis])];
    const out = x!.slice();
    fromLines.starts.forEach((s, line) => {
      for (const o of fromLines.inside)
        out[toLines.starts[line]! + toLines.inside[index("putAlong", i![s + o]!, shape![axis]!)]!]! += u![s + o]!;
    });
    return out;
  },

  matmul: ({ inputs: [a, b], shapes: [sa, sb], shape, attributes: { transposeA, transposeB, alpha } }) => {
    const [m, n] = shape.slice(-2) as [number, number];
    const k = transposeA ? sa!.at(-2)! : sa!.at(-1)!;
    const batch = shape.slice(0, -2);
    const [oa, ob] = [broadcastOffsets(sa!.slice(0, -2), batch), broadcastOffsets(sb!.slice(0, -2), batch)];
    const [am, ak] = transposeA ? [1, m] : [k, 1];
    const [bk, bn] = transposeB ? [1, k] : [n, 1];
    const out = new Float64Array(sizeOf(shape));
    for (let t = 0, at = 0; t < oa.length; t++) {
      const [ba, bb] = [oa[t]! * m * k, ob[t]! * k * n];
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let l = 0; l < k; l++) total += a![ba + i * am + l * ak]! * b![bb + l * bk + j * bn]!;
          out[at++] = alpha * total;
        }
    }
    return out;
  },

  randomUniform: ({ inputs: [seed], attributes }) => Float64Array.from(positionWords(attributes), w => uniformAt(w, seed![0]!)),
  allReduce: alone,
  allGather: alone,
  reduceScatter: alone,
  barrier: ({ inputs: [x] }) => x!,
};

/** What storing as a dtype and reading back gives. */
export function roundTo(values: Float64Array, dtype: DType): Float64Array {
  switch (dtype) {
    case "f32":
      return values.map(Math.fround);
    case "f16":
      return values.map(x => fromF16(toF16(x)));
    case "bf16":
      return values.map(x => fromBf16(toBf16(x)));
    case "i8":
      return Float64Array.from(Int8Array.from(values));
    case "u8":
      return Float64Array.from(Uint8Array.from(values));
    case "i32":
      return Float64Array.from(Int32Array.from(values));
    case "bool":
      return values.map(x => (x ? 1 : 0));
    case "i64":
      return values;
  }
}

export interface ReferenceOptions {
  /** Keep floats in float64 throughout; integers still wrap. */
  readonly exact?: boolean;
}

/** A collective that an evaluation waits for: its node, and this rank's value. */
export interface CollectiveValue {
  readonly node: CollectiveTensor;
  readonly value: Float64Array;
}

/** Values of `outputs`; stops at each collective of several ranks, in the order of nodes, and goes on with what it is given. */
export function* evaluating(
  outputs: readonly Tensor[],
  given: ReadonlyMap<Tensor, Float64Array>,
  options: ReferenceOptions = {},
): Generator<CollectiveValue, Float64Array[], Float64Array> {
  const values = new Map<Tensor, Float64Array>(given);
  for (const t of reachable(outputs, 0, given)) {
    if (values.has(t)) continue;
    if (t.kind === "input")
      throw tensorErrors.fail("argument", {
        place: "evaluate",
        expected: `a value for input "${(t.attributes as OpAttributes["input"]).name}"`,
        received: "none",
      });
    if (isCollective(t) && t.attributes.ranks > 1) values.set(t, stored(t, yield { node: t, value: values.get(t.inputs[0]!)! }, options));
    else values.set(t, evaluateNode(t, values, options));
  }
  return outputs.map(o => values.get(o)!);
}

/** Values of `outputs` given the inputs' values (numbers in row-major order). Errors: tensor/mesh for a collective of several ranks. */
export function evaluate(
  outputs: readonly Tensor[],
  given: ReadonlyMap<Tensor, Float64Array>,
  options: ReferenceOptions = {},
): Float64Array[] {
  const found = evaluating(outputs, given, options).next();
  if (found.done) return found.value;
  const { node, value } = found.value;
  alone({ inputs: [value], shapes: [], dtype: node.dtype, inputDtypes: [], shape: node.shape, attributes: node.attributes });
  throw new Error("evaluate: a collective of one rank");
}

/** What an operation from outside the table says that it is, as many elements as its shape has. */
function customValues(t: Tensor<"custom">, values: ReadonlyMap<Tensor, Float64Array>): Float64Array | undefined {
  const { name, reference } = t.attributes.operation;
  if (!reference) return undefined;
  const inputs = t.inputs.map(x => values.get(x)!.slice());
  const made = reference({ inputs, inputTypes: t.inputs, shape: t.shape, dtype: t.dtype });
  if (made instanceof Float64Array && made.length === t.size) return made;
  throw tensorErrors.fail("shape", {
    place: `${name}: reference`,
    expected: `a Float64Array of ${t.size} elements`,
    received: made instanceof Float64Array ? `${made.length}` : typeof made,
  });
}

const stored = (t: Tensor, raw: Float64Array, options: ReferenceOptions): Float64Array =>
  options.exact && dtypeTable[t.dtype].kind === "float" ? raw : roundTo(raw, t.dtype);

function evaluateNode(t: Tensor, values: ReadonlyMap<Tensor, Float64Array>, options: ReferenceOptions): Float64Array {
  const custom = isKind(t, "custom") ? customValues(t, values) : undefined;
  if (custom) return stored(t, custom, options);
  if (t.kind in expansions) {
    // composites are judged by their definition, over fresh inputs, in one rounding at the end
    const expansion = expansions[t.kind as CompositeKind] as (inputs: readonly Tensor[], attributes: unknown) => Tensor;
    const whole = expansion(t.inputs, t.attributes);
    const inside = evaluate([whole], new Map(t.inputs.map(x => [x, values.get(x)!])), { exact: true });
    return stored(t, inside[0]!, options);
  }
  const rule = rules[t.kind as PrimitiveKind] as Rule<unknown>;
  const raw = rule({
    inputs: t.inputs.map(x => values.get(x)!),
    shapes: t.inputs.map(x => x.shape),
    dtype: t.dtype,
    inputDtypes: t.inputs.map(x => x.dtype),
    shape: t.shape,
    attributes: t.attributes,
  });
  return stored(t, raw, options);
}
