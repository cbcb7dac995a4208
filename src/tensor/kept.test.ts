/** Laws of kept activations: recomputing any of them changes no value; in 16 bits only the backward pass sees the rounding. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CompileOptions, compile, trace } from "./compile.ts";
import { customGradient } from "./custom-gradient.ts";
import { openDevice } from "./device.ts";
import { evaluate } from "./evaluate.ts";
import * as f from "./functions.ts";
import { valueAndGrad } from "./grad.ts";
import { type KeptValue, keptValues, narrowable, twoPasses, withKeptForms } from "./kept.ts";
import { Recomputation } from "./rematerialise.ts";
import { simplify } from "./simplify.ts";
import { checkGraph } from "./spec.ts";
import type { Tensor } from "./tensor.ts";

type Weights = { up: Tensor; down: Tensor; norm: Tensor }[];
/** Blocks x + gelu(norm(x) up) down, and the mean of what comes out squared. */
const blocks = (w: Weights, x: Tensor): Tensor => {
  let h = x;
  for (const b of w) h = f.add(h, f.matmul(f.gelu(f.matmul(f.layerNorm(h, b.norm), b.up)), b.down));
  return f.mean(f.mul(h, h));
};
const step = (w: Weights, x: Tensor) => {
  const [loss, gradients] = valueAndGrad(blocks)(w, x);
  return { loss, gradients };
};
const spec = (...shape: number[]) => ({ shape, dtype: "f32" as const });
const weightSpecs = (layers: number, width: number) =>
  Array.from({ length: layers }, () => ({ up: spec(width, 4 * width), down: spec(4 * width, width), norm: spec(width) }));

function traced(layers: number, rows: number, width: number) {
  const graph = simplify(trace(step, weightSpecs(layers, width), spec(rows, width)));
  const passes = twoPasses(graph, new Set([0]));
  return { graph, passes, kept: keptValues(passes) };
}

const drawn = (size: number, seed: number): number[] => {
  let state = seed + 1;
  return Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
};

test("whatever is recomputed, the values are those of the program that keeps all", () => {
  const { graph, passes, kept } = traced(3, 4, 8);
  expect(kept.length).toBeGreaterThan(8);
  const given = new Map(graph.inputs.map((t, i) => [t as Tensor, Float64Array.from(drawn(t.size, i))]));
  const want = evaluate(graph.outputs, given);
  const recomputation = new Recomputation(kept);
  fc.assert(
    fc.property(fc.subarray([...kept]), dropped => {
      const recomputed = recomputation.closure(new Set(dropped.map(k => k.node)));
      if (!recomputed) return;
      const made = withKeptForms(passes, { narrowed: new Set(), recomputed });
      checkGraph(made);
      expect(evaluate(made.outputs, given)).toEqual(want);
    }),
    { numRuns: 30 },
  );
});

test("the order of what is dropped begins with the most bytes for the least work", () => {
  const { kept } = traced(2, 2048, 32);
  const recomputation = new Recomputation(kept);
  const order = recomputation.order();
  const worth = ({ node, bytes }: KeptValue) => bytes / recomputation.cost(new Set([node]));
  const first = kept.find(k => k.node === order[0])!;
  for (const k of kept.filter(k => order.includes(k.node))) expect(worth(first)).toBeGreaterThanOrEqual(worth(k));
  // one pass over memory comes before the products that it follows
  expect(order[0]!.kind).not.toBe("matmul");
  expect(new Set(order).size).toBe(order.length);
});

/** Something whose derivative is computed by an exponential of its input. */
const exponential = customGradient(
  (x: Tensor) => f.sin(x),
  ({ inputs: [x], cotangent }) => [f.mul(cotangent, f.exp(x!))],
);

test("statistics of rows, what is exponentiated and small arrays stay float32", () => {
  const loss = (w: { a: Tensor }, x: Tensor) => {
    const h = f.matmul(x, w.a);
    const size = f.sqrt(f.sum(f.mul(h, h), -1, true));
    return f.sum(f.mul(f.div(h, size), exponential(h)));
  };
  const graph = simplify(
    trace(
      (w: { a: Tensor }, x: Tensor) => {
        const [value, gradients] = valueAndGrad(loss)(w, x);
        return { loss: value, gradients };
      },
      { a: spec(64, 128) },
      spec(9000, 64),
    ),
  );
  const kept = keptValues(twoPasses(graph, new Set([0])));
  const narrow = new Set(narrowable(kept));
  const [matrices, statistics] = [kept.filter(k => k.node.shape.at(-1) === 128), kept.filter(k => k.node.size === 9000)];
  expect(statistics.length).toBeGreaterThan(0);
  for (const { node } of statistics) expect(narrow.has(node)).toBe(false);
  for (const { node, readers } of matrices) expect(narrow.has(node)).toBe(!readers.has("exp"));
  expect(matrices.some(k => k.readers.has("exp"))).toBe(true);
  expect(narrow.size).toBeGreaterThan(0);
});

const device = openDevice("cpu", { threads: 2 });
const [layers, rows, width] = [4, 512, 64];

/** Loss and gradients of the blocks on the device, and what their values took. */
async function computed(options: Partial<CompileOptions>) {
  const run = compile(step, { device, fuse: true, measureMemory: true, ...options });
  const array = (shape: readonly number[], seed: number, scale: number) =>
    device.array(
      Float32Array.from(
        drawn(
          shape.reduce((n, d) => n * d, 1),
          seed,
        ),
        v => v * scale,
      ),
      "f32",
      shape,
    );
  const weights = await Promise.all(
    weightSpecs(layers, width).map(async (w, i) => ({
      up: await array(w.up.shape, 3 * i, 0.2),
      down: await array(w.down.shape, 3 * i + 1, 0.1),
      norm: await array(w.norm.shape, 3 * i + 2, 1),
    })),
  );
  const x = await array([rows, width], 99, 1);
  const made = await run(weights, x);
  const loss = await made.loss.item();
  const gradients = await Promise.all(made.gradients.flatMap(g => [g.up, g.down, g.norm]).map(g => g.numbers()));
  const found = { loss, gradients, peak: run.peakBytes()!, kept: run.kept() };
  run.dispose();
  return found;
}
const forward = ["loss"];

test("in float32 a budget changes no bit, the values fit into it, and the estimate is the engine's own count to 2 %", async () => {
  const plain = await computed({});
  const whole = (await computed({ keep: { forward, budgetBytes: 2 ** 40 } })).kept!.estimatedBytes!;
  expect(Math.abs(whole - plain.peak)).toBeLessThan(0.02 * plain.peak);
  for (const share of [0.9, 0.7, 0.55]) {
    const budgetBytes = Math.floor(share * whole);
    const found = await computed({ keep: { forward, budgetBytes } });
    expect(found.loss).toBe(plain.loss);
    expect(found.gradients).toEqual(plain.gradients);
    expect(found.kept!.recomputed).toBeGreaterThan(0);
    expect(found.kept!.estimatedBytes!).toBeLessThanOrEqual(budgetBytes);
    expect(Math.abs(found.peak - found.kept!.estimatedBytes!)).toBeLessThan(0.02 * found.peak);
  }
}, 60_000);

test("a budget that cannot hold names the least that can, and that one holds", async () => {
  const failure = await computed({ keep: { forward, budgetBytes: 1000 } }).catch((e: unknown) => e);
  expect(failure).toMatchObject({ code: "tensor/memory" });
  expect(String(failure)).toMatch(/at least .* for activations, got 1.00 kB/);
  const { leastBytes } = (failure as { details: { leastBytes: number } }).details;
  expect((await computed({ keep: { forward, budgetBytes: leastBytes } })).kept!.estimatedBytes).toBeLessThanOrEqual(leastBytes);
});

const narrows = device.capabilities.narrows === true;
const why = narrows ? "" : " (skipped: no machine code for 512-bit vectors)";
test.skipIf(!narrows)(`kept in 16 bits the loss has the same bits, and gradients are near${why}`, async () => {
  const plain = await computed({ products: "bf16" });
  const narrow = await computed({ products: "bf16", keep: { forward, storage: "bf16" } });
  expect(narrow.loss).toBe(plain.loss);
  expect(narrow.kept!.narrowed).toBeGreaterThanOrEqual(2 * layers);
  expect(narrow.peak).toBeLessThan(0.85 * plain.peak);
  for (const [i, g] of narrow.gradients.entries()) {
    const want = plain.gradients[i]!;
    const norm = Math.hypot(...want);
    expect(Math.hypot(...g.map((v, k) => v - want[k]!))).toBeLessThan(0.02 * norm);
  }
});
