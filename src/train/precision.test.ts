/** Mixed precision over the whole loop: the loss falls as it does in float32, runs repeat to the bit, and where there are no such products nothing changes. */
import { afterEach, expect, test, vi } from "vitest";
import { decoderSpec, llamaConfig } from "../nn/index.ts";
import { openDevice, usableFeatures } from "../tensor/index.ts";
import { decoderLoss } from "./decoder-training.ts";
import { adamw, single } from "./optimizer.ts";
import type { Precision } from "./part.ts";
import { createTrainer } from "./trainer.ts";

const isHere = usableFeatures().wide512;
const why = isHere ? "" : " (skipped: the processor has no 512-bit vectors)";

const [rows, length, steps] = [4, 64, 6];
const model = llamaConfig({ vocab: 256, width: 128, layers: 2, heads: 2, context: length });

async function losses(precision: Precision | undefined, threads: number): Promise<number[]> {
  const device = openDevice("cpu", { threads });
  const ints = { shape: [rows, length], dtype: "i32" } as const;
  const trainer = await createTrainer({
    device,
    specs: decoderSpec(model),
    loss: decoderLoss(model, { dropout: 0, attentionBlock: 64 }),
    batch: {
      tokens: ints,
      targets: ints,
      segments: ints,
      positions: ints,
      weights: { shape: [rows, length], dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: single(adamw({})),
    rate: 3e-3,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    steps,
    precision,
  });
  const n = rows * length;
  const tokens = Int32Array.from({ length: n + 1 }, (_, i) => (i * i + 3 * i) % 251);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss } = await trainer.step([
      {
        arrays: {
          tokens: tokens.subarray(0, n),
          targets: tokens.subarray(1),
          segments: Int32Array.from({ length: n }, (_, k) => Math.floor(k / length)),
          positions: Int32Array.from({ length: n }, (_, k) => k % length),
          weights: new Float32Array(n).fill(1),
          seed: Int32Array.of(i),
        },
        weight: n,
      },
    ]);
    found.push(loss);
  }
  trainer.dispose();
  return found;
}

afterEach(() => void vi.unstubAllEnvs());

test.skipIf(!isHere)(`with bf16 products the loss is float32's to a thousandth, and the same bits whatever the threads${why}`, async () => {
  const [exact, one, two] = [await losses("f32", 1), await losses("bf16", 1), await losses("bf16", 2)];
  expect(one).toEqual(two);
  expect(one).not.toEqual(exact);
  expect(exact.at(-1)!).toBeLessThan(0.8 * exact[0]!);
  for (const [i, loss] of exact.entries()) expect(Math.abs(one[i]! - loss)).toBeLessThan(2e-3 * loss);
});

test("without machine code, bf16 is float32", async () => {
  vi.stubEnv("LOAM_MACHINE_CODE", "off");
  expect(await losses("bf16", 1)).toEqual(await losses(undefined, 1));
});
