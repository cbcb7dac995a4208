/** Products that go on with a chain over their rows, and bf16 words between operators: the same bits as node by node, on any threads. */
import { expect, test } from "vitest";
import { processorFeatures, usableProductTier } from "../../machine/index.ts";
import { add, cast, compile, grad, matmul, mul, neg, openDevice, reshape, sum, type Tensor, trace } from "../index.ts";
import { simplify } from "../simplify.ts";
import { fusedIn } from "./fuse.ts";
import { productOf } from "./product-of.ts";

const { wide512, bf16 } = processorFeatures();
const why = wide512 ? "" : " (skipped: the processor has no 512-bit vectors)";
const fusedTest = test.skipIf(!wide512);

const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));
const sizeOf = (s: readonly number[]) => s.reduce((x, y) => x * y, 1);
const [rows, width, wide] = [264, 128, 336] as const;
const shapes = {
  x: [rows, width],
  up: [width, wide],
  bias: [wide],
  down: [wide, width],
} as const;
type Given = Readonly<Record<keyof typeof shapes, Tensor>>;

/** Two layers with a bias, a square between them and a residual: sums, products and nothing that rounding makes differ. */
const layers = ({ x, up, bias, down }: Given): Tensor => {
  const h = add(matmul(x, up), bias);
  return add(matmul(mul(h, h), down), x);
};
const loss = (given: Given): Tensor => {
  const y = layers(given);
  return sum(mul(y, y));
};
/** What a node keeps for later in bf16, read by a product, by a chain and through another shape. */
const keeping = ({ x, up, down }: Given): Tensor[] => {
  const h = matmul(x, up);
  const kept = cast(mul(h, 3), "bf16");
  const back = cast(kept, "f32");
  const turned = cast(reshape(kept, [3, rows / 3, wide]), "f32");
  return [matmul(back, down), add(mul(back, 2), neg(h)), matmul(reshape(turned, [rows, wide]), down), add(h, 1), turned];
};
const programs: Readonly<Record<string, (given: Given) => Tensor[]>> = {
  layers: given => [layers(given)],
  gradients: given => Object.values(grad(loss)(given)),
  keeping,
};

async function run(name: string, products: "f32" | "bf16", fuse: boolean, threads: number): Promise<unknown[]> {
  const device = openDevice("cpu", { threads });
  const entries = await Promise.all(
    Object.entries(shapes).map(async ([k, s], i) => [k, await device.array(values(sizeOf(s), i), "f32", [...s])] as const),
  );
  const program = compile((given: Given) => programs[name]!(given), { device, products, fuse });
  const results = await program(Object.fromEntries(entries) as never);
  const read = await Promise.all((results as readonly { read(): Promise<unknown> }[]).map(r => r.read()));
  program.dispose();
  return read;
}

fusedTest.each(Object.keys(programs).flatMap(name => (["f32", "bf16"] as const).map(p => [name, p] as const)))(
  `%s in %s: products that go on with a chain give the bits of node by node, on one thread and on two${why}`,
  async (name, products) => {
    const one = await run(name, products, true, 1);
    expect(await run(name, products, true, 2)).toEqual(one);
    // in float32 only `fuse` makes products ours, whose sums have an order of their own
    if (products === "bf16") expect(one).toEqual(await run(name, products, false, 1));
    else {
      const plain = (await run(name, products, false, 1)) as Float32Array[];
      for (const [o, want] of plain.entries()) {
        const got = one[o] as Float32Array;
        const most = want.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        expect(want.reduce((m, w, i) => Math.max(m, Math.abs(got[i]! - w)), 0)).toBeLessThanOrEqual(3e-5 * most);
      }
    }
  },
);

test("biases, residuals and squares follow within the operators of their products, and products read what those write as words", () => {
  const named = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
  const graph = simplify(
    trace(
      (...given: Tensor[]) => Object.values(grad(loss)(Object.fromEntries(named.map(({ name }, i) => [name, given[i]!])) as never)),
      ...named.map(({ shape }) => ({ shape: [...shape], dtype: "f32" as const })),
    ),
    new Set(["matmulAdd", "mean"]),
  );
  const shapeOf = (t: Tensor) =>
    t.kind === "matmul" || t.kind === "matmulAdd"
      ? productOf("bf16", t.inputs[0]!.shape, t.inputs[1]!.shape, t.attributes as never)
      : undefined;
  const chains = [...fusedIn(graph, { isApart: () => true, productOf: shapeOf }).chains.values()].filter(c => c.product);
  // tiles of AMX go on with nothing
  if (usableProductTier("bf16") === "amx") {
    expect(chains).toEqual([]);
    return;
  }
  expect(chains.length).toBeGreaterThanOrEqual(3);
  expect(chains.flatMap(c => c.outputs.map(o => o.type))).toContain("bf16");
  // no result of the program is written by an operator whose product still reads what may lie there
  for (const c of chains) for (const { of } of c.outputs) expect(graph.outputs).not.toContain(of);
});

test.skipIf(!bf16)(
  `a result that is donated memory is not written while a product reads it${bf16 ? "" : " (skipped: no AVX-512 BF16)"}`,
  async () => {
    const device = openDevice("cpu", { threads: 2 });
    const n = 256;
    const step = ({ w }: { w: Tensor }) => ({ w: add(w, mul(matmul(w, w), 0.25)) });
    const results: unknown[] = [];
    for (const fuse of [false, true]) {
      const program = compile(step, { device, donate: [0], fuse, products: "bf16" });
      let state = {
        w: await device.array(
          values(n * n, 1).map(x => x / n),
          "f32",
          [n, n],
        ),
      };
      for (let i = 0; i < 3; i++) state = await program(state);
      results.push(await state.w.read());
      program.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  },
);
