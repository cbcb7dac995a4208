/** Random programs: a graph over random dtypes and shapes, run on a device, against the reference evaluator. */
import { LoamError, type Random } from "../../src/base/index.ts";
import { reachable } from "../../src/tensor/body.ts";
import * as f from "../../src/tensor/functions.ts";
import {
  compile,
  constant,
  type Device,
  type DeviceArray,
  type DType,
  evaluate,
  fromNumbers,
  input,
  isFloat,
  isInt,
  sizeOf,
  type Tensor,
  toNumbers,
} from "../../src/tensor/index.ts";
import type { Outcome } from "./tensor-fuzz.ts";

const dtypes = ["f32", "f32", "f32", "f16", "bf16", "i8", "u8", "i32", "i64", "bool"] as const;
const pick = <T>(r: Random, from: readonly T[]): T => from[r.below(from.length)]!;
const dimension = (r: Random): number => pick(r, [0, 1, 1, 2, 3, 4, 5, 7, 16, 17, 33]);
const randomShape = (r: Random): number[] => Array.from({ length: r.below(4) }, () => dimension(r));

/** Numbers that every dtype of a kind holds exactly, with the ends of ranges among the integers. */
function values(r: Random, shape: readonly number[], dtype: DType): Float64Array {
  const ends = { i8: [-128, 127], u8: [0, 255], i32: [-(2 ** 31), 2 ** 31 - 1], i64: [-(2 ** 40), 2 ** 40] };
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    if (dtype === "bool") return r.below(2);
    if (isFloat(dtype)) return (r.below(33) - 16) / 4;
    if (r.below(12) === 0) return pick(r, ends[dtype as keyof typeof ends]);
    return dtype === "u8" ? r.below(9) : r.below(9) - 4;
  });
}

/** A node and whether rounding has touched it: what jumps (comparisons, floors, indices) is only asked of numbers that are exact. */
interface Made {
  readonly t: Tensor;
  readonly exact: boolean;
}

type Step = (r: Random, from: readonly Made[]) => Made;
const one =
  (fn: (t: Tensor, r: Random) => Tensor, kind: "exact" | "smooth" | "jump"): Step =>
  (r, from) => {
    const x = pick(r, from);
    if (kind === "jump" && !x.exact) return x;
    return { t: fn(x.t, r), exact: x.exact && kind !== "smooth" && !(x.t.dtype === "f16" || x.t.dtype === "bf16") };
  };
const two =
  (fn: (a: Tensor, b: Tensor) => Tensor, kind: "exact" | "smooth" | "jump"): Step =>
  (r, from) => {
    const a = pick(r, from);
    const alike = from.filter(m => m.t.dtype === a.t.dtype);
    const b = r.below(10) === 0 ? pick(r, from) : pick(r, alike);
    if (kind === "jump" && !(a.exact && b.exact)) return a;
    const b2 = r.below(3) === 0 ? { t: constant(Array.from(values(r, [], a.t.dtype))[0]!, a.t.dtype), exact: true } : b;
    return { t: fn(a.t, b2.t), exact: a.exact && b2.exact && kind !== "smooth" && !(a.t.dtype === "f16" || a.t.dtype === "bf16") };
  };
const axisOf = (r: Random, t: Tensor): number => (r.below(12) === 0 ? r.below(9) - 4 : r.below(Math.max(1, t.shape.length)));
const indexed =
  (fn: (x: Tensor, i: Tensor, axis: number) => Tensor): Step =>
  (r, from) => {
    const x = pick(r, from);
    const axis = axisOf(r, x.t);
    const size = x.t.shape[axis] ?? 1;
    const alike = x.t.shape.map((d, i) => (i === axis ? 1 + r.below(3) : d));
    const of = r.below(2) ? alike : randomShape(r);
    // one in twenty lies outside
    const ids = Array.from({ length: sizeOf(of) }, () =>
      r.below(20 * sizeOf(of)) === 0 ? r.below(2 * size + 4) - size - 2 : r.below(Math.max(1, size)),
    );
    const dtype = r.below(2) ? "i32" : "i64";
    return { t: fn(x.t, constant(fromNumbers(ids, dtype), dtype, of), axis), exact: x.exact };
  };

const steps: readonly Step[] = [
  ...[f.add, f.sub, f.mul, f.maximum, f.minimum].map(fn => two(fn, "exact")),
  ...[f.div].map(fn => two(fn, "smooth")),
  ...[f.equal, f.less, f.lessEqual, f.and, f.or].map(fn => two(fn, "jump")),
  ...[f.neg, f.abs, f.identity, f.relu, f.squaredRelu].map(fn => one(fn, "exact")),
  ...[
    f.tanh,
    f.sin,
    f.cos,
    f.sigmoid,
    f.erf,
    f.softmax,
    f.logSumExp,
    f.silu,
    f.gelu,
    (t: Tensor) => f.exp(f.minimum(t, 3)),
    (t: Tensor) => f.sqrt(f.abs(t)),
  ].map(fn => one(t => (fn as (t: Tensor) => Tensor)(t), "smooth")),
  ...[f.sign, f.floor, f.not].map(fn => one(fn, "jump")),
  one((t, r) => f.argmax(t, axisOf(r, t)), "jump"),
  one((t, r) => f.cast(t, pick(r, dtypes)), "jump"),
  one((t, r) => f.cast(f.mul(t, pick(r, [1e3, 1e12, 1e30])), pick(r, ["i8", "u8", "i32", "i64"] as const)), "jump"),
  one((t, r) => f.reshape(t, pick(r, [[-1], [t.size], [1, -1], [t.size, 1], randomShape(r)])), "exact"),
  one((t, r) => f.transpose(t, Array.from(r.permutation(t.shape.length))), "exact"),
  one((t, r) => f.broadcastTo(t, pick(r, [[2, ...t.shape], [3, 1, ...t.shape], randomShape(r)])), "exact"),
  one((t, r) => f.slice(t, ...t.shape.map((d): [number, number, number] => [r.below(d + 1), d, 1 + r.below(3)])), "exact"),
  one(
    (t, r) =>
      f.pad(
        t,
        t.shape.map(() => r.below(3)),
        t.shape.map(() => r.below(3)),
        r.below(3),
      ),
    "exact",
  ),
  one((t, r) => f.sum(t, pick(r, [undefined, [axisOf(r, t)]]), r.below(2) === 0), "smooth"),
  one((t, r) => f.mean(t, pick(r, [undefined, [axisOf(r, t)]]), r.below(2) === 0), "smooth"),
  one((t, r) => f.max(t, pick(r, [undefined, [axisOf(r, t)]]), r.below(2) === 0), "exact"),
  one((t, r) => f.cumsum(t, axisOf(r, t), { reverse: r.below(2) === 0 }), "smooth"),
  one((t, r) => f.matmul(t, r.below(2) ? f.transpose(t) : t, { transposeA: r.below(3) === 0, transposeB: r.below(3) === 0 }), "smooth"),
  one(t => f.rmsNorm(t, f.full([t.shape.at(-1) ?? 1], 1, t.dtype)), "smooth"),
  one(t => f.layerNorm(t, f.full([t.shape.at(-1) ?? 1], 1, t.dtype)), "smooth"),
  (r, from) => {
    const x = pick(r, from);
    return {
      t: f.concat(
        Array.from({ length: 1 + r.below(3) }, () => x.t),
        axisOf(r, x.t),
      ),
      exact: x.exact,
    };
  },
  (r, from) => {
    const [c, a, b] = [pick(r, from), pick(r, from), pick(r, from)];
    return { t: f.select(c.t, a.t, b.t), exact: a.exact && b.exact };
  },
  indexed((x, i, axis) => f.gather(x, i, axis)),
  indexed((x, i, axis) => f.takeAlong(x, i, axis)),
  indexed((x, i) => f.scatterRows(x, i, f.gather(x, f.mul(i, 0)), "add")),
  indexed((x, i, axis) => f.putAlong(x, i, f.full(i.shape, 1, x.dtype), axis)),
];

export function randomGraph(r: Random): { readonly inputs: Tensor<"input">[]; readonly made: Made[] } {
  const inputs = Array.from({ length: 1 + r.below(3) }, (_, i) => input(`x${i}`, randomShape(r), pick(r, dtypes)));
  const made: Made[] = inputs.map(t => ({ t, exact: true }));
  for (let tries = 2 + r.below(24); tries > 0; tries--)
    try {
      const next = pick(r, steps)(r, made);
      if (next.t.size <= 20_000) made.push(next);
    } catch (error) {
      if (!(error instanceof LoamError)) throw error;
    }
  return { inputs, made };
}

/** One rounding of the coarsest float among some tensors, relative. */
const unitOf = (made: readonly Made[]): number =>
  Math.max(2 ** -23, ...made.map(({ t }) => (t.dtype === "bf16" ? 2 ** -7 : t.dtype === "f16" ? 2 ** -10 : 0)));

export async function programRound(r: Random, device: Device): Promise<Outcome> {
  const { inputs, made } = randomGraph(r);
  const outputs = made.slice(-1 - r.below(3));
  const given = inputs.map(t => values(r, t.shape, t.dtype));
  const needed = new Set(reachable(outputs.map(m => m.t)));
  const behind = made.filter(m => needed.has(m.t));
  let want: Float64Array[];
  try {
    want = evaluate(
      behind.map(m => m.t),
      new Map<Tensor, Float64Array>(inputs.map((t, i) => [t, given[i]!])),
    );
  } catch (error) {
    if (!(error instanceof LoamError)) throw error;
    want = [];
  }
  const order = new Map<Tensor, number>(inputs.map((t, i) => [t, i]));
  const rebuilt = (xs: readonly Tensor[]): Tensor[] => {
    const known = new Map<Tensor, Tensor>(inputs.map(t => [t, xs[order.get(t)!]!]));
    const build = (t: Tensor): Tensor => {
      const found =
        known.get(t) ??
        new (t.constructor as new (k: unknown, i: Tensor[], a: unknown) => Tensor)(t.kind, t.inputs.map(build), t.attributes);
      known.set(t, found);
      return found;
    };
    return outputs.map(m => build(m.t));
  };
  const program = compile((xs: readonly Tensor[]) => rebuilt(xs), { device, fuse: r.below(2) === 0, donate: r.below(2) ? [0] : [] });
  try {
    const arrays = await Promise.all(inputs.map((t, i) => device.array(fromNumbers(given[i]!, t.dtype), t.dtype, t.shape)));
    const results = (await program(arrays)) as DeviceArray[];
    if (want.length === 0) throw new Error("the reference refused what the device computed");
    return await compare(behind, outputs, want, results);
  } catch (error) {
    if (!(error instanceof LoamError)) throw error;
    // of an empty axis the reference looks at no index
    const isEmpty = error.code === "tensor/index" && behind.some(m => m.t.size === 0);
    if (want.length > 0 && !isEmpty && !/^(onnxruntime\/(notSupported|outOfMemory)|tensor\/graph)$/.test(error.code))
      throw new Error(`the device refused what the reference computed: ${error.message}`);
    return "refused";
  } finally {
    program.dispose();
  }
}

async function compare(
  made: readonly Made[],
  outputs: readonly Made[],
  want: readonly Float64Array[],
  results: readonly DeviceArray[],
): Promise<Outcome> {
  // floats beyond these are rounding's: their digits say nothing
  const scale = made.reduce((most, m, i) => (isFloat(m.t.dtype) ? want[i]!.reduce((s, v) => Math.max(s, Math.abs(v)), most) : most), 1);
  const isTame = scale < 1e4 && made.every((_, i) => want[i]!.every(v => Number.isFinite(v)));
  let outcome: Outcome = "value";
  for (const [o, m] of outputs.entries()) {
    const [got, expected] = [toNumbers(await results[o]!.read(), m.t.dtype), want[made.indexOf(m)]!];
    if (got.length !== expected.length) throw new Error(`output ${o}: ${got.length} elements for ${expected.length}`);
    if (!isTame || (!m.exact && !isFloat(m.t.dtype) && !isInt(m.t.dtype))) {
      outcome = "uncompared";
      continue;
    }
    const allowed = isFloat(m.t.dtype) ? 400 * unitOf(made) * scale : 0;
    for (let i = 0; i < got.length; i++)
      if (!(Math.abs(got[i]! - expected[i]!) <= allowed))
        throw new Error(`output ${o} (${m.t.toString()}): element ${i}: got ${got[i]}, the reference has ${expected[i]}`);
    results[o]!.dispose();
  }
  return outcome;
}
