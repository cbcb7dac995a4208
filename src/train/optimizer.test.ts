import { expect, test } from "vitest";
import { matrix, type ParameterSpec, zerosSpec } from "../nn/index.ts";
import {
  add,
  cast,
  compile,
  constant,
  type DeviceArray,
  evaluate,
  grad,
  input,
  matmul,
  mul,
  openDevice,
  sign,
  sub,
  sum,
  type Tensor,
} from "../tensor/index.ts";
import {
  adamw,
  frozen,
  grouped,
  muon,
  muonWithAdamw,
  type Optimizer,
  optimizerStateShapes,
  orthogonalised,
  type Rule,
  single,
  stepScalars,
  updateAll,
} from "./optimizer.ts";
import { recipeSchema } from "./part.ts";
import { optimizerOf } from "./recipe.ts";

const device = openDevice("cpu", { threads: 1 });

/** Minimises a loss over a tree of arrays; gives the parameters' values at the end. */
async function minimise(
  o: Optimizer,
  specs: Record<string, ParameterSpec>,
  start: Record<string, Float32Array>,
  loss: (p: Record<string, Tensor>) => Tensor,
  steps: number,
  rate: (i: number) => number,
) {
  const step = compile(
    (p: Record<string, Tensor>, state: Record<string, Record<string, Tensor>>, scalars: Record<string, Tensor>) =>
      updateAll(o, specs, { parameters: p, gradients: grad(loss)(p), state, scalars, gradientScale: constant(1) }),
    { device, donate: [0, 1] },
  );
  let parameters: Record<string, DeviceArray> = {};
  for (const [k, v] of Object.entries(start)) parameters[k] = await device.array(v, "f32", specs[k]!.shape);
  let state: Record<string, Record<string, DeviceArray>> = {};
  for (const [k, members] of Object.entries(optimizerStateShapes(o, specs))) {
    state[k] = {};
    for (const [name, s] of Object.entries(members)) state[k]![name] = await device.zeros(s.shape, s.dtype);
  }
  for (let i = 0; i < steps; i++) {
    const next = await step(parameters, state, stepScalars(o, { rate: rate(i), step: i + 1 }));
    parameters = next.parameters;
    state = next.state;
  }
  return Object.fromEntries(await Promise.all(Object.entries(parameters).map(async ([k, a]) => [k, await a.numbers()] as const)));
}

const optimizers: Record<string, Optimizer> = {
  adamw: single(adamw({ weightDecay: 0 })),
  muon: muonWithAdamw({ weightDecay: 0, momentum: 0.9 }, { weightDecay: 0 }),
};

for (const [name, o] of Object.entries(optimizers)) {
  test(`${name} reaches the optimum of a quadratic with a matrix and a vector`, async () => {
    const target = constant(Array.from({ length: 4 }, (_, i) => Array.from({ length: 3 }, (_, j) => Math.sin(i + 2 * j))));
    const offset = constant([1, -2, 0.5]);
    const specs = { w: matrix([4, 3], 0.1), b: zerosSpec([3]) };
    const loss = (p: Record<string, Tensor>) =>
      add(sum(mul(sub(p.w!, target), sub(p.w!, target))), sum(mul(sub(p.b!, offset), sub(p.b!, offset))));
    const end = await minimise(o, specs, { w: new Float32Array(12), b: new Float32Array(3) }, loss, 400, i => 0.1 * (1 - i / 400));
    const want = evaluate([target], new Map())[0]!;
    expect(Math.max(...[...end.w!].map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(0.02);
    expect(Math.max(...[...end.b!].map((x, i) => Math.abs(x - [1, -2, 0.5][i]!)))).toBeLessThan(0.02);
  });

  test(`${name} learns a linear map from products`, async () => {
    const truth = constant([
      [1, 2],
      [-1, 0.5],
      [0.3, -0.7],
    ]);
    const x = constant(Array.from({ length: 8 }, (_, i) => [Math.cos(i), Math.sin(2 * i), Math.cos(3 * i + 1)]));
    const y = matmul(x, truth);
    const error = (p: Record<string, Tensor>) => sub(matmul(x, p.w!), y);
    const end = await minimise(
      o,
      { w: matrix([3, 2], 0.1) },
      { w: new Float32Array(6) },
      p => sum(mul(error(p), error(p))),
      500,
      i => 0.08 * (1 - i / 500),
    );
    const want = evaluate([truth], new Map())[0]!;
    expect(Math.max(...[...end.w!].map((v, i) => Math.abs(v - want[i]!)))).toBeLessThan(0.02);
  });
}

test("one AdamW step from zero state is the rate times the sign, minus the decay", async () => {
  const o = single(adamw({ weightDecay: 0.1, epsilon: 1e-12 }));
  const end = await minimise(
    o,
    { w: matrix([1, 3], 1) },
    { w: Float32Array.of(2, -3, 4) },
    p => sum(mul(p.w!, constant([[5, -0.1, 0.001]]))),
    1,
    () => 0.01,
  );
  const want = [2 * (1 - 0.001) - 0.01, -3 * (1 - 0.001) + 0.01, 4 * (1 - 0.001) - 0.01];
  [...end.w!].forEach((x, i) => {
    expect(x).toBeCloseTo(want[i]!, 5);
  });
});

test("decay leaves parameters alone that do not decay", async () => {
  const o = single(adamw({ weightDecay: 0.5 }));
  const end = await minimise(
    o,
    { w: matrix([1, 2], 1), b: zerosSpec([2]) },
    { w: Float32Array.of(1, 1), b: Float32Array.of(1, 1) },
    p => mul(add(sum(p.w!), sum(p.b!)), 0),
    3,
    () => 0.1,
  );
  expect([...end.b!]).toEqual([1, 1]);
  expect(end.w![0]).toBeCloseTo(0.95 ** 3, 5);
});

test("orthogonalised: singular values end near one, whatever the shape", () => {
  for (const [rows, columns] of [
    [6, 6],
    [3, 9],
    [9, 3],
  ] as const) {
    const x = input("x", [rows, columns]);
    const values = Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(1 + i * i));
    const y = evaluate([orthogonalised(x, 5)], new Map([[x, values]]))[0]!;
    // the trace of y^T y is the sum of squared singular values: min(rows, columns) of them in about [0.7, 1.2]
    const mean = y.reduce((s, v) => s + v * v, 0) / Math.min(rows, columns);
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(1.5);
    // and nearly orthogonal rows or columns: off-diagonal products are small
    const small = Math.min(rows, columns);
    for (let a = 0; a < small; a++)
      for (let b = 0; b < a; b++) {
        let dot = 0;
        for (let k = 0; k < Math.max(rows, columns); k++)
          dot += rows <= columns ? y[a * columns + k]! * y[b * columns + k]! : y[k * columns + a]! * y[k * columns + b]!;
        expect(Math.abs(dot)).toBeLessThan(0.5);
      }
  }
});

test("muon's rule is for hidden matrices only", () => {
  const o = muonWithAdamw();
  expect(o.ruleOf("w", matrix([2, 2], 1)).name).toBe("muon");
  expect(o.ruleOf("b", zerosSpec([2])).name).toBe("adamw");
  expect(Object.keys(muon().state(matrix([2, 2], 1)))).toEqual(["momentum"]);
});

const toward = (p: Record<string, Tensor>) =>
  Object.values(p).reduce((total, x) => add(total, sum(mul(sub(x, 1), sub(x, 1)))), constant(0));

test("two groups of one rule keep rates of their own: their scalars do not overwrite each other", async () => {
  const o = grouped(
    [
      { parameters: ["slow.*"], optimizer: single(adamw({ weightDecay: 0, rateFactor: 0.1 })) },
      { parameters: ["frozen"], optimizer: single(frozen) },
    ],
    single(adamw({ weightDecay: 0 })),
  );
  const specs = { "slow.w": matrix([1, 2], 1), fast: matrix([1, 2], 1), frozen: matrix([1, 2], 1) };
  const start = Object.fromEntries(Object.keys(specs).map(k => [k, new Float32Array(2)]));
  const end = await minimise(o, specs, start, toward, 1, () => 0.5);
  // a first step of Adam is the rate, whatever the gradient
  expect(end.fast![0]).toBeCloseTo(0.5, 5);
  expect(end["slow.w"]![0]).toBeCloseTo(0.05, 5);
  expect([...end.frozen!]).toEqual([0, 0]);
  expect(optimizerStateShapes(o, specs).frozen).toEqual({});
});

test("a rule keeps state of any shape and dtype: a step counter in i32, one sum a row, codes of 8 bits", async () => {
  const rule: Rule = {
    name: "signs",
    state: ({ shape }) => ({
      count: { shape: [], dtype: "i32" },
      rows: { shape: [shape[0]!], dtype: "f32" },
      codes: { shape, dtype: "i8" },
    }),
    scalars: ({ rate }) => ({ rate }),
    update({ value, gradient, state, scalars }) {
      const codes = cast(sign(gradient), "i8");
      return {
        value: sub(value, mul(cast(codes, "f32"), scalars.rate!)),
        state: { count: add(state.count!, 1), rows: add(state.rows!, sum(mul(gradient, gradient), [1])), codes },
      };
    },
  };
  const specs = { w: matrix([2, 3], 1) };
  const shapes = optimizerStateShapes(single(rule), specs).w!;
  expect(Object.entries(shapes).map(([name, s]) => [name, s.shape, s.dtype])).toEqual([
    ["count", [], "i32"],
    ["rows", [2], "f32"],
    ["codes", [2, 3], "i8"],
  ]);
  const end = await minimise(single(rule), specs, { w: new Float32Array(6) }, toward, 4, () => 0.25);
  expect([...end.w!]).toEqual([1, 1, 1, 1, 1, 1]);
});

test("a rule that returns other state than it declares is refused by its parameter", async () => {
  const rule: Rule = { ...adamw(), name: "lost", update: ({ value }) => ({ value, state: {} }) };
  await expect(minimise(single(rule), { w: matrix([1, 2], 1) }, { w: new Float32Array(2) }, toward, 1, () => 1)).rejects.toThrow(
    /lost: w.*first f32\[1,2\], second f32\[1,2\].*no members/s,
  );
});

test("a recipe's groups: the first pattern that fits counts, rate 0 freezes, and a pattern of no parameter is refused", () => {
  const recipe = (groups: unknown) =>
    recipeSchema.parse({ tokens: 100, length: 8, rate: 0.01, optimizer: { kind: "muon", groups } as never });
  const specs = { embedding: zerosSpec([4, 2]), blocks: [{ w: matrix([2, 2], 1), norm: zerosSpec([2]) }] };
  const o = optimizerOf(
    recipe([
      { parameters: ["embedding"], rate: 0 },
      { parameters: "blocks.0.*", kind: "adamw", rate: 0.5, weightDecay: 0 },
    ]),
    specs,
  );
  const scalars = (path: string, spec: ParameterSpec) => o.ruleOf(path, spec).scalars({ rate: 1, step: 1 });
  expect(o.ruleOf("embedding", specs.embedding).name).toBe("frozen");
  expect(o.ruleOf("blocks.0.w", specs.blocks[0]!.w).name).toBe("adamw");
  expect(scalars("blocks.0.w", specs.blocks[0]!.w).adamKeep).toBe(1);
  expect(() => optimizerOf(recipe([{ parameters: "embeding" }]), specs)).toThrow(/groups\.0\.parameters.*"embeding".*"embedding"/s);
  expect(recipeSchema.parse({ tokens: 100, length: 8, rate: 0.01 }).optimizer).not.toHaveProperty("groups");
});
