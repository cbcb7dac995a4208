/** Operations that a training is charged for, against closed forms; and what a profile of its kernels says of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Account, modelFlops, type Work } from "../ledger/index.ts";
import { type DecoderConfig, gpt2Config } from "../nn/index.ts";
import { openDevice } from "../tensor/index.ts";
import type { PretrainRecipe } from "./part.ts";
import { trainerOptions, trainSource } from "./pretrain.ts";
import { profileTraining } from "./profile/profile-training.ts";
import { toyEnd, toyRecipe, toyShards, toyVocab } from "./toy.laws.ts";
import { createTrainer } from "./trainer.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-work-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [width, layers, heads, context] = [64, 2, 4, 32];
const model: DecoderConfig = { ...gpt2Config({ vocab: toyVocab, width, layers, heads, context }) };
const recipe = (over: Parameters<typeof toyRecipe>[0] = {}) =>
  toyRecipe({ rows: 8, length: context, attentionBlock: context, optimizer: { kind: "adamw" }, ...over });

async function workOf(r: PretrainRecipe, steps = 1) {
  const train = toyShards("train", 200);
  const account = new Account();
  try {
    return await account.run(async () => {
      const trainer = await createTrainer(trainerOptions({ device, model, recipe: r }));
      const source = trainSource({ recipe: r, train, end: toyEnd });
      for (let i = 0; i < steps; i++) await trainer.step(Array.from({ length: r.accumulate }, () => source.next()));
      trainer.dispose();
      return account.used();
    });
  } finally {
    account.close();
  }
}

/** N = B T tokens. Forward 2 N FLOPs a weight of a matrix, backward twice that; attention 4 T C a token and layer, backward twice that. */
function closedForm({ rows: B, length: T, attentionBlock: b }: PretrainRecipe): Pick<Work, "products" | "attention"> {
  const weights = layers * (4 * width * width + 2 * width * 4 * width) + width * toyVocab;
  // a block of queries sees the keys up to its end
  const pairs = Array.from({ length: T / b }, (_, i) => b * (i + 1) * b).reduce((n, p) => n + p, 0);
  return { products: 3 * 2 * B * T * weights, attention: 3 * 2 * 2 * B * pairs * width * layers };
}

test("a step of a small GPT is charged the closed form of its products, in f32 and in bf16", async () => {
  for (const precision of ["f32", "bf16"] as const) {
    const r = recipe({ precision });
    const { own, parts } = await workOf(r);
    expect(own.work, precision).toMatchObject({ ...closedForm(r), recomputed: 0 });
    expect(own.work.bf16).toBe(precision === "bf16" ? own.work.products + own.work.attention : 0);
    // AdamW has no products
    expect(parts.optimizer!.work).toMatchObject({ products: 0, attention: 0 });
    expect(parts.optimizer!.work.elementwise).toBeGreaterThan(0);
  }
});

test("steps, micro-batches and blocks of queries add up as their closed forms do", async () => {
  const blocks = recipe({ attentionBlock: 8, accumulate: 2 });
  const { own } = await workOf(blocks, 3);
  const { products, attention } = closedForm(blocks);
  expect(own.work).toMatchObject({ products: 6 * products, attention: 6 * attention, recomputed: 0 });
});

test("within a memory budget the model's operations stay, and the hardware's grow by what is computed again", async () => {
  const wide = { rows: 32 };
  const plain = await workOf(recipe(wide));
  const refusal = String(await workOf(recipe({ ...wide, memory: "1800kB" })).catch((e: unknown) => e));
  const least = Number(/at least ([\d.]+) MB/.exec(refusal)![1]);
  const recomputed = await workOf(recipe({ ...wide, memory: `${1.01 * least}MB` }));
  expect(modelFlops(recomputed.own.work)).toBe(modelFlops(plain.own.work));
  expect(recomputed.own.work.recomputed).toBeGreaterThan(0);
  // no more than one whole forward pass
  expect(recomputed.own.work.recomputed).toBeLessThan(modelFlops(plain.own.work) / 3);
});

test("Muon's products are the optimiser's, apart from the model's", async () => {
  const r = recipe({ optimizer: { kind: "muon" } });
  const { own, parts } = await workOf(r);
  expect(own.work).toMatchObject(closedForm(r));
  expect(parts.optimizer!.work.products).toBeGreaterThan(0);
});

test("a profile's kernels compute what the step is charged for, and its time is that of its kernels", async () => {
  const r = recipe({ accumulate: 2, attentionBlock: 16 });
  const profile = await profileTraining({
    device,
    model,
    recipe: r,
    train: toyShards("train", 200),
    end: toyEnd,
    steps: 2,
    folder,
    peak: { f32: 100, method: "made up" },
    progress: () => {},
  });
  const { own } = await workOf(r);
  const ofModel = profile.kernels.filter(k => k.program !== "update");
  const products = ofModel.filter(k => k.kind === "product" || k.kind === "attention");
  // GFLOP/s times milliseconds is MFLOP
  const flops = products.reduce((n, k) => n + (k.gflops ?? 0) * k.ms * 1e6, 0);
  // the operators of attention do the softmax as well: 6 operations a score, beside 2 a number of a head and product, in each of forward, dq, dk and dv
  const isWhole = products.some(k => k.what.startsWith("flashAttention"));
  const softmax = isWhole ? (own.work.attention * 4 * 6) / (6 * 2 * (width / heads)) : 0;
  expect(flops / (own.work.products + own.work.attention + softmax)).toBeCloseTo(1, 2);
  expect(profile.kernels.reduce((n, k) => n + k.ms, 0)).toBeCloseTo(profile.kernelMs, 6);
  expect(profile.kernels.reduce((n, k) => n + k.share, 0)).toBeCloseTo(1, 6);
  expect(new Set(profile.timeline.map(p => p.program))).toEqual(new Set(["gradient", "accumulate", "update"]));
  for (const { ms, spans } of profile.timeline) {
    expect(spans.length).toBeGreaterThan(5);
    for (const s of spans) expect(s.startMs).toBeLessThanOrEqual(ms);
  }
  expect(products.some(k => k.what === `product [${8 * context}, ${width}] x [${width}, ${4 * width}]`)).toBe(true);
});
