/**
 * For tests: random examples of every operation, as a total table over the same kinds as ops.ts, so a new row comes with its laws.
 * A case is a function over inputs with their values; the laws (gradient, backends, simplification, storage) walk all of them.
 */
import { defined, type Random } from "../base/index.ts";
import { checkpoint } from "./checkpoint.ts";
import { type DType, isFloat, sizeOf } from "./dtype.ts";
import { roundTo } from "./evaluate.ts";
import * as f from "./functions.ts";
import { defineOperation, type Operation, type OperationDefinition } from "./operation.ts";
import type { OpAttributes, OpKind } from "./ops.ts";
import { constant, input, Tensor } from "./tensor.ts";

export interface Case {
  readonly inputs: readonly Tensor<"input">[];
  readonly values: readonly Float64Array[];
  readonly output: Tensor;
  /** Central differences make sense here (no ties, no kinks nearby). */
  readonly smooth: boolean;
  /** Relative tolerance of a float32 backend; the default is 1e-5. */
  readonly tolerance?: number;
}

type Draw = (r: Random, dtype: DType) => Case;

const between = (r: Random, low: number, high: number): number => low + r.below(high - low + 1);
/** A random shape of some rank, sizes 1 to 4. */
export const randomShape = (r: Random, least = 0, most = 3): number[] =>
  Array.from({ length: between(r, least, most) }, () => between(r, 1, 4));
/** A shape that broadcasts with another: some axes set to 1, some leading axes dropped. */
const loosen = (r: Random, shape: readonly number[]): number[] =>
  shape.slice(r.below(shape.length + 1)).map(d => (r.below(3) === 0 ? 1 : d));

/** Values of a dtype: floats normal around 0 and away from kinks, ints small, bools fair. */
function values(r: Random, shape: readonly number[], dtype: DType, draw: (r: Random) => number = r => r.normal()): Float64Array {
  const raw = Float64Array.from({ length: sizeOf(shape) }, () =>
    isFloat(dtype) ? draw(r) : dtype === "bool" ? r.below(2) : dtype === "u8" ? r.below(12) : r.below(13) - 6,
  );
  return roundTo(raw, dtype);
}

interface Slot {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly draw?: (r: Random) => number;
  readonly exactly?: Float64Array;
}
/** Builds a case from slots for the inputs and a function over them. */
function build(r: Random, slots: readonly Slot[], fn: (...inputs: Tensor[]) => Tensor, smooth = true, tolerance?: number): Case {
  const inputs = slots.map((s, i) => input(`x${i}`, s.shape, s.dtype));
  return {
    inputs,
    values: slots.map(s => s.exactly ?? values(r, s.shape, s.dtype, s.draw)),
    output: fn(...inputs),
    smooth: smooth && slots.some(s => isFloat(s.dtype)),
    ...defined({ tolerance }),
  };
}

const positive = (r: Random): number => 0.3 + 2 * r.uniform();
/** Away from 0 by at least 0.2. */
const awayFromZero = (r: Random): number => (r.below(2) ? 1 : -1) * (0.2 + 1.5 * r.uniform());
const unary =
  (fn: (x: Tensor) => Tensor, draw?: (r: Random) => number, smooth = true): Draw =>
  (r, dtype) =>
    build(r, [{ shape: randomShape(r), dtype, ...defined({ draw }) }], fn, smooth);
const pair = (r: Random): [number[], number[]] => {
  const shape = randomShape(r);
  const other = loosen(r, shape);
  return r.below(2) ? [shape, other] : [other, shape];
};
const binary =
  (fn: (a: Tensor, b: Tensor) => Tensor, draws: readonly [((r: Random) => number)?, ((r: Random) => number)?] = [], smooth = true): Draw =>
  (r, dtype) => {
    const [a, b] = pair(r);
    return build(
      r,
      [
        { shape: a, dtype, ...(draws[0] ? { draw: draws[0] } : {}) },
        { shape: b, dtype, ...(draws[1] ? { draw: draws[1] } : {}) },
      ],
      fn,
      smooth,
    );
  };
const axesOf = (r: Random, rank: number): number[] => Array.from({ length: rank }, (_, i) => i).filter(() => r.below(2) === 0);
/** Distinct values with gaps, so that "greatest" is stable under small steps. */
const ranked = (r: Random, shape: readonly number[], dtype: DType): Float64Array => {
  const n = sizeOf(shape);
  return roundTo(
    Float64Array.from(r.permutation(n), i => (isFloat(dtype) ? 0.25 * (i - n / 2) : (i % 100) - 40)),
    dtype,
  );
};
const indices = (r: Random, shape: readonly number[], below: number): Slot => ({
  shape,
  dtype: r.below(2) ? "i32" : "i64",
  exactly: Float64Array.from({ length: sizeOf(shape) }, () => r.below(below)),
});
const nonzeroInt = (_: Random): number => 1;

const reduction =
  (fn: (x: Tensor, axes: readonly number[], keep: boolean) => Tensor, distinct = false): Draw =>
  (r, dtype) => {
    const shape = randomShape(r);
    return build(r, [{ shape, dtype, ...(distinct ? { exactly: ranked(r, shape, dtype) } : {}) }], x =>
      fn(x, axesOf(r, shape.length), r.below(2) === 0),
    );
  };
const rows =
  (fn: (x: Tensor) => Tensor): Draw =>
  (r, dtype) =>
    build(r, [{ shape: randomShape(r, 1, 3), dtype, draw: r2 => 2 * r2.normal() }], fn);
const norm =
  (parameters: 1 | 2, fn: (x: Tensor, w: Tensor, b?: Tensor) => Tensor): Draw =>
  (r, dtype) => {
    // two or more elements a row, else the variance is 0 and the gradient blows up
    const shape = [...randomShape(r, 0, 2), between(r, 3, 6)];
    return build(
      r,
      [{ shape, dtype, draw: awayFromZero }, ...Array.from({ length: parameters }, () => ({ shape: [shape.at(-1)!], dtype }))],
      fn,
      true,
      1e-4,
    );
  };

/** A collective along some dimension. */
const ofRanks = (r: Random, dtype: DType, made: (x: Tensor, dimension: number) => Tensor): Case => {
  const shape = randomShape(r, 1, 3);
  return build(r, [{ shape, dtype }], x => f.mul(made(x, r.below(shape.length)), 2));
};

type Flash = OpAttributes["flashAttention"];
const logSumOf = (y: Tensor): Tensor => new Tensor("flashLogSum", y.inputs, y.attributes as Flash);
/** Attention of small heads, where each query sees a key; `made` gets a cotangent of the result too. */
function flash(r: Random, dtype: DType, made: (d: Tensor, ...x: Parameters<typeof f.flashAttention>) => Tensor): Case {
  const [b, kv, group, queries, size, values] = [
    1 + r.below(2),
    1 + r.below(2),
    1 + r.below(2),
    between(r, 1, 5),
    between(r, 1, 4),
    between(r, 1, 3),
  ];
  const offset = r.below(3);
  const keys = queries + offset;
  // documents that begin anywhere: a query's key is in its own
  const ids = Float64Array.from({ length: b * keys }, (_, i) => Math.floor((i % keys) / 2));
  const has = r.below(2) === 1;
  const slots: Slot[] = [
    { shape: [b, kv * group, queries, size], dtype },
    { shape: [b, kv, keys, size], dtype },
    { shape: [b, kv, keys, values], dtype },
    { shape: [b, kv * group, queries, values], dtype },
    {
      shape: [b, queries],
      dtype: "i32",
      exactly: Float64Array.from({ length: b * queries }, (_, i) => Math.floor(((i % queries) + offset) / 2)),
    },
    { shape: [b, keys], dtype: "i32", exactly: ids },
    { shape: [b, keys], dtype: "i32", exactly: ids.map(x => x + 1 + r.below(2)) },
  ];
  const options = { causal: r.below(2) === 1, offset, scale: 0.7, ...(r.below(2) ? { window: between(r, 1, 4) } : {}) };
  const hasEnds = r.below(2) === 1;
  return build(
    r,
    has ? (hasEnds ? slots : slots.slice(0, 6)) : slots.slice(0, 4),
    (q, k, v, d, own, of, ends) =>
      made(d!, q!, k!, v!, { ...options, ...(own && of ? { segments: { queries: own, keys: of, ...(ends ? { ends } : {}) } } : {}) }),
    true,
    1e-4,
  );
}

/** cap tanh(x / cap) (Gemma 2's soft cap), in each of the ways that `defineOperation` takes. */
const softcap = {
  name: "laws.softcap",
  arity: 1,
  infer: ([x]) => x!,
  gradient: ({ output, cotangent, options: { cap } }) => [f.mul(cotangent, f.sub(1, f.square(f.mul(output, 1 / cap))))],
  reference: ({ inputs: [x], options: { cap } }) => x!.map(v => cap * Math.tanh(v / cap)),
  lower: ({ emit, float, inputs: [x], options: { cap } }) => emit("Mul", [emit("Tanh", [emit("Div", [x!, float(cap)])]), float(cap)]),
} satisfies OperationDefinition<{ readonly cap: number }>;
const expandSoftcap = ([x]: readonly Tensor[], { cap }: { readonly cap: number }) => f.mul(f.tanh(f.mul(x!, 1 / cap)), cap);
const { gradient: _, reference: __, lower: ___, ...expanded } = softcap;
/** The operations from outside the table that the cases have. */
export const softcaps: readonly Operation<{ readonly cap: number }>[] = [
  defineOperation<{ readonly cap: number }>(softcap),
  defineOperation<{ readonly cap: number }>({ ...expanded, expand: expandSoftcap }),
  defineOperation<{ readonly cap: number }>({ ...softcap, expand: expandSoftcap }),
];

/** dtypes with which an operation is tried. */
const floatsOnly: readonly DType[] = ["f32", "f16", "bf16"];
const signed: readonly DType[] = ["f32", "f16", "bf16", "i8", "i32", "i64"];
const numbers: readonly DType[] = [...signed, "u8"];
const everything: readonly DType[] = [...numbers, "bool"];
const boolOnly: readonly DType[] = ["bool"];

export const cases: { readonly [K in Exclude<OpKind, "input">]: { readonly dtypes: readonly DType[]; readonly draw: Draw } } = {
  constant: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r);
      const data = values(r, shape, dtype);
      const flat = constant(Array.from(data), dtype);
      return build(r, [{ shape, dtype }], x => (dtype === "bool" ? f.or(x, f.reshape(flat, shape)) : f.add(x, f.reshape(flat, shape))));
    },
  },
  identity: { dtypes: everything, draw: unary(f.identity) },
  stopGradient: { dtypes: floatsOnly, draw: unary(x => f.stopGradient(x), undefined, false) },
  neg: { dtypes: signed, draw: unary(f.neg) },
  abs: { dtypes: signed, draw: unary(f.abs, awayFromZero) },
  sign: { dtypes: signed, draw: unary(f.sign, awayFromZero) },
  exp: { dtypes: floatsOnly, draw: unary(f.exp) },
  log: { dtypes: floatsOnly, draw: unary(f.log, positive) },
  sqrt: { dtypes: floatsOnly, draw: unary(f.sqrt, positive) },
  sin: { dtypes: floatsOnly, draw: unary(f.sin) },
  cos: { dtypes: floatsOnly, draw: unary(f.cos) },
  tanh: { dtypes: floatsOnly, draw: unary(f.tanh) },
  erf: { dtypes: floatsOnly, draw: unary(f.erf) },
  sigmoid: { dtypes: floatsOnly, draw: unary(f.sigmoid) },
  floor: { dtypes: floatsOnly, draw: unary(f.floor, r => Math.floor(4 * r.uniform()) + 0.25 + 0.5 * r.uniform()) },
  not: { dtypes: boolOnly, draw: unary(f.not, undefined, false) },
  cast: {
    dtypes: everything,
    draw: (r, dtype) => {
      const to = everything[r.below(everything.length)]!;
      // halves and negative floats do not fit unsigned integers: keep to what converts the same everywhere
      return build(
        r,
        [{ shape: randomShape(r), dtype, draw: q => 0.25 + 3 * q.uniform() }],
        x => (dtype === "bool" || isFloat(dtype) || to !== "u8" ? f.cast(x, to) : f.cast(f.maximum(x, 0), to)),
        isFloat(to),
      );
    },
  },

  add: { dtypes: numbers, draw: binary(f.add) },
  sub: { dtypes: signed, draw: binary(f.sub) },
  mul: { dtypes: signed, draw: binary(f.mul) },
  div: {
    dtypes: signed,
    draw: (r, dtype) => {
      const [a, b] = pair(r);
      const divisor: Slot = isFloat(dtype)
        ? { shape: b, dtype, draw: awayFromZero }
        : { shape: b, dtype, exactly: Float64Array.from({ length: sizeOf(b) }, () => nonzeroInt(r) + r.below(4)) };
      return build(r, [{ shape: a, dtype }, divisor], f.div);
    },
  },
  pow: { dtypes: floatsOnly, draw: binary(f.pow, [positive, r => 1.5 * r.normal()]) },
  maximum: { dtypes: signed, draw: binary(f.maximum, [awayFromZero, r => 0.05 * r.uniform()]) },
  minimum: { dtypes: signed, draw: binary(f.minimum, [awayFromZero, r => 0.05 * r.uniform()]) },
  equal: { dtypes: everything, draw: binary(f.equal, [r => r.below(3), r => r.below(3)], false) },
  less: { dtypes: numbers, draw: binary(f.less, [], false) },
  lessEqual: { dtypes: numbers, draw: binary(f.lessEqual, [r => r.below(3), r => r.below(3)], false) },
  and: { dtypes: boolOnly, draw: binary(f.and, [], false) },
  or: { dtypes: boolOnly, draw: binary(f.or, [], false) },
  select: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r);
      return build(
        r,
        [
          { shape: loosen(r, shape), dtype: "bool" },
          { shape, dtype },
          { shape: loosen(r, shape), dtype },
        ],
        (c, a, b) => f.select(c!, a!, b!),
      );
    },
  },

  reshape: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r);
      const other = r.below(2) ? [sizeOf(shape)] : [1, ...shape].reverse();
      return build(r, [{ shape, dtype }], x => f.reshape(x, other));
    },
  },
  transpose: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 4);
      return build(r, [{ shape, dtype }], x => f.transpose(x, Array.from(r.permutation(shape.length))));
    },
  },
  broadcastTo: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r);
      return build(r, [{ shape: loosen(r, shape), dtype }], x => f.broadcastTo(x, shape));
    },
  },
  slice: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3).map(d => d + 1);
      return build(r, [{ shape, dtype }], x =>
        f.slice(
          x,
          ...shape.map((d): [number, number, number] => {
            const start = r.below(d);
            return [start, between(r, start + 1, d), 1 + r.below(2)];
          }),
        ),
      );
    },
  },
  pad: {
    dtypes: numbers,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      return build(r, [{ shape, dtype }], x =>
        f.pad(
          x,
          shape.map(() => r.below(3)),
          shape.map(() => r.below(3)),
          r.below(3),
        ),
      );
    },
  },
  concat: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      const axis = r.below(shape.length);
      const parts = Array.from({ length: between(r, 1, 3) }, () => ({
        shape: shape.map((d, i) => (i === axis ? between(r, 1, 3) : d)),
        dtype,
      }));
      return build(r, parts, (...xs) => f.concat(xs, axis));
    },
  },

  sum: { dtypes: signed, draw: reduction(f.sum) },
  max: { dtypes: signed, draw: reduction(f.max, true) },
  mean: { dtypes: floatsOnly, draw: reduction(f.mean) },
  argmax: {
    dtypes: signed,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      return build(r, [{ shape, dtype, exactly: ranked(r, shape, dtype) }], x => f.argmax(x, r.below(shape.length)), false);
    },
  },
  cumsum: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      return build(r, [{ shape, dtype }], x => f.cumsum(x, r.below(shape.length), { reverse: r.below(2) === 0 }));
    },
  },

  gather: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      const axis = r.below(shape.length);
      return build(r, [{ shape, dtype }, indices(r, randomShape(r, 0, 2), shape[axis]!)], (x, i) => f.gather(x!, i!, axis));
    },
  },
  takeAlong: {
    dtypes: everything,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      const axis = r.below(shape.length);
      const some = shape.map((d, i) => (i === axis ? between(r, 1, 3) : d));
      return build(r, [{ shape, dtype }, indices(r, some, shape[axis]!)], (x, i) => f.takeAlong(x!, i!, axis));
    },
  },
  scatterRows: {
    dtypes: numbers,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3).map((d, i) => (i === 0 ? d + 2 : d));
      if (r.below(2)) {
        const count = randomShape(r, 1, 2);
        return build(r, [{ shape, dtype }, indices(r, count, shape[0]!), { shape: [...count, ...shape.slice(1)], dtype }], (x, i, u) =>
          f.scatterRows(x!, i!, u!, "add"),
        );
      }
      const some = Float64Array.from(r.permutation(shape[0]!).subarray(0, between(r, 1, shape[0]!)));
      return build(
        r,
        [
          { shape, dtype },
          { shape: [some.length], dtype: "i64", exactly: some },
          { shape: [some.length, ...shape.slice(1)], dtype },
        ],
        (x, i, u) => f.scatterRows(x!, i!, u!, "set"),
      );
    },
  },
  putAlong: {
    dtypes: numbers,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 3);
      const axis = r.below(shape.length);
      const some = shape.map((d, i) => (i === axis ? between(r, 1, 3) : d));
      return build(r, [{ shape, dtype }, indices(r, some, shape[axis]!), { shape: some, dtype }], (x, i, u) =>
        f.putAlong(x!, i!, u!, axis),
      );
    },
  },

  matmul: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const [m, k, n] = [between(r, 1, 4), between(r, 1, 4), between(r, 1, 4)];
      const batch = randomShape(r, 0, 2);
      const [ta, tb] = [r.below(2) === 0, r.below(2) === 0];
      const a = [...batch, ...(ta ? [k, m] : [m, k])];
      const b = [...loosen(r, batch), ...(tb ? [n, k] : [k, n])];
      return build(
        r,
        [
          { shape: a, dtype },
          { shape: b, dtype },
        ],
        (x, y) => f.matmul(x!, y!, { transposeA: ta, transposeB: tb, alpha: r.below(2) ? 1 : 0.5 }),
        true,
        1e-4,
      );
    },
  },
  randomUniform: {
    dtypes: ["i32"],
    draw: r =>
      build(
        r,
        [{ shape: [], dtype: "i32", exactly: Float64Array.of(r.below(2 ** 31)) }],
        seed => f.randomUniform(seed, randomShape(r), r.below(5)),
        false,
      ),
  },
  // of one rank here; of several in shard/
  allReduce: {
    dtypes: signed,
    draw: (r, dtype) => unary(x => f.mul(f.allReduce(x, "tensor", 1, r.below(2) ? "sum" : "max"), 2))(r, dtype),
  },
  allGather: { dtypes: signed, draw: (r, dtype) => ofRanks(r, dtype, (x, at) => f.allGather(x, "tensor", 1, at)) },
  reduceScatter: { dtypes: signed, draw: (r, dtype) => ofRanks(r, dtype, (x, at) => f.reduceScatter(x, "data", 1, at)) },
  barrier: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const shape = randomShape(r);
      return build(
        r,
        [
          { shape, dtype },
          { shape: randomShape(r), dtype },
        ],
        (x, after) => f.mul(new Tensor("barrier", [x!, after!], {}), 2),
      );
    },
  },
  call: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const shape = randomShape(r, 1, 2);
      return build(
        r,
        [
          { shape, dtype },
          { shape, dtype },
        ],
        (a, b) => checkpoint((x: Tensor) => f.mul(f.tanh(x), b!))(f.mul(a!, 1.5)),
      );
    },
  },

  custom: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const operation = softcaps[r.below(softcaps.length)]!;
      return build(r, [{ shape: randomShape(r), dtype }], x => operation([x], { cap: 1 + r.below(3) }));
    },
  },

  softmax: { dtypes: floatsOnly, draw: rows(f.softmax) },
  logSumExp: { dtypes: floatsOnly, draw: rows(f.logSumExp) },
  gelu: { dtypes: floatsOnly, draw: (r, dtype) => unary(x => f.gelu(x, r.below(2) ? "none" : "tanh"))(r, dtype) },
  silu: { dtypes: floatsOnly, draw: unary(f.silu) },
  relu: { dtypes: floatsOnly, draw: unary(f.relu, awayFromZero) },
  squaredRelu: { dtypes: floatsOnly, draw: unary(f.squaredRelu, awayFromZero) },
  rotary: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const [b, h, t, half] = [between(r, 1, 3), between(r, 1, 3), between(r, 1, 4), between(r, 1, 3)];
      const angles = [r.below(2) ? b : 1, 1, t, half];
      const turned = Array.from({ length: sizeOf(angles) }, () => r.normal());
      const table = (g: (a: number) => number): Slot => ({ shape: angles, dtype, exactly: roundTo(Float64Array.from(turned, g), dtype) });
      const slots: Slot[] = [{ shape: [b, h, t, 2 * half], dtype }, table(Math.cos), table(Math.sin)];
      return build(r, slots, (x, cos, sin) => f.rotary(x!, cos!, sin!), true, 1e-4);
    },
  },
  matmulAdd: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const [m, k, n] = [between(r, 1, 4), between(r, 1, 4), between(r, 1, 4)];
      const [ta, tb] = [r.below(2) === 0, r.below(2) === 0];
      return build(
        r,
        [
          { shape: ta ? [k, m] : [m, k], dtype },
          { shape: tb ? [n, k] : [k, n], dtype },
          { shape: [m, n], dtype },
        ],
        (a, b, c) => new Tensor("matmulAdd", [a!, b!, c!], { transposeA: ta, transposeB: tb, alpha: r.below(2) ? 1 : 0.5 }),
        true,
        1e-4,
      );
    },
  },
  matmulBlocks: {
    dtypes: ["f32"],
    draw: r => {
      const [bits, block] = [r.below(2) ? 4 : 8, 16 * 2 ** r.below(2)];
      const [m, n, blocks] = [between(r, 1, 4), between(r, 1, 9), between(r, 1, 3)];
      const codes = Float64Array.from({ length: (n * blocks * block * bits) / 8 }, () => r.below(256));
      return build(
        r,
        [
          { shape: [m, blocks * block], dtype: "f32" },
          { shape: [n, blocks, (block * bits) / 8], dtype: "u8", exactly: codes },
          { shape: [n, blocks], dtype: "f32", draw: q => (0.1 + q.uniform()) / 2 ** bits },
        ],
        (x, p, s) => f.matmulBlocks(x!, p!, s!, "f32"), // "i8" needs packed weights to round anything: constant-weights.test.ts
        false,
        1e-4,
      );
    },
  },
  matmulRows: {
    dtypes: ["f32"],
    draw: r => {
      const [m, k, n] = [between(r, 1, 4), between(r, 1, 40), between(r, 1, 20)];
      const codes = Float64Array.from({ length: k * n }, () => r.below(255) - 127);
      const slots: Slot[] = [
        { shape: [m, k], dtype: "f32" },
        { shape: [k, n], dtype: "i8", exactly: codes },
        { shape: [n], dtype: "f32", draw: positive },
      ];
      return build(r, slots, (x, w, s) => f.matmulRows(x!, w!, s!), false, 1e-4);
    },
  },
  layerNorm: { dtypes: floatsOnly, draw: (r, dtype) => norm(r.below(2) ? 2 : 1, (x, w, b) => f.layerNorm(x, w, b))(r, dtype) },
  rmsNorm: { dtypes: floatsOnly, draw: norm(1, (x, w) => f.rmsNorm(x, w)) },
  attention: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const [tq, tk, d, e] = [between(r, 1, 4), between(r, 1, 4), between(r, 1, 4), between(r, 1, 4)];
      const batch = randomShape(r, 0, 2);
      const slots: Slot[] = [
        { shape: [...batch, tq, d], dtype },
        { shape: [...batch, tk, d], dtype },
        { shape: [...batch, tk, e], dtype },
      ];
      const scale = r.below(2) ? 0.7 : 1;
      if (r.below(2))
        return build(
          r,
          [...slots, { shape: [tq, tk], dtype }],
          (q, k, v, m) => f.scaledDotProductAttention(q!, k!, v!, m!, scale),
          true,
          1e-4,
        );
      return build(r, slots, (q, k, v) => f.scaledDotProductAttention(q!, k!, v!, undefined, scale), true, 1e-4);
    },
  },
  flashAttention: { dtypes: floatsOnly, draw: (r, dtype) => flash(r, dtype, (_, ...x) => f.flashAttention(...x)) },
  flashLogSum: {
    dtypes: floatsOnly,
    draw: (r, dtype) => flash(r, dtype, (_, ...x) => logSumOf(f.flashAttention(...x))),
  },
  flashGradient: {
    dtypes: floatsOnly,
    draw: (r, dtype) => {
      const of = (["query", "key", "value"] as const)[r.below(3)]!;
      return flash(r, dtype, (d, ...x) => {
        const y = f.flashAttention(...x);
        const [q, k, v, ...ids] = y.inputs as [Tensor, Tensor, Tensor, ...Tensor[]];
        return new Tensor("flashGradient", [q, k, v, y, logSumOf(y), d, ...ids], { ...(y.attributes as Flash), of });
      });
    },
  },
};
