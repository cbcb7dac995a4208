import { afterAll, describe, expect, test } from "vitest";
import { matrix, zerosSpec } from "../../nn/index.ts";
import { add, compile, type DeviceArray, matmul, mul, openDevice, sub, sum, type Tensor } from "../../tensor/index.ts";
import { adamw, single } from "../optimizer.ts";
import { createTrainer, type TrainerOptions } from "../trainer.ts";
import { newKey, privateGenerator } from "./generator.ts";
import { poissonBatches, poissonSource } from "./poisson-batches.ts";
import { clippedSum } from "./private-gradients.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());
const key = Uint8Array.from({ length: 32 }, (_, i) => i);

describe("the generator", () => {
  test("draws the same with the same key and step, and nothing in common with another", () => {
    const one = privateGenerator(key).normals(3, 1000);
    expect(privateGenerator(key).normals(3, 1000)).toEqual(one);
    const others = [privateGenerator(key).normals(4, 1000), privateGenerator(newKey()).normals(3, 1000)];
    for (const other of others) expect(Math.abs(one.reduce((s, x, i) => s + x * other[i]!, 0) / 1000)).toBeLessThan(0.2);
    expect(privateGenerator(key).normals(3, 70_000).subarray(0, 1000)).toEqual(one);
  });
  test("gives normals of mean 0 and deviation 1, with the tails of the normal", () => {
    const x = privateGenerator(key).normals(1, 200_000);
    const moment = (k: number) => x.reduce((s, v) => s + v ** k, 0) / x.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
    expect(x.filter(v => v > 3).length / x.length).toBeCloseTo(0.00135, 3);
  });
  test("gives uniforms in (0, 1) of mean a half", () => {
    const u = privateGenerator(key).uniforms(9, "sample", 100_000);
    expect(u.every(v => v > 0 && v < 1)).toBe(true);
    expect(u.reduce((a, b) => a + b, 0) / u.length).toBeCloseTo(0.5, 2);
  });
});

describe("Poisson samples", () => {
  const people = Array.from({ length: 400 }, (_, i) => Array.from({ length: 1 + (i % 3) }, (_, k) => 3 * i + k));
  const sampling = { people, rate: 0.05, rows: 8, key };
  test("draw each person in a share of the steps, all texts side by side, in batches of one size", () => {
    const drawn = new Map<number, number>();
    for (let step = 0; step < 300; step++)
      for (const { texts, owner } of poissonBatches(sampling, step)) {
        expect(texts.length).toBeLessThanOrEqual(8);
        expect(owner).toEqual([...owner].sort((a, b) => a - b));
        for (const [at, person] of owner.entries()) {
          const i = Math.floor(texts[at]! / 3);
          if (at === 0 || owner[at - 1] !== person) drawn.set(i, (drawn.get(i) ?? 0) + 1);
          else expect(Math.floor(texts[at - 1]! / 3)).toBe(i);
        }
      }
    const total = [...drawn.values()].reduce((a, b) => a + b, 0);
    expect(Math.abs(total / (400 * 300) - 0.05)).toBeLessThan(0.003);
    expect(drawn.size).toBe(400);
  });
  test("of nobody are a batch of nobody", () => {
    expect(poissonBatches({ ...sampling, rate: 1e-12 }, 0)).toEqual([{ texts: [], owner: [] }]);
  });
  test("go on from where they stood", () => {
    const source = poissonSource(sampling, (b, step, at) => ({ b, step, at }));
    const first = Array.from({ length: 20 }, () => [source.state(), source.next()] as const);
    const rest = poissonSource(sampling, (b, step, at) => ({ b, step, at }), first[9]![0]);
    expect(Array.from({ length: 11 }, () => rest.next())).toEqual(first.slice(9).map(([, made]) => made));
  });
});

const specs = { w: matrix([4, 2], 0.5), b: zerosSpec([2]) };
type P = { w: Tensor; b: Tensor };
type B = { x: Tensor; y: Tensor; owner: Tensor };
const loss = (p: P, { x, y }: B, scale: Tensor) => {
  const error = sub(add(matmul(x, p.w), p.b), y);
  return mul(sum(mul(error, error)), scale);
};
const batchOf = (gain: number) => ({
  x: Float32Array.from({ length: 12 }, (_, i) => gain * Math.sin(i + 1)),
  y: new Float32Array(6).fill(gain),
  owner: Int32Array.of(0, 0, 1),
});

test("what a person adds stays within the clipping norm, however large their gradients are, and small ones stay as they are", async () => {
  for (const [gain, expected] of [
    [1e3, 1.5],
    [1e-3, undefined],
  ] as const) {
    const arrays = batchOf(gain);
    const norm = await normOfSum(arrays, 1.5, [0, 0, -1]);
    if (expected !== undefined) {
      expect(norm).toBeLessThanOrEqual(expected);
      expect(norm).toBeGreaterThan(0.999 * expected);
    } else expect(norm).toBeCloseTo(await normOfSum(arrays, 1e6, [0, 0, -1]), 9);
  }
});

async function normOfSum(arrays: ReturnType<typeof batchOf>, clip: number, owner: readonly number[]): Promise<number> {
  const sums = clippedSum((p, b, s) => loss(p as P, b as B, s), { clip, examples: b => ({ of: b.owner!, count: 3, span: 2 }) });
  const program = compile((p: P, b: B, scale: Tensor) => sums(p, b, scale, {}).gradients as P, { device });
  const array = (data: Float32Array | Int32Array, shape: number[]) => device.array(data, data instanceof Int32Array ? "i32" : "f32", shape);
  const p = { w: await array(new Float32Array(8).fill(0.3), [4, 2]), b: await array(new Float32Array(2), [2]) };
  const b = { x: await array(arrays.x, [3, 4]), y: await array(arrays.y, [3, 2]), owner: await array(Int32Array.from(owner), [3]) };
  const found = await program(p, b, 1);
  const values = [...(await found.w.numbers()), ...(await found.b.numbers())];
  program.dispose();
  return Math.sqrt(values.reduce((s, x) => s + x * x, 0));
}

describe("a step", () => {
  const options = (more: Partial<TrainerOptions<typeof specs, B>> = {}): TrainerOptions<typeof specs, B> => ({
    device,
    specs,
    loss,
    batch: { x: { shape: [3, 4], dtype: "f32" }, y: { shape: [3, 2], dtype: "f32" }, owner: { shape: [3], dtype: "i32" } },
    optimizer: single(adamw({ weightDecay: 0 })),
    rate: 0.1,
    steps: 10,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 0.5 },
    privacy: { clip: 1, noise: 0.5, expected: 2, examples: b => ({ of: b.owner!, count: 3, span: 2 }), key },
    ...more,
  });
  const weightsAfter = async (arrays: ReturnType<typeof batchOf>, more: Partial<TrainerOptions<typeof specs, B>> = {}) => {
    const trainer = await createTrainer(options(more));
    for (let i = 0; i < 3; i++) await trainer.step([{ arrays, weight: 3 }]);
    const values = await (trainer.state.parameters as { w: DeviceArray }).w.numbers();
    trainer.dispose();
    return values;
  };

  test("is the same with the same key, and another with another", async () => {
    const once = await weightsAfter(batchOf(1));
    expect(await weightsAfter(batchOf(1))).toEqual(once);
    const other = await weightsAfter(batchOf(1), { privacy: { ...options().privacy!, key: newKey() } });
    expect(other).not.toEqual(once);
  });
  test("of nobody moves by noise alone", async () => {
    const nobody = { ...batchOf(1), owner: Int32Array.of(-1, -1, -1) };
    const [a, b] = [await weightsAfter(nobody), await weightsAfter({ ...batchOf(7), owner: nobody.owner })];
    expect(a).toEqual(b);
    expect(a).not.toEqual(await weightsAfter(nobody, { privacy: { ...options().privacy!, noise: 1e-9 } }));
  });
});
