import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isLoamError, type LoamError, type Tree, treeLeaves } from "../base/index.ts";
import { type DecoderSpec, decoderSpec, openSafetensors } from "../nn/index.ts";
import { type DeviceArray, openDevice, type Tensor } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import { decoderLoss } from "./decoder-training.ts";
import { packer } from "./packing.ts";
import { type PretrainResult, pretrain } from "./pretrain.ts";
import { optimizerOf } from "./recipe.ts";
import { toyEnd, toyModel, toyRecipe, toyRuns, toyShards } from "./toy.laws.ts";
import { createTrainer } from "./trainer.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-train-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const folder = () => join(root, `run-${count++}`);

const options = toyRuns(device, folder);
const bytesOf = async (r: PretrainResult): Promise<Float64Array[]> =>
  Promise.all(treeLeaves<DeviceArray>(r.parameters as Tree<DeviceArray>).map(a => a.numbers()));

test("a tiny model learns the grammar: held-out loss nears the entropy of what cannot be known", async () => {
  const result = await pretrain(options(toyRecipe({ tokens: 150 * 256, checkpointSeconds: 999 })));
  // a third of the tokens (verbs) are certain, objects cost ln 8, subjects and ends about ln 8 + a bit: far below ln 25 = 3.2
  expect(result.points[0]!.loss).toBeGreaterThan(2);
  expect(result.heldOut).toBeLessThan(1.75);
  expect(result.points.at(-1)!.heldOut).toBe(result.heldOut);
}, 60_000);

for (const kind of ["adamw", "muon"] as const)
  test(`${kind}: a run that is interrupted and resumed ends bit for bit like one that was not`, async () => {
    const recipe = toyRecipe({ tokens: 12 * 256, optimizer: { kind }, dropout: 0.1, clip: 0.5 });
    const whole = await pretrain(options(recipe));
    const where = folder();
    for (const stopAt of [3, 4, 9]) {
      const stop = new AbortController();
      const running = pretrain(
        options(recipe, {
          folder: where,
          signal: stop.signal,
          progress: e => {
            if (e.values!.step === stopAt) stop.abort(new Error("stop"));
          },
        }),
      );
      await expect(running).rejects.toThrow("stop");
    }
    const resumed = await pretrain(options(recipe, { folder: where }));
    expect(resumed.resumedFrom).toBeGreaterThanOrEqual(9);
    expect(await bytesOf(resumed)).toEqual(await bytesOf(whole));
    const untimed = (r: PretrainResult) => r.points.map(({ tokensPerSecond: _, ...p }) => p);
    expect(untimed(resumed)).toEqual(untimed(whole));
  });

test("with several threads as well, the same recipe gives the same weights, bit for bit", async () => {
  const wide = { ...toyModel, width: 128, context: 128 };
  const threaded = openDevice("cpu", { threads: 4 });
  const recipe = toyRecipe({ tokens: 4 * 32 * 128, rows: 32, length: 128, attentionBlock: 128 });
  const run = async () => {
    const digest = createHash("sha256");
    for (const values of await bytesOf(await pretrain(options(recipe, { device: threaded, model: wide })))) digest.update(values);
    return digest.digest("hex");
  };
  expect(await run()).toBe(await run());
});

test("a truncated, an edited and a foreign checkpoint are refused by name, and the one before is used", async () => {
  const recipe = toyRecipe({ tokens: 8 * 256 });
  const where = folder();
  const stopped = async (at: number) => {
    const stop = new AbortController();
    await pretrain(
      options(recipe, { folder: where, signal: stop.signal, progress: e => void (e.values!.step === at && stop.abort(new Error("stop"))) }),
    ).catch(() => {});
  };
  await stopped(5);
  const names = () =>
    readdirSync(where)
      .filter(n => n.startsWith("step-"))
      .sort();
  expect(names()).toEqual(["step-000000004", "step-000000005"]);
  const newest = join(where, "step-000000005", "arrays.safetensors");
  truncateSync(newest, 1000);
  const problems: LoamError[] = [];
  const resumed = await pretrain(options(recipe, { folder: where, onProblem: p => void problems.push(p) }));
  expect(resumed.resumedFrom).toBe(4);
  expect(problems.map(p => p.message)).toEqual([
    expect.stringMatching(/^checkpoint step-000000005: expected arrays\.safetensors to match its hash [0-9a-f]{8}\.\.\., got [0-9a-f]{8}/),
  ]);

  const state = join(where, names().at(-1)!, "state.json");
  writeFileSync(state, readFileSync(state, "utf8").replace('"epoch":0', '"epoch":7'));
  problems.length = 0;
  await pretrain(options(recipe, { folder: where, onProblem: p => void problems.push(p) }));
  expect(problems[0]!.message).toMatch(/expected state\.json to match its hash/);

  problems.length = 0;
  const other = await pretrain(options(recipe, { folder: where, identity: "0".repeat(64), onProblem: p => void problems.push(p) }));
  expect(other.resumedFrom).toBe(0);
  expect(problems[0]!.message).toMatch(/expected a checkpoint of recipe 000000000000, got ffffffffffff/);
});

test("k micro-batches give the gradient step of one big batch, token-weighted", async () => {
  const recipe = toyRecipe({ optimizer: { kind: "adamw", epsilon: 1e-3 } });
  const shards = toyShards("accumulate", 100);
  const big = packer(shards, { rows: 8, length: 32, end: toyEnd, seed: 1 }).next();
  // unequal weights: a mean of means would differ
  big.weights.fill(0.25, 0, 3 * 32);
  const cut = (a: Int32Array | Float32Array, from: number, rows: number) => a.slice(from * 32, (from + rows) * 32);
  const part = (from: number, rows: number): HostBatch => {
    const arrays = Object.fromEntries(
      (["tokens", "targets", "segments", "positions", "weights"] as const).map(k => [k, cut(big[k], from, rows)]),
    );
    return { arrays: { ...arrays, seed: Int32Array.of(0) }, weight: (arrays.weights as Float32Array).reduce((s, w) => s + w, 0) };
  };
  const stepWith = async (parts: HostBatch[], rows: number) => {
    const shape = [rows, 32];
    const trainer = await createTrainer<
      DecoderSpec,
      { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor; seed: Tensor }
    >({
      device,
      specs: decoderSpec(toyModel),
      loss: decoderLoss(toyModel, recipe),
      batch: {
        tokens: { shape, dtype: "i32" },
        targets: { shape, dtype: "i32" },
        segments: { shape, dtype: "i32" },
        positions: { shape, dtype: "i32" },
        weights: { shape, dtype: "f32" },
        seed: { shape: [], dtype: "i32" },
      },
      optimizer: optimizerOf(recipe, decoderSpec(toyModel)),
      rate: 0.01,
      schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 0.5 },
      steps: 1,
      clip: 1,
      accumulate: parts.length,
      seed: 1,
      spike: 0,
    });
    const report = await trainer.step(parts);
    const values = await Promise.all(treeLeaves<DeviceArray>(trainer.state.parameters as Tree<DeviceArray>).map(a => a.numbers()));
    trainer.dispose();
    return { report, values };
  };
  const one = await stepWith([part(0, 8)], 8);
  for (const size of [4, 2, 1]) {
    const many = await stepWith(
      Array.from({ length: 8 / size }, (_, i) => part(i * size, size)),
      size,
    );
    expect(many.report.loss).toBeCloseTo(one.report.loss, 5);
    expect(many.report.gradientNorm).toBeCloseTo(one.report.gradientNorm, 4);
    const worst = Math.max(...many.values.map((v, i) => Math.max(...v.map((x, j) => Math.abs(x - one.values[i]![j]!)))));
    expect(worst).toBeLessThan(2e-5);
  }
});

test("a loss that is not finite stops before anything is applied, and names the documents", async () => {
  const where = folder();
  const o = options(
    toyRecipe({
      checkpointSeconds: 0,
      tokens: 20 * 256,
      rate: 1e6,
      clip: 0,
      optimizer: { kind: "adamw" },
      schedule: { kind: "constant", warmup: 0 },
    }),
    { folder: where },
  );
  const error = await pretrain(o).then(
    () => undefined,
    e => e as LoamError,
  );
  expect(isLoamError(error, "train/diverged")).toBe(true);
  expect(error!.message).toMatch(
    /step \d+: expected .*The step was not applied\. Gradients that are not finite: .*Documents of the batch: toy:\d+/,
  );
  // what was saved is the last good state
  const saved = readdirSync(where).filter(name => name.startsWith("step-"));
  expect(saved.length).toBeGreaterThan(0);
  for (const name of saved) {
    const arrays = await openSafetensors(join(where, name, "arrays.safetensors"));
    for (const tensor of arrays.tensors.keys())
      expect(
        [...(await arrays.read(tensor))].every(v => Number.isFinite(Number(v))),
        `${name}: ${tensor}`,
      ).toBe(true);
    await arrays.close();
  }
});

test("early stopping keeps the best parameters, also across an interruption", async () => {
  const recipe = toyRecipe({
    tokens: 60 * 256,
    rate: 0.3,
    evaluateEvery: 4,
    patience: 2,
    clip: 0,
    spike: 0,
    schedule: { kind: "constant", warmup: 0 },
  });
  const whole = await pretrain(options(recipe));
  expect(whole.stoppedEarly).toBe(true);
  expect(whole.heldOut).toBe(Math.min(...whole.points.map(p => p.heldOut ?? Number.POSITIVE_INFINITY)));
  const where = folder();
  const stop = new AbortController();
  await pretrain(
    options(recipe, {
      folder: where,
      signal: stop.signal,
      progress: e => void (e.values!.step === whole.steps - 2 && stop.abort(new Error("stop"))),
    }),
  ).catch(() => {});
  const resumed = await pretrain(options(recipe, { folder: where }));
  expect(await bytesOf(resumed)).toEqual(await bytesOf(whole));
});
