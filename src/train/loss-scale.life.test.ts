/** Training in f16 on a device that has it: the loss is float32's to a few thousandths, and steps that are skipped leave no trace, on any number of ranks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import { openDevice } from "../tensor/index.ts";
import { runLoop } from "./loop.ts";
import { readMetrics } from "./metrics.ts";
import { leavesOf, onRanks, runSteps, valuesOf } from "./parallel/parallel.laws.ts";
import { trainerOptions, trainSource } from "./pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "./toy.laws.ts";
import { createTrainer } from "./trainer.ts";

const root = mkdtempSync(join(tmpdir(), "loam-f16-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = () => mkdtempSync(join(root, "run-"));

/** Wide enough for products and activations to be rounded. */
const wide = { ...toyModel, layers: 1, width: 64, context: 64 };
const recipe = toyRecipe({ tokens: 12 * 8 * 64, length: 64, precision: "f16", schedule: { warmup: 0, kind: "constant" } });

describe.skipIf(lacksPjrt !== undefined)(`on a device with f16${pjrtReason}`, () => {
  const device = openDevice(lacksPjrt === undefined ? "pjrt:cpu" : "reference", { threads: 1 });
  const options = (over: Parameters<ReturnType<typeof toyRuns>>[1] = {}) => toyRuns(device, folder)(recipe, { model: wide, ...over });
  const f32 = () => toyRuns(device, folder)({ ...recipe, precision: "f32" }, { model: wide });

  test("the loss falls as it does in float32, to a few thousandths, and parameters and state stay f32", async () => {
    const [half, single] = [await runSteps(options(), 12), await runSteps(f32(), 12)];
    expect(half.reports.map(r => r.loss)).not.toEqual(single.reports.map(r => r.loss));
    expect(half.reports.at(-1)!.loss).toBeLessThan(0.8 * half.reports[0]!.loss);
    for (const [i, r] of half.reports.entries()) {
      const other = single.reports[i]!;
      expect(Math.abs(r.loss - other.loss)).toBeLessThan(5e-3 * other.loss);
      expect(Math.abs(r.gradientNorm - other.gradientNorm)).toBeLessThan(2e-2 * other.gradientNorm);
      expect(r.lossScale).toBe(2 ** 16);
    }
    const arrays = [...leavesOf(half.trainer.state.parameters), ...leavesOf(half.trainer.state.optimizer)];
    expect(new Set(arrays.map(a => a.dtype))).toEqual(new Set(["f32"]));
    expect(half.trainer.kept()!.narrowed).toBeGreaterThan(0);
    for (const { trainer } of [half, single]) trainer.dispose();
  }, 60_000);

  test("a scale that is too high is halved until gradients are numbers; skipped steps change nothing and count for nothing", async () => {
    const trainer = await createTrainer({ ...trainerOptions(options()), lossScaling: { initial: 2 ** 40, goodSteps: 2000 } });
    const batch = trainSource(options()).next();
    const before = await valuesOf([trainer.state.parameters, trainer.state.optimizer]);
    let skipped = 0;
    for (;;) {
      const report = await trainer.step([batch]);
      expect(report.lossScale).toBe(2 ** (40 - skipped));
      if (!report.isSkipped) break;
      skipped++;
      expect(report.skippedSteps).toBe(skipped);
      expect(await valuesOf([trainer.state.parameters, trainer.state.optimizer])).toEqual(before);
    }
    expect(skipped).toBeGreaterThan(3);
    expect(trainer.state).toMatchObject({ step: skipped + 1, lossScale: { scale: 2 ** (40 - skipped), good: 1, skipped } });
    // one step of a run that began with that scale: the same bits, bias corrections of Adam and all
    const other = await createTrainer({ ...trainerOptions(options()), lossScaling: { initial: 2 ** (40 - skipped), goodSteps: 2000 } });
    await other.step([batch]);
    expect(await valuesOf(trainer.state.parameters)).toEqual(await valuesOf(other.state.parameters));
    for (const t of [trainer, other]) t.dispose();
  }, 60_000);

  test("what is no number at scale 1 has diverged", async () => {
    const trainer = await createTrainer({ ...trainerOptions(options()), lossScaling: { initial: 2, goodSteps: 2000 } });
    const batch = trainSource(options()).next();
    const spoilt = { ...batch, arrays: { ...batch.arrays, weights: new Float32Array(8 * 64).fill(Number.NaN) } };
    expect((await trainer.step([spoilt])).isSkipped).toBe(true);
    await expect(trainer.step([spoilt])).rejects.toThrow(/step 2: expected a finite loss and gradient/);
    trainer.dispose();
  }, 60_000);

  test("all ranks skip a step that one of them has spoilt, and go on alike", async () => {
    const found = await onRanks(2, async group => {
      const trainer = await createTrainer({ ...trainerOptions(options()), parallel: { group } });
      const source = trainSource(options());
      const reports = [];
      for (let i = 0; i < 3; i++) {
        const batch = source.next();
        const isSpoilt = i === 1 && group.rank === 1;
        const weights = isSpoilt ? new Float32Array(8 * 64).fill(1e9) : batch.arrays.weights!;
        reports.push(await trainer.step([{ ...batch, arrays: { ...batch.arrays, weights } }]));
      }
      const values = await valuesOf(trainer.state.parameters);
      trainer.dispose();
      return { values, told: reports.map(r => [r.isSkipped ?? false, r.lossScale, r.skippedSteps]) };
    });
    expect(found[0]!.told).toEqual([
      [false, 2 ** 16, 0],
      [true, 2 ** 16, 1],
      [false, 2 ** 15, 1],
    ]);
    expect(found[1]).toEqual(found[0]);
  }, 60_000);

  test("a resumed run goes on with the scale of its checkpoint, in every bit; the scale is in the log", async () => {
    const loop = async (where: string, stopAt?: number) => {
      const stop = new AbortController();
      const o = options();
      const result = await runLoop({
        trainer: { ...trainerOptions(o), lossScaling: { initial: 2 ** 30, goodSteps: 2 } },
        source: state => trainSource(o, state),
        tokensOf: () => 8 * 64,
        evaluateEvery: 100,
        keepsBest: false,
        patience: 0,
        logEvery: 1,
        checkpointSeconds: 1000,
        identity: "f".repeat(64),
        folder: where,
        progress: e => void (e.values?.step === stopAt && stop.abort(new Error("stop"))),
        describe: r => ({ stage: "train", message: "", values: { step: r.step } }),
        signal: stop.signal,
        now: () => 0,
      });
      return { values: await valuesOf(result.parameters), points: result.points, from: result.resumedFrom };
    };
    const whole = await loop(folder());
    const where = folder();
    await expect(loop(where, 9)).rejects.toThrow("stop");
    const resumed = await loop(where);
    expect(resumed.from).toBe(9);
    expect(resumed.values).toEqual(whole.values);
    const told = (points: typeof whole.points) => points.map(p => [p.step, p.loss, p.lossScale, p.skippedSteps]);
    expect(told(resumed.points)).toEqual(told(whole.points));
    // it was doubled again after two good steps, and that was too much
    const [first, last] = [whole.points[0]!, whole.points.at(-1)!];
    expect(first.skippedSteps).toBeGreaterThan(2);
    expect(last.skippedSteps).toBeGreaterThan(first.skippedSteps!);
    expect(readMetrics(whole.points.map(p => JSON.stringify(p)).join("\n")).every(p => Number.isFinite(p.loss))).toBe(true);
  }, 60_000);
});
