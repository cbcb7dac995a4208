/** Laws of activations on ranks that part the model: a memory limit computes again what does not fit, and bf16 halves what waits; gradients stay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cases } from "../../../test/support/deep.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { single } from "../optimizer.ts";
import type { PretrainRecipeInput } from "../part.ts";
import { hasBf16 } from "../precision.ts";
import { trainerOptions } from "../pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "../toy.laws.ts";
import { createTrainer } from "../trainer.ts";
import { meshSize } from "./mesh.ts";
import { onRanks, recorder, relativeDifference, runSteps } from "./parallel.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-split-memory-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
const options = toyRuns(device, () => join(root, `run-${runs++}`));
/** Wide enough that activations are worth computing again. */
const model = { ...toyModel, tied: true, hidden: 160, layers: 4 };
const recipe = { rows: 24, accumulate: 3, dropout: 0.1, tokens: 40 * 24 * 32, vocabMultiple: 4 } as const;
const of = (over: Partial<PretrainRecipeInput>, ranks?: ProcessGroup) => options(toyRecipe({ ...recipe, ...over }), { model, ranks });

/** Gradients of step 1 that a rank owns, and what waited. */
const step = (over: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
  const { trainer, reports } = await runSteps(of(over, ranks), 1, { optimizer: single(recorder) });
  const found = await Promise.all(
    Object.entries(trainer.state.optimizer).map(async ([path, { gradient }]) => [path, await gradient!.numbers()] as const),
  );
  const made = { found, loss: reports[0]!.loss, peak: trainer.peakBytes()!, kept: trainer.kept(), held: trainer.heldBytes };
  trainer.dispose();
  return made;
};
const gradientsOf = (ranks: readonly { readonly found: readonly (readonly [string, Float64Array])[] }[]) =>
  new Map(ranks.flatMap(r => r.found));
const one = step({})();
const oneNarrow = step({ precision: "bf16" })();

const places = [
  ["tensor 2", { mesh: { tensor: 2 } }],
  ["pipeline 2", { mesh: { pipeline: 2 } }],
  ["sequence 2", { mesh: { sequence: 2 } }],
  ["data 2, pipeline 2", { mesh: { data: 2, pipeline: 2 } }],
  ["ZeRO-3 on 2 ranks", { mesh: { data: 2 }, zero: 3 }],
] as const;

describe.each(cases(places, 2))("%s", (_, over) => {
  const size = meshSize(over.mesh);
  let withRoom: Promise<Awaited<ReturnType<ReturnType<typeof step>>>[]> | undefined;
  const roomyRanks = () => (withRoom ??= onRanks(size, step({ ...over, memory: 2 ** 34 })));
  test("with a memory limit less waits for backward passes, as much as was foretold, and gradients equal one rank's within 1e-5", async () => {
    const roomy = await roomyRanks();
    for (const { kept, peak } of roomy) {
      expect(kept!.recomputed).toBe(0);
      expect(peak).toBe(kept!.keptBytes);
    }
    const most = Math.max(...roomy.map(r => r.held + r.kept!.estimatedBytes!));
    const tight = await onRanks(size, step({ ...over, memory: Math.round(0.8 * most) }));
    expect(relativeDifference(gradientsOf(tight), gradientsOf([await one]))).toBeLessThan(1e-5);
    for (const [i, { kept, peak }] of tight.entries()) {
      expect(peak).toBe(kept!.keptBytes);
      expect(kept!.plainBytes).toBe(roomy[i]!.peak);
    }
    const [before, after] = [roomy, tight].map(all => Math.max(...all.map(r => r.peak)));
    expect(Math.max(...tight.map(r => r.kept!.recomputed))).toBeGreaterThan(0);
    expect(after!).toBeLessThan(0.9 * before!);
  });

  test.skipIf(!hasBf16(device))("with bf16 what waits is kept in 16 bits, and gradients are within 1e-2 of one rank's", async () => {
    const [plain, narrow] = [await roomyRanks(), await onRanks(size, step({ ...over, precision: "bf16" }))];
    expect(relativeDifference(gradientsOf(narrow), gradientsOf([await oneNarrow]))).toBeLessThan(1e-2);
    for (const [i, { kept, peak }] of narrow.entries()) {
      expect(kept!.narrowed).toBeGreaterThan(0);
      expect(peak).toBe(kept!.keptBytes);
      expect(peak).toBeLessThan(0.8 * plain[i]!.peak);
    }
  });

  test("a limit below what a step takes is refused on all ranks, with what it needs", async () => {
    const errors = await onRanks(size, async ranks => {
      const o = trainerOptions(of({ ...over, memory: 2 ** 20 }, ranks));
      return createTrainer(o).catch((e: unknown) => e);
    });
    for (const e of errors)
      expect((e as Error).message).toMatch(/expected (more than|at least) [\d.]+ MB \(parameters .*batches .*\), got 1\.05 MB/);
  });
});
