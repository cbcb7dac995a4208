import { expect, test } from "vitest";
import { addWork, hardwareFlops, modelFlops, noWork } from "../ledger/index.ts";
import { reachable } from "./body.ts";
import { checkpoint } from "./checkpoint.ts";
import { trace } from "./compile.ts";
import { countWork, nodeBytes, nodeWork } from "./count-work.ts";
import { type CompositeKind, expansions } from "./expand.ts";
import { gelu, layerNorm, logSumExp, matmul, mean, mul, rmsNorm, silu, softmax, sum } from "./functions.ts";
import { grad } from "./grad.ts";
import type { Graph } from "./graph.ts";
import { simplify } from "./simplify.ts";
import { input, Tensor } from "./tensor.ts";

const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });
const workOf = (traced: Graph) => countWork(simplify(traced), traced, false);

test("a product of [M, K] and [K, N] is 2 M K N, whichever side is transposed; a batch of them is as many", () => {
  const [m, k, n] = [5, 7, 11];
  const x = (name: string, ...shape: number[]) => input(name, shape);
  const of = (t: Tensor) => reachable([t]).map(nodeWork).reduce(addWork);
  const cases = [matmul(x("a", m, k), x("b", k, n)), matmul(x("a", k, m), x("b", n, k), { transposeA: true, transposeB: true })];
  for (const product of cases) expect(of(product)).toEqual({ ...noWork, products: 2 * m * k * n });
  expect(of(matmul(x("a", 3, m, k), x("b", k, n)))).toEqual({ ...noWork, products: 3 * 2 * m * k * n });
  expect(of(matmul(x("a", 2, 3, m, k), x("b", 2, 3, k, n)))).toEqual({ ...noWork, attention: 6 * 2 * m * k * n });
});

test("an operation on elements is one an element, a sum one a summand, layout none", () => {
  const x = input("x", [4, 6]);
  expect(nodeWork(mul(x, x)).elementwise).toBe(24);
  expect(nodeWork(sum(x, 0)).elementwise).toBe(24);
  expect(nodeWork(new Tensor("transpose", [x], { permutation: [1, 0] }))).toEqual(noWork);
  expect(nodeBytes(mul(x, input("y", [4, 6])))).toBe(3 * 4 * 24);
  expect(nodeBytes(mul(x, x))).toBe(2 * 4 * 24);
});

test("a composite costs what its expansion costs, so a backend that has it natively is charged the same", () => {
  const [x, w, q] = [input("x", [4, 8]), input("w", [8]), input("q", [2, 3, 4, 8])];
  const made = [gelu(x), silu(x), softmax(x), logSumExp(x), mean(x, 0), layerNorm(x, w, w), rmsNorm(x, w)];
  for (const t of made) {
    const kind = t.kind as CompositeKind;
    const expanded = (expansions[kind] as (inputs: readonly Tensor[], a: unknown) => Tensor)(t.inputs, t.attributes);
    const [native, plain] = [t, expanded].map(of => reachable([of]).map(nodeWork).reduce(addWork));
    expect(native, kind).toEqual(plain);
    expect(native!.elementwise).toBeGreaterThanOrEqual(t.size);
  }
  const own = new Tensor("attention", [q, q, q], { scale: 0.5 });
  expect(nodeWork(own).attention).toBe(2 * (2 * 2 * 3 * 4 * 4 * 8));
  expect(nodeWork(own).products).toBe(0);
});

/** Two layers, the first of which may be computed again; [N, C] x [C, C] twice, forward; four times backward, x's own gradient left out. */
const loss = (isRecomputed: boolean) => (p: { readonly a: Tensor; readonly b: Tensor; readonly c: Tensor }, x: Tensor) => {
  const layer = (h: Tensor, w: Tensor, v: Tensor) => matmul(gelu(matmul(h, w)), v);
  const f = isRecomputed ? checkpoint(layer) : layer;
  return sum(gelu(f(gelu(f(x, p.a, p.b)), p.c, p.a)));
};

test("a forward pass that is computed again counts for the hardware and not for the model", () => {
  const [n, c] = [6, 8];
  const gradient = (isRecomputed: boolean) => {
    const traced = trace(
      (p: Parameters<ReturnType<typeof loss>>[0], x: Tensor) => grad((q: typeof p) => loss(isRecomputed)(q, x))(p),
      { a: spec(c, c), b: spec(c, c), c: spec(c, c) },
      spec(n, c),
    );
    return workOf(traced);
  };
  const [plain, recomputed] = [gradient(false), gradient(true)];
  const product = 2 * n * c * c;
  // forward 4; backward 4 by the weights, 3 by what comes in (nothing asks for that of x)
  expect(plain).toMatchObject({ products: 11 * product, recomputed: 0 });
  expect(modelFlops(recomputed)).toBe(modelFlops(plain));
  // the second layer's first product; the first layer's is over what stays in memory anyway, so it is kept, and no layer needs its last one again
  expect(hardwareFlops(recomputed) - modelFlops(recomputed)).toBe(product);
});

test("the count of a program of bf16 products is that of the same one in f32", () => {
  const traced = trace((a: Tensor, b: Tensor) => gelu(matmul(a, b)), spec(4, 8), spec(8, 16));
  const graph = simplify(traced);
  const [f32, bf16] = [countWork(graph, traced, false), countWork(graph, traced, true)];
  expect({ ...bf16, bf16: 0 }).toEqual(f32);
  expect(bf16.bf16).toBe(2 * 4 * 8 * 16);
});
