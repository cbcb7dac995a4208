/** For tests: random small programs with their gradients, and what holds for each: results near the exact ones, the same bytes on any threads. */
import fc from "fast-check";
import { random } from "../base/index.ts";
import { type Compiled, type CompileOptions, compile } from "./compile.ts";
import type { Device } from "./device.ts";
import type { DeviceArray } from "./device-array.ts";
import { sizeOf } from "./dtype.ts";
import { errorBounds } from "./error-bound.laws.ts";
import { evaluate } from "./evaluate.ts";
import {
  add,
  div,
  erf,
  exp,
  gather,
  gelu,
  layerNorm,
  matmul,
  mean,
  mul,
  neg,
  reshape,
  rmsNorm,
  scaledDotProductAttention,
  sigmoid,
  silu,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  transpose,
} from "./functions.ts";
import { grad } from "./grad.ts";
import { graphOf } from "./graph.ts";
import { simplify } from "./simplify.ts";
import { input, type Tensor } from "./tensor.ts";

/** What a program is made from; plain data, so that a failing one can be cut down and printed. */
export interface ProgramPlan {
  readonly rows: number;
  readonly columns: number;
  readonly steps: readonly { readonly name: StepName; readonly a: number; readonly b: number }[];
  readonly products: "f32" | "bf16";
  readonly seed: number;
}

/** Inputs whose gradients are taken, beside the rows to look up and the cotangent. */
type Parameters = Readonly<Record<"x" | "y" | "w" | "u" | "v" | "column" | "table", Tensor>>;
const tableRows = 50;
const shapesOf = ({ rows: t, columns: c }: Pick<ProgramPlan, "rows" | "columns">) =>
  ({ x: [t, c], y: [t, c], w: [c, c], u: [c, c], v: [c], column: [t, 1], table: [tableRows, c] }) as const satisfies Record<
    keyof Parameters,
    readonly number[]
  >;

interface Made {
  readonly p: Parameters;
  readonly rows: Tensor;
  readonly plan: ProgramPlan;
}
/** Steps from two arrays of rows and columns to another: none leaves the range of numbers that the ones before it kept to. */
type Step = (a: Tensor, b: Tensor, made: Made) => Tensor;
const elementSteps = {
  add: (a, b) => add(a, b),
  sub: (a, b) => sub(a, b),
  mul: (a, _, { p }) => mul(a, p.y),
  div: (a, b) => div(a, add(2, sigmoid(b))),
  neg: a => neg(a),
  sqrt: a => sqrt(add(square(a), 1)),
  exp: a => exp(neg(sigmoid(a))),
  gelu: a => gelu(a),
  silu: a => silu(a),
  erf: a => erf(a),
  tanh: a => tanh(a),
  layerNorm: (a, _, { p }) => layerNorm(a, p.v, p.v),
  rmsNorm: (a, _, { p }) => rmsNorm(a, p.v),
  softmax: a => softmax(a),
  addRows: (a, _, { p, rows }) => add(a, gather(p.table, rows)),
  addRow: (a, _, { p }) => add(a, p.v),
  mulColumn: (a, _, { p }) => mul(a, p.column),
  centre: a => sub(a, mean(a, -1, true)),
  turn: (a, _, { plan }) => reshape(mul(reshape(transpose(a), [plan.rows * plan.columns]), 0.5), [plan.rows, plan.columns]),
} as const satisfies Record<string, Step>;
const productSteps = {
  product: (a, _, { p, plan }) => matmul(a, p.w, { alpha: 1 / Math.sqrt(plan.columns) }),
  productOfTransposed: (a, _, { p, plan }) => matmul(a, p.u, { transposeB: true, alpha: 1 / Math.sqrt(plan.columns) }),
  gram: (a, b, { plan }) => matmul(b, matmul(a, b, { transposeA: true, alpha: 1 / plan.rows }), { alpha: 1 / plan.columns }),
  mix: (a, b, { plan }) => matmul(softmax(matmul(a, b, { transposeB: true, alpha: 1 / plan.columns })), a),
  attention: (a, b, { plan }) => {
    const heads = plan.columns % 32 === 0 ? plan.columns / 32 : 1;
    const split = (x: Tensor) => transpose(reshape(x, [plan.rows, heads, plan.columns / heads]), [1, 0, 2]);
    const found = scaledDotProductAttention(split(a), split(b), split(a), undefined, 1 / plan.columns);
    return reshape(transpose(found, [1, 0, 2]), [plan.rows, plan.columns]);
  },
} as const satisfies Record<string, Step>;
const steps = { ...elementSteps, ...productSteps } as const;
type StepName = keyof typeof steps;
const stepNames = Object.keys(steps) as StepName[];

export const programPlans = fc.record({
  rows: fc.oneof(fc.integer({ min: 20, max: 110 }), fc.constantFrom(64, 96, 128)),
  columns: fc.oneof(fc.integer({ min: 20, max: 110 }), fc.constantFrom(64, 96, 128)),
  steps: fc.array(fc.record({ name: fc.constantFrom(...stepNames), a: fc.nat(9), b: fc.nat(9) }), { minLength: 1, maxLength: 8 }),
  products: fc.constantFrom("f32" as const, "bf16" as const),
  seed: fc.nat(),
});

type Results = { readonly out: Tensor; readonly slopes: Parameters };

/** The last array of a plan's steps, and the slopes of a number that hangs on it. */
function programOf(plan: ProgramPlan) {
  const last = (p: Parameters, rows: Tensor): Tensor => {
    const made: Tensor[] = [p.x, p.y];
    for (const { name, a, b } of plan.steps) {
      const pick = (back: number) => made[made.length - 1 - (back % made.length)]!;
      made.push(steps[name](pick(a % 3), pick(b), { p, rows, plan }));
    }
    return made.at(-1)!;
  };
  return (p: Parameters, rows: Tensor, cotangent: Tensor): Results => {
    const loss = (q: Parameters) => {
      const out = last(q, rows);
      return add(sum(mul(out, cotangent)), mul(sum(square(out)), 1 / out.size));
    };
    return { out: last(p, rows), slopes: grad(loss)(p) };
  };
}

const namesOf = (plan: ProgramPlan) => Object.keys(shapesOf(plan)) as (keyof Parameters)[];

/** Numbers in (-1, 1). */
function valuesOf(plan: ProgramPlan): Record<keyof Parameters | "cotangent", Float32Array> & { readonly rows: Int32Array } {
  const r = random(`program/${plan.seed}`);
  const draw = (shape: readonly number[]) => Float32Array.from({ length: sizeOf(shape) }, () => 2 * r.uniform() - 1);
  const drawn = Object.fromEntries(
    Object.entries({ ...shapesOf(plan), cotangent: [plan.rows, plan.columns] }).map(([k, s]) => [k, draw(s)]),
  );
  const rows = Int32Array.from({ length: plan.rows }, () => r.below(tableRows));
  return { ...(drawn as Record<keyof Parameters | "cotangent", Float32Array>), rows };
}

/** Exact results, and how far float32's may be from them. */
function expected(plan: ProgramPlan): { readonly values: Float64Array; readonly bounds: Float64Array }[] {
  const shapes = shapesOf(plan);
  const p = Object.fromEntries(namesOf(plan).map(name => [name, input(name, shapes[name])])) as Record<keyof Parameters, Tensor<"input">>;
  const [rows, cotangent] = [input("rows", [plan.rows], "i32"), input("cotangent", [plan.rows, plan.columns])];
  const { out, slopes } = programOf(plan)(p, rows, cotangent);
  const inputs = [...Object.values(p), rows, cotangent];
  const graph = simplify(graphOf(inputs, [out, ...namesOf(plan).map(name => slopes[name])]));
  const bounds = errorBounds(graph, { roundsProducts: plan.products === "bf16" });
  const values = valuesOf(plan);
  const given = new Map<Tensor, Float64Array>(inputs.map(t => [t, Float64Array.from(values[t.attributes.name as keyof Parameters])]));
  const found = evaluate([...graph.outputs, ...bounds], given, { exact: true });
  return graph.outputs.map((_, i) => ({ values: found[i]!, bounds: found[graph.outputs.length + i]! }));
}

/** What a device computes, with machine code. */
async function computed(plan: ProgramPlan, device: Device, options: Pick<CompileOptions, "fuse" | "attention">): Promise<Float32Array[]> {
  const values = valuesOf(plan);
  const shapes = shapesOf(plan);
  const names = namesOf(plan);
  const arrays = await Promise.all(names.map(name => device.array(values[name], "f32", shapes[name])));
  const p = Object.fromEntries(names.map((name, i) => [name, arrays[i]!])) as Record<keyof Parameters, DeviceArray>;
  const rows = await device.array(values.rows, "i32", [plan.rows]);
  const cotangent = await device.array(values.cotangent, "f32", [plan.rows, plan.columns]);
  const program: Compiled<[Parameters, Tensor, Tensor], Results> = compile(programOf(plan), {
    device,
    products: plan.products,
    ...options,
  });
  try {
    const { out, slopes } = await program(p, rows, cotangent);
    const results = [out, ...names.map(name => slopes[name])];
    const read = await Promise.all(results.map(async r => (await r.read()) as Float32Array));
    for (const r of [...arrays, rows, cotangent, ...results]) r.dispose();
    return read;
  } finally {
    program.dispose();
  }
}

/**
 * The engine's own products part columns among threads where a row is no whole number of vectors, and sum another way there: their last bits are not
 * held to be the same. All else is.
 */
const hasThreadedBits = ({ rows, columns, steps }: ProgramPlan): boolean =>
  (rows % 16 === 0 && columns % 16 === 0) || !steps.some(s => s.name in productSteps);

/** What is wrong with a program, in words; undefined where nothing is. */
export async function programFault(plan: ProgramPlan, devices: readonly Device[]): Promise<string | undefined> {
  const want = expected(plan);
  const results = ["out", ...namesOf(plan)];
  const [first, ...others] = await Promise.all(devices.map(device => computed(plan, device, { fuse: true, attention: true })));
  for (const [i, { values, bounds }] of want.entries())
    for (const [at, x] of values.entries()) {
      const got = first![i]![at]!;
      if (Math.abs(got - x) <= bounds[at]!) continue;
      return `${results[i]}[${at}]: got ${got}, expected ${x}, off by ${Math.abs(got - x)} where ${bounds[at]} is allowed`;
    }
  if (!hasThreadedBits(plan)) return undefined;
  for (const other of others)
    for (const [i, got] of other.entries())
      for (const [at, bits] of new Uint32Array(got.buffer, got.byteOffset, got.length).entries())
        if (bits !== new Uint32Array(first![i]!.buffer, first![i]!.byteOffset, got.length)[at])
          return `${results[i]}[${at}]: other bytes on another number of threads: ${got[at]} and ${first![i]![at]}`;
  return undefined;
}

/** The middle of how large errors may be beside the largest element: a bound that allows everything proves nothing. */
export function boundSlack(plan: ProgramPlan): number {
  const { values, bounds } = expected(plan)[0]!;
  return [...bounds].sort((a, b) => a - b)[bounds.length >> 1]! / values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
}
