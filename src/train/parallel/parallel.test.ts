/** Laws of data parallel training: ranks that divide the rows of a step come to what one rank comes to. Ranks are tasks of one process here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cases } from "../../../test/support/deep.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { bytesOf, openDevice } from "../../tensor/index.ts";
import { single } from "../optimizer.ts";
import type { PretrainRecipeInput, ZeroLevel } from "../part.ts";
import { trainerOptions, trainSource } from "../pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "../toy.laws.ts";
import { createTrainer } from "../trainer.ts";
import { parameterOwners } from "./owners.ts";
import { leavesOf, onRanks, recorder, relativeDifference, runSteps, valuesOf } from "./parallel.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-parallel-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
const options = toyRuns(device, () => join(root, `run-${runs++}`));
const model = { ...toyModel, tied: true };

/** Recipes in which what could tell ranks from one rank is on: a ragged number of rows, tied weights, dropout, packing, clipping. */
const recipes: Readonly<Record<string, Partial<PretrainRecipeInput>>> = {
  "7 rows with dropout and clipping": { rows: 7, dropout: 0.1, clip: 0.05 },
  "3 micro-batches of 5 rows without packing": { rows: 5, accumulate: 3, dropout: 0.2, packing: "none" },
  "a row for the first rank only": { rows: 1, accumulate: 2 },
  "further tokens and a padded vocabulary": { rows: 6, multiToken: { tokens: 2 }, vocabMultiple: 16, clip: 0 },
};

const of = (over: Partial<PretrainRecipeInput>, ranks?: ProcessGroup) =>
  options(toyRecipe({ tokens: 40 * 8 * 32, ...over }), { model, ranks });

describe.each(Object.entries(recipes))("%s", (_, over) => {
  test("gradients of step 1 on several ranks equal one rank's within 1e-5", async () => {
    /** The gradients that each rank would apply, by path, and its report. */
    const gradients = async (ranks?: ProcessGroup) => {
      const { trainer, reports } = await runSteps(of({ ...over, zero: 1 }, ranks), 1, { optimizer: single(recorder) });
      const found = await Promise.all(
        Object.entries(trainer.state.optimizer).map(async ([path, { gradient }]) => [path, await gradient!.numbers()] as const),
      );
      trainer.dispose();
      return { found, report: reports[0]! };
    };
    const one = await gradients();
    for (const size of cases([3, 2, 4], 1)) {
      const ranks = await onRanks(size, gradients);
      // owners hold each gradient once
      expect(relativeDifference(new Map(ranks.flatMap(r => r.found)), new Map(one.found))).toBeLessThan(1e-5);
      for (const { report } of ranks) {
        expect(report.loss).toBe(ranks[0]!.report.loss);
        expect(Math.abs(report.loss / one.report.loss - 1)).toBeLessThan(1e-6);
        expect(report.gradientNorm).toBe(ranks[0]!.report.gradientNorm);
        expect(Math.abs(report.gradientNorm / one.report.gradientNorm - 1)).toBeLessThan(1e-5);
      }
    }
  });
});

describe.each(["adamw", "muon"] as const)("%s", kind => {
  test("losses over 20 steps on 3 ranks stay within 1e-3 of one rank's", async () => {
    const over = { rows: 7, dropout: 0.1, clip: 0.5, optimizer: { kind } } as const;
    const lossesOf = async (ranks?: ProcessGroup) => {
      const { trainer, reports } = await runSteps(of(over, ranks), 20);
      trainer.dispose();
      return reports.map(r => r.loss);
    };
    const want = await lossesOf();
    const [got] = await onRanks(3, lossesOf);
    for (const [i, loss] of got!.entries()) expect(Math.abs(loss - want[i]!)).toBeLessThan(1e-3);
    // it learns: equal losses of a model that does not would say little
    expect(want.at(-1)!).toBeLessThan(want[0]! - 0.5);
  });

  test("ZeRO 0, 1 and 2 give the same bytes on every rank", async () => {
    const over = { rows: 7, accumulate: 2, dropout: 0.1, optimizer: { kind } } as const;
    const trained = async (zero: ZeroLevel) =>
      onRanks(2, async ranks => {
        const { trainer, reports } = await runSteps(of({ ...over, zero }, ranks), 3);
        const values = await valuesOf(trainer.state.parameters);
        trainer.dispose();
        return { values, losses: reports.map(r => [r.loss, r.gradientNorm]) };
      });
    const [first, second] = await trained(0);
    expect(second).toEqual(first);
    for (const zero of [1, 2] as const) for (const rank of await trained(zero)) expect(rank).toEqual(first);
  });
});

test("held memory: ZeRO-1 divides the optimiser state, ZeRO-2 the gradients too", async () => {
  const held = (zero: ZeroLevel, size: number) =>
    onRanks(size, async ranks => {
      const { trainer } = await runSteps(of({ zero, optimizer: { kind: "adamw" } }, ranks), 1);
      const bytes = (tree: unknown) => leavesOf(tree).reduce((sum, a) => sum + bytesOf(a.shape, a.dtype), 0);
      const { parameters, optimizer } = trainer.state;
      const found = { all: trainer.heldBytes, parameters: bytes(parameters), optimizer: bytes(optimizer) };
      trainer.dispose();
      return found;
    });
  const [none] = await held(0, 2);
  expect(none!.optimizer).toBe(2 * none!.parameters);
  for (const size of [2, 4]) {
    // whole parameters do not divide evenly: the largest rank has at most a fifth more than its share
    const [one, two] = [await held(1, size), await held(2, size)];
    expect(one.reduce((sum, r) => sum + r.optimizer, 0)).toBe(none!.optimizer);
    for (const r of one) expect(r.optimizer).toBeLessThan((1.2 * none!.optimizer) / size);
    // batches are divided among ranks at every level
    for (const [i, r] of two.entries()) expect(one[i]!.all - r.all).toBeGreaterThan((1 - 1.2 / size) * none!.parameters);
  }
});

test("owners: every parameter has one, shares are even, and the same shapes give the same owners", () => {
  const { specs } = trainerOptions(of({}));
  for (const size of [1, 2, 3, 5]) {
    const owners = parameterOwners(specs, size);
    expect(owners).toEqual(parameterOwners(specs, size));
    expect(new Set(owners.values())).toEqual(new Set(Array.from({ length: size }, (_, r) => r)));
  }
});

test("the gradient's noise is estimated from the ranks' parts, within 10 % of one rank's micro-batches over 30 steps", async () => {
  const scaleOf = async (ranks?: ProcessGroup) => {
    const { trainer, reports } = await runSteps(of({ rows: 4, accumulate: 4, noiseScale: { every: 1 }, rate: 1e-6 }, ranks), 30, {
      measureNoise: true,
    });
    trainer.dispose();
    const sum = (of: (n: { trace: number; squared: number }) => number) => reports.reduce((s, r) => s + of(r.noise!), 0);
    return sum(n => n.trace) / sum(n => n.squared);
  };
  const one = await scaleOf();
  const [two] = await onRanks(2, scaleOf);
  expect(Math.abs(two! / one - 1)).toBeLessThan(0.1);
});

describe("a rank's fault", () => {
  test("a number that is none on one rank stops all before anything is applied, with rank and documents", async () => {
    const failures = await onRanks(3, async ranks => {
      const o = of({ rows: 6, zero: 1 }, ranks);
      const trainer = await createTrainer(trainerOptions(o));
      const source = trainSource(o);
      const before = await valuesOf(trainer.state.parameters);
      const batch = source.next();
      if (ranks.rank === 1) (batch.arrays.weights as Float32Array)[0] = Number.NaN;
      const error = await trainer.step([batch]).catch((e: unknown) => e);
      expect(await valuesOf(trainer.state.parameters)).toEqual(before);
      expect(trainer.state.step).toBe(0);
      // and the next step is taken
      expect(Number.isFinite((await trainer.step([source.next()])).loss)).toBe(true);
      trainer.dispose();
      return { error, documents: batch.documents! };
    });
    const blamed = failures[1]!.documents.slice(0, 20).join(", ");
    for (const { error } of failures)
      expect(error).toMatchObject({
        code: "train/diverged",
        message: expect.stringMatching(/^step 1: expected a finite loss and gradient, got loss NaN, gradient norm NaN on rank 1\./),
        problem: { hint: expect.stringContaining(`Documents of the batch: ${blamed}.`) },
      });
  });

  test("a batch that does not fit on one rank is refused on all, by the rank's name", async () => {
    const errors = await onRanks(2, async ranks => {
      const o = of({}, ranks);
      const trainer = await createTrainer(trainerOptions(o));
      const batch = trainSource(o).next();
      if (ranks.rank === 1) (batch.arrays.tokens as Int32Array)[0] = 99;
      const error = await trainer.step([batch]).catch((e: unknown) => e);
      trainer.dispose();
      return error;
    });
    expect(errors[1]).toMatchObject({ code: "train/data", message: expect.stringContaining("got 99 at position 0") });
    expect(errors[0]).toMatchObject({
      code: "train/rank",
      message: expect.stringMatching(
        /^rank 1: expected every rank to do its part, got step 1, micro-batch 1: tokens: .* got 99 at position 0/,
      ),
    });
  });

  test("a rank that ends is named on the others", async () => {
    const errors = await onRanks(3, async ranks => {
      const o = of({}, ranks);
      const trainer = await createTrainer(trainerOptions(o));
      const source = trainSource(o);
      await trainer.step([source.next()]);
      if (ranks.rank === 2) (ranks as ProcessGroup & { crash(): void }).crash();
      const error = await trainer.step([source.next()]).catch((e: unknown) => e);
      trainer.dispose();
      return error;
    });
    for (const error of errors.slice(0, 2)) expect(error).toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 2") });
  });
});

test("private and adversarial gradients are refused with ranks", async () => {
  await onRanks(2, async ranks => {
    const o = trainerOptions(of({}, ranks));
    // only that it is there is looked at
    for (const key of ["privacy", "adversarial"])
      await expect(createTrainer({ ...o, [key]: {} })).rejects.toMatchObject({
        code: "train/mesh",
        message: expect.stringContaining("2 ranks"),
      });
  });
});
