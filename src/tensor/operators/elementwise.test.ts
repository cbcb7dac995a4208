/** Chains of operations on elements in one pass: the bits of one operation after the other, and the functions near those of float64. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ElementProgram, elementCode, registersOf, valueRegisters } from "../../machine/index.ts";
import {
  add,
  compile,
  type DeviceArray,
  div,
  erf,
  exp,
  gelu,
  grad,
  layerNorm,
  matmul,
  max,
  mul,
  neg,
  openDevice,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  sqrt,
  sub,
  sum,
  type Tensor,
  trace,
} from "../index.ts";
import { simplify } from "../simplify.ts";
import { canFuse } from "./elementwise.ts";
import { fusedIn } from "./fuse.ts";

const isHere = canFuse();
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512)";
const fusedTest = test.skipIf(!isHere);

const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => 1.5 * Math.sin(seed + 1.7 * i));
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const devices = [1, 2].map(threads => openDevice("cpu", { threads }));
const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });

/** Results of f without fusing, with it, and with it on two threads. */
async function threeWays(f: (...xs: Tensor[]) => readonly Tensor[], shapes: readonly (readonly number[])[], data = values) {
  const found: Float32Array[][] = [];
  for (const [d, fuse] of [
    [0, false],
    [0, true],
    [1, true],
  ] as const) {
    const device = devices[d]!;
    const arrays = await Promise.all(shapes.map((s, i) => device.array(data(size(s), i), "f32", s)));
    const program = compile((xs: readonly Tensor[]) => f(...xs), { device, fuse });
    const results = (await program(arrays)) as readonly DeviceArray[];
    found.push(await Promise.all(results.map(async r => (await r.read()) as Float32Array)));
    program.dispose();
  }
  return found as [Float32Array[], Float32Array[], Float32Array[]];
}

fusedTest(
  `a member of a chain that is read in other dimensions than the chain's end has its own (ReduceMax: axis out of rank)${why}`,
  async () => {
    const [plain, fused, onTwo] = await threeWays(
      x => {
        const y = mul(add(x!, 0.5), 1.5);
        const flat = reshape(y, [40 * 8, 96]);
        // the engine reads y with three dimensions, and the chain ends with two
        return [max(y, [2]), max(y, [1]), sub(mul(flat, flat), flat)];
      },
      [[40, 8, 96]],
    );
    expect(fused).toEqual(plain);
    expect(onTwo).toEqual(plain);
  },
);

const binary = [add, sub, mul, div] as const;
fusedTest(
  `sums, products, quotients and roots keep their bits, whatever is spread over rows and columns, on any threads${why}`,
  async () => {
    const operation = fc.record({ kind: fc.nat(5), a: fc.nat(40), b: fc.nat(40), keeps: fc.nat(6) });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ rows: fc.integer({ min: 90, max: 130 }), columns: fc.integer({ min: 96, max: 130 }), hasSpread: fc.boolean() }),
        fc.array(operation, { minLength: 2, maxLength: 30 }),
        async ({ rows, columns, hasSpread }, operations) => {
          const whole = [rows, columns];
          const shapes = hasSpread ? [whole, whole, [columns], [rows, 1], []] : [whole, whole, []];
          const chain = (...xs: Tensor[]) => {
            const made = [mul(xs[0]!, 0.75)];
            const results: Tensor[] = [];
            for (const { kind, a, b, keeps } of operations) {
              const all = [...xs, ...made];
              const [x, y] = [made[a % made.length]!, all[b % all.length]!];
              made.push(kind < 4 ? binary[kind]!(b % 2 ? y : x, b % 2 ? x : y) : kind === 4 ? neg(x) : sqrt(x));
              if (keeps === 0) results.push(made.at(-1)!);
            }
            return [...results, made.at(-1)!];
          };
          const [plain, fused, threaded] = await threeWays(chain, shapes);
          expect(fused).toEqual(plain);
          expect(threaded).toEqual(plain);
        },
      ),
      { numRuns: 6 },
    );
  },
);

/** Numbers of all sizes, and those that are none. */
const wide = (n: number) =>
  Float32Array.from({ length: n }, (_, i) =>
    i < 6
      ? [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-30][i]!
      : 24 * ((i / n) * 2 - 1) * Math.abs(Math.sin(i)),
  );
/** How far apart results may be: of the value (x log2 e rounds, so an exponential is off by 4e-8 times x), and beside it. */
const functions: Readonly<Record<string, readonly [f: (x: Tensor) => Tensor, relative: number, absolute: number]>> = {
  exp: [exp, 2e-6, 1e-38],
  sigmoid: [sigmoid, 2e-6, 1e-38],
  erf: [erf, 5e-7, 0],
  gelu: [gelu, 5e-7, 5e-6],
  silu: [silu, 2e-6, 1e-38],
};
fusedTest(`exp, sigmoid, erf, gelu and silu are near what float64 gives, for numbers of all sizes${why}`, async () => {
  const xs = wide(20_000);
  const f = (x: Tensor) => Object.values(functions).map(([g]) => neg(g(x)));
  const [reference, fast] = [openDevice("reference"), devices[1]!];
  const [want, got] = await Promise.all(
    [reference, fast].map(async device => {
      const results = (await compile(f, { device, fuse: true })(await device.array(xs, "f32", [xs.length]))) as readonly DeviceArray[];
      return await Promise.all(results.map(async r => (await r.read()) as Float32Array));
    }),
  );
  for (const [o, [name, [, relative, absolute]]] of Object.entries(functions).entries())
    for (const [i, x] of xs.entries()) {
      const [w, g] = [want![o]![i]!, got![o]![i]!];
      if (Object.is(w, g) || w === g) continue;
      if (!(Math.abs(g - w) <= relative * Math.abs(w) + absolute)) expect.fail(`${name} of ${x}: got ${g}, want ${w}`);
    }
});

fusedTest(`what is donated is written in place, also where a chain reads it for several results${why}`, async () => {
  const step = (state: { w: Tensor; v: Tensor }, g: Tensor) => {
    const v = add(mul(state.v, 0.5), g);
    return { w: sub(state.w, div(v, add(sqrt(mul(v, v)), 1e-3))), v };
  };
  const run = async (fuse: boolean) => {
    const device = devices[0]!;
    const program = compile(step, { device, donate: [0], fuse });
    let state = { w: await device.array(values(10_000, 1), "f32", [10_000]), v: await device.array(values(10_000, 2), "f32", [10_000]) };
    for (let i = 0; i < 3; i++) state = await program(state, await device.array(values(10_000, 3 + i), "f32", [10_000]));
    return [await state.w.read(), await state.v.read()];
  };
  expect(await run(true)).toEqual(await run(false));
});

const norms = {
  layerNorm: (x: Tensor, w: Tensor) => layerNorm(x, w, w),
  rmsNorm: (x: Tensor, w: Tensor) => rmsNorm(x, w),
} as const;
fusedTest.each((["layerNorm", "rmsNorm"] as const).flatMap(kind => [[kind, [130, 96]] as const, [kind, [3, 90, 37]] as const]))(
  `the gradient of %s over %j, which sums rows, is near the engine's, with the same bits on any threads${why}`,
  async (kind, shape) => {
    const columns = shape.at(-1)!;
    const f = (x: Tensor, w: Tensor, g: Tensor) => {
      const loss = (p: { readonly x: Tensor; readonly w: Tensor }) => sum(mul(mul(norms[kind](p.x, p.w), g), 2));
      const d = grad(loss)({ x, w });
      return [d.x, d.w];
    };
    const graph = simplify(
      trace((x: Tensor, w: Tensor, g: Tensor) => f(x, w, g), spec(...shape), spec(columns), spec(...shape)),
      new Set(["layerNorm", "rmsNorm", "mean"]),
    );
    const steps = [...fusedIn(graph).chains.values()].flatMap(c => c.program.steps.map(s => s.kind));
    expect(steps).toContain("sumRow");
    const [plain, one, two] = await threeWays((x, w, g) => f(x!, w!, g!), [shape, [columns], shape]);
    expect(two).toEqual(one);
    for (const [o, want] of plain.entries())
      for (const [i, w] of want.entries())
        expect(Math.abs(one[o]![i]! - w), `${o}: ${i}`).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(w)));
  },
);

test("a node that something reads before a chain's end is not within it, and what is read after a chain's end is a result of it", () => {
  const graph = simplify(
    trace(
      (x: Tensor, y: Tensor) => {
        const a = add(x, y);
        const total = sum(mul(a, a)); // reads a, and the last chain reads it
        return mul(sub(exp(a), total), y);
      },
      spec(100, 200),
      spec(100, 200),
    ),
  );
  const { chains, inside } = fusedIn(graph);
  expect([...inside].map(t => t.kind).sort()).toEqual(["add", "exp", "sub"]);
  const inputs = [...chains.values()].map(c => c.inputs.map(t => t.kind).sort());
  expect(inputs).toEqual([
    ["add", "input", "sum"],
    ["input", "input"],
  ]);
});

test("the bias of a product stays with it, unless the product is an operator of its own", () => {
  const graph = trace((x: Tensor, w: Tensor, b: Tensor) => exp(add(matmul(x, w), b)), spec(200, 100), spec(100, 100), spec(100));
  const kinds = (isApart: boolean) =>
    [...fusedIn(graph, { isApart: () => isApart }).chains.values()].flatMap(c => c.program.steps.map(s => s.kind));
  expect(kinds(false)).toEqual([]);
  expect(kinds(true)).toEqual(["add", "exp"]);
});

test("a gradient of GELU is one chain", () => {
  const graph = simplify(
    trace((x: Tensor, w: Tensor) => grad((y: Tensor) => sum(mul(gelu(y), w)))(x), spec(100, 200), spec(100, 200)),
    new Set(["gelu"]),
  );
  expect([...fusedIn(graph).chains.values()].map(c => [c.inputs.length, c.outputs.length])).toEqual([[2, 1]]);
});

test("a program that needs more registers than there are is no operator", () => {
  // sums of all pairs of many values that are read again at the end
  const f = (...xs: Tensor[]) => {
    const roots = Array.from({ length: 36 }, (_, i) => mul(xs[i % 2]!, i + 2));
    return roots.reduceRight((total, r) => add(mul(total, r), 1));
  };
  const graph = trace((x: Tensor, y: Tensor) => f(x, y), spec(10_000), spec(10_000));
  for (const { program } of fusedIn(graph).chains.values()) {
    expect(registersOf(program)).toBeLessThanOrEqual(valueRegisters);
    if (isHere) expect(elementCode(program).code.length).toBeGreaterThan(0);
  }
  const sums: ElementProgram = {
    shape: [64],
    columns: 64,
    inputs: ["all"],
    steps: [{ kind: "add", of: [0, { constant: 1 }] }],
    outputs: [1],
  };
  expect(registersOf(sums)).toBe(2);
});
