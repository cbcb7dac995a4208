/** Our own products inside compiled programs: the same results whatever the threads; rounded ones beside float32 as close as bf16 allows. */
import { expect, test } from "vitest";
import { usableFeatures } from "../../machine/index.ts";
import { type Compiled, type CompileOptions, compile, gather, matmul, openDevice, type Tensor } from "../index.ts";
import { productOf } from "./product-of.ts";

const { wide256: isHere, wide512 } = usableFeatures();
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX2)";
const why512 = wide512 ? "" : " (skipped: no Linux on a processor with AVX-512)";

const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));

type Two = Compiled<[Tensor, Tensor], Tensor>;
const shapes: readonly (readonly [readonly number[], readonly number[], boolean, boolean])[] = [
  [[256, 192], [192, 320], false, false],
  [[2, 100, 192], [192, 130], false, false],
  [[200, 128], [96, 128], false, true],
  [[300, 128], [300, 96], true, false],
  [[2, 3, 100, 64], [2, 3, 180, 64], false, true],
  [[2, 3, 128, 100], [2, 3, 128, 180], true, false],
];

interface Run extends Pick<CompileOptions, "products" | "fuse"> {
  readonly threads: number;
}

/** The product of the same two arrays, compiled and run in each of these ways. */
async function productsBy(
  runs: readonly Run[],
  [a, b]: readonly (readonly number[])[],
  attributes: Parameters<typeof matmul>[2],
): Promise<Float32Array[]> {
  const size = (s: readonly number[]) => s.reduce((x, y) => x * y, 1);
  const results: Float32Array[] = [];
  for (const { threads, ...options } of runs) {
    const device = openDevice("cpu", { threads });
    const arrays = [await device.array(values(size(a!), 1), "f32", a!), await device.array(values(size(b!), 2), "f32", b!)] as const;
    const f: Two = compile((x: Tensor, y: Tensor) => matmul(x, y, attributes), { device, ...options });
    results.push((await (await f(...arrays)).read()) as Float32Array);
    f.dispose();
  }
  return results;
}

const apart = (a: Float32Array, b: Float32Array): number => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

test.skipIf(!isHere).each(shapes)(
  `%j by %j, transposed %s, %s: near float32, and the same bits on one thread and on two${why}`,
  async (a, b, transposeA, transposeB) => {
    const runs: readonly Run[] = [{ threads: 2 }, { threads: 1, products: "bf16" }, { threads: 2, products: "bf16" }];
    const [exact, one, two] = await productsBy(runs, [a, b], { transposeA, transposeB, alpha: 0.5 });
    expect(one).toEqual(two);
    const inner = transposeA ? a.at(-2)! : a.at(-1)!;
    expect(apart(exact!, one!)).toBeGreaterThan(0); // it was rounded
    expect(apart(exact!, one!)).toBeLessThan(0.5 * inner * 2 ** -8); // two operands of at most 1, each off by at most 2^-9
  },
);

test.skipIf(!isHere).each([
  [[600, 200], [200, 384], false, false],
  [[2, 300, 192], [770, 192], false, true],
  [[700, 192], [700, 384], true, false],
] as const)(
  `%j by %j, transposed %s, %s, in float32: what the engine has but for the order of sums, on one thread and on two${why}`,
  async (a, b, transposeA, transposeB) => {
    const runs: readonly Run[] = [{ threads: 2 }, { threads: 1, fuse: true }, { threads: 2, fuse: true }];
    const [engine, one, two] = await productsBy(runs, [a, b], { transposeA, transposeB });
    expect(one).toEqual(two);
    const inner = transposeA ? a.at(-2)! : a.at(-1)!;
    expect(apart(engine!, one!)).toBeLessThan(inner * 2 ** -20);
    expect(productOf("f32", a, b, { transposeA, transposeB, alpha: 1 })).toBeDefined(); // so it was ours
  },
);

test.skipIf(!isHere)(`what is infinite or no number stays so when it is rounded${why}`, async () => {
  const device = openDevice("cpu", { threads: 1 });
  const f: Two = compile((x: Tensor, y: Tensor) => matmul(x, y), { device, products: "bf16" });
  const ones = new Float32Array(256 * 256).fill(1);
  const strange = ones.slice();
  for (const [row, x] of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].entries()) strange[256 * row + 3] = x;
  new Uint32Array(strange.buffer)[256 * 3 + 3] = 0x7fffffff; // no number either: -0 if it were rounded like one
  const out = (await (
    await f(await device.array(strange, "f32", [256, 256]), await device.array(ones, "f32", [256, 256]))
  ).read()) as Float32Array;
  expect([0, 1, 2, 3, 4].map(row => out[256 * row])).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    Number.NaN,
    256,
  ]);
  f.dispose();
});

const weightValues = values(192 * 320, 2);

/** Two products of the same rows by constant weights, and rows of one of them looked up. */
async function byWeights(
  threads: number,
  options: Pick<CompileOptions, "fuse" | "strassen">,
  rows: readonly number[],
): Promise<Float32Array[]> {
  const device = openDevice("cpu", { threads });
  const weights = {
    plain: await device.array(weightValues, "f32", [192, 320]),
    table: await device.array(weightValues, "f32", [320, 192]),
  };
  const f = compile(
    (w: { readonly plain: Tensor; readonly table: Tensor }, x: Tensor, places: Tensor) => ({
      plain: matmul(x, w.plain),
      tied: matmul(x, w.table, { transposeB: true, alpha: 0.5 }),
      rows: gather(w.table, places),
    }),
    { device, constant: [0], ...options },
  );
  const results: Float32Array[] = [];
  const places = await device.array(Int32Array.of(3, 319, 0), "i32", [3]);
  for (const n of rows) {
    const out = await f(weights, await device.array(values(n * 192, 1), "f32", [n, 192]), places);
    for (const a of [out.plain, out.tied, out.rows]) results.push((await a.read()) as Float32Array);
  }
  f.dispose();
  device.dispose();
  return results;
}

test.skipIf(!wide512)(
  `products by constant weights in seven parts: near the engine's, whatever the threads; a weight is read otherwise too${why512}`,
  async () => {
    const rows = [160, 32, 33]; // the last cannot be halved in eights
    const [engine, one, two] = [
      await byWeights(1, {}, rows),
      await byWeights(1, { fuse: true, strassen: true }, rows),
      await byWeights(2, { fuse: true, strassen: true }, rows),
    ];
    expect(one).toEqual(two);
    for (const [i, want] of engine.entries())
      expect(apart(want, one[i]!), `result ${i}`).toBeLessThanOrEqual(i % 3 === 2 ? 0 : 192 * 2 ** -20);
    // so they were computed so: sums in another order have other bits
    expect(apart(engine[0]!, one[0]!)).toBeGreaterThan(0);
    expect(one[0]).not.toEqual((await byWeights(1, { fuse: true }, rows))[0]);
  },
);
