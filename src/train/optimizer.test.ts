import { expect, test } from "vitest";
import { matrix, type ParameterSpec, zeros } from "../nn/index.ts";
import {
  add,
  compile,
  constant,
  type DeviceArray,
  evaluate,
  grad,
  input,
  matmul,
  mul,
  openDevice,
  sub,
  sum,
  type Tensor,
} from "../tensor/index.ts";
import {
  adamw,
  muon,
  muonWithAdamw,
  type Optimizer,
  optimizerStateShapes,
  orthogonalised,
  single,
  stepScalars,
  updateAll,
} from "./optimizer.ts";

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
    for (const [name, s] of Object.entries(members)) state[k]![name] = await device.zeros(s.shape);
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
    const specs = { w: matrix([4, 3], 0.1), b: zeros([3]) };
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
    { w: matrix([1, 2], 1), b: zeros([2]) },
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
  expect(o.ruleOf("b", zeros([2])).name).toBe("adamw");
  expect(muon().state).toEqual(["momentum"]);
});
