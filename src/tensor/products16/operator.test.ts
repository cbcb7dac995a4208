/** Products with rounded operands inside compiled programs: the same results whatever the threads, beside float32 as close as bf16 allows. */
import { expect, test } from "vitest";
import { type Compiled, compile, matmul, openDevice, type Tensor } from "../index.ts";
import { processorFeatures } from "../machine/index.ts";

const isHere = processorFeatures().bf16;
const why = isHere ? "" : " (skipped: the processor has no products of bf16)";

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

test.skipIf(!isHere).each(shapes)(
  `%j by %j, transposed %s, %s: near float32, and the same bits on one thread and on two${why}`,
  async (a, b, transposeA, transposeB) => {
    const results: Float32Array[] = [];
    for (const [threads, products] of [
      [2, "f32"],
      [1, "bf16"],
      [2, "bf16"],
    ] as const) {
      const device = openDevice("cpu", { threads });
      const size = (s: readonly number[]) => s.reduce((x, y) => x * y, 1);
      const arrays = [await device.array(values(size(a), 1), "f32", a), await device.array(values(size(b), 2), "f32", b)] as const;
      const f: Two = compile((x: Tensor, y: Tensor) => matmul(x, y, { transposeA, transposeB, alpha: 0.5 }), { device, products });
      results.push((await (await f(...arrays)).read()) as Float32Array);
      f.dispose();
    }
    const [exact, one, two] = results as [Float32Array, Float32Array, Float32Array];
    expect(one).toEqual(two);
    const inner = transposeA ? a.at(-2)! : a.at(-1)!;
    const worst = exact.reduce((most, x, i) => Math.max(most, Math.abs(x - one[i]!)), 0);
    expect(worst).toBeGreaterThan(0); // it was rounded
    expect(worst).toBeLessThan(0.5 * inner * 2 ** -8); // two operands of at most 1, each off by at most 2^-9
  },
);
