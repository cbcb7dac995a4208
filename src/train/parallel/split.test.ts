/** Laws of training on ranks that part the model: on any mesh they come to what one rank comes to. Ranks are tasks of one process here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cases, deepTest } from "../../../test/support/deep.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { add, bytesOf, mul, openDevice, sqrt, square, sum, type Tensor } from "../../tensor/index.ts";
import { rowShareOf } from "../decoder-batches.ts";
import { single } from "../optimizer.ts";
import type { MeshPart, PretrainRecipeInput, ZeroLevel } from "../part.ts";
import { pretrain, trainerOptions, trainSource } from "../pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "../toy.laws.ts";
import { createTrainer } from "../trainer.ts";
import { meshSize } from "./mesh.ts";
import { leavesOf, onRanks, recorder, relativeDifference, runSteps, valuesOf } from "./parallel.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-split-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
const options = toyRuns(device, () => join(root, `run-${runs++}`));
const model = { ...toyModel, tied: true };

const of = (over: Partial<PretrainRecipeInput>, ranks?: ProcessGroup) =>
  options(toyRecipe({ tokens: 40 * 8 * 32, vocabMultiple: 4, ...over }), { model, ranks });

const meshes: readonly MeshPart[] = [{ tensor: 2 }, { sequence: 2 }, { pipeline: 2 }, { data: 2, tensor: 2 }, { pipeline: 2, tensor: 2 }];
const rare: readonly MeshPart[] = [
  { data: 2, pipeline: 2 },
  { sequence: 2, tensor: 2 },
  { tensor: 4 },
  { sequence: 4 },
  { data: 2, sequence: 2 },
  { pipeline: 2, sequence: 2 },
];
const shown = (mesh: MeshPart): string =>
  Object.entries(mesh)
    .map(([axis, size]) => `${axis}=${size}`)
    .join(", ");

/** What tells ranks from one rank is on: a ragged number of rows, tied weights, dropout, packing, clipping, several micro-batches. */
const recipe = { rows: 7, accumulate: 3, dropout: 0.1, clip: 0.05 } as const satisfies Partial<PretrainRecipeInput>;

/** The gradients that a rank would apply, by path, and its report. */
const gradients = (over: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
  const { trainer, reports } = await runSteps(of(over, ranks), 1, { optimizer: single(recorder) });
  const found = await Promise.all(
    Object.entries(trainer.state.optimizer).map(async ([path, { gradient }]) => [path, await gradient!.numbers()] as const),
  );
  trainer.dispose();
  return { found, report: reports[0]! };
};

const one = gradients(recipe)();
async function gradientsHold(mesh: MeshPart, zero?: ZeroLevel): Promise<void> {
  const want = await one;
  const ranks = await onRanks(meshSize(mesh), gradients({ ...recipe, mesh, ...(zero ? { zero } : {}) }));
  // owners hold each gradient once, whole
  expect(relativeDifference(new Map(ranks.flatMap(r => r.found)), new Map(want.found))).toBeLessThan(1e-5);
  for (const { report } of ranks) {
    expect(report.loss).toBe(ranks[0]!.report.loss);
    expect(Math.abs(report.loss / want.report.loss - 1)).toBeLessThan(1e-6);
    expect(report.gradientNorm).toBe(ranks[0]!.report.gradientNorm);
    expect(Math.abs(report.gradientNorm / want.report.gradientNorm - 1)).toBeLessThan(1e-5);
  }
}
for (const mesh of meshes) test(`${shown(mesh)}: gradients of step 1 equal one rank's within 1e-5`, () => gradientsHold(mesh));
for (const mesh of rare) deepTest(`${shown(mesh)}: gradients of step 1 equal one rank's within 1e-5`, () => gradientsHold(mesh));

for (const data of [2, 3])
  test(`ZeRO-3 on ${data} ranks: gradients of step 1 equal one rank's within 1e-5`, () => gradientsHold({ data }, 3));

describe("a pipeline's schedule", () => {
  const deep = { ...model, layers: 4 };
  const over = { rows: 4, accumulate: 4, dropout: 0.1, clip: 0.5, evaluateEvery: 3 } as const satisfies Partial<PretrainRecipeInput>;
  const ways = [
    [{ mesh: { pipeline: 2 }, pipeline: { schedule: "interleaved" } }],
    [{ mesh: { pipeline: 2 }, pipeline: { schedule: "gpipe" } }],
    [{ mesh: { pipeline: 2, tensor: 2 }, pipeline: { schedule: "interleaved", stages: 2 } }],
  ] as const satisfies readonly (readonly [Partial<PretrainRecipeInput>])[];
  const trained = (more: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
    const o = { ...of({ ...over, tokens: 6 * 16 * 32, ...more }, ranks), model: deep, folder: join(root, `order-${JSON.stringify(more)}`) };
    const { parameters, heldOut } = await pretrain(o);
    const values = await valuesOf(parameters);
    for (const a of leavesOf(parameters)) a.dispose();
    return { values, heldOut };
  };
  test.each(cases(ways, 1))("%j trains what one rank trains, tied tables and evaluation of single batches included", async more => {
    const want = await trained({})();
    for (const { values, heldOut } of await onRanks(meshSize(more.mesh), trained(more))) {
      expect(Math.abs(heldOut - want.heldOut)).toBeLessThan(1e-3);
      for (const [i, x] of values.entries()) for (const [k, v] of x.entries()) expect(Math.abs(v - want.values[i]![k]!)).toBeLessThan(5e-3);
    }
  });

  test("interleaved stages are two a rank, and hold the parameters of both", async () => {
    const paths = (more: Partial<PretrainRecipeInput>) =>
      onRanks(2, async ranks => {
        const { trainer } = await runSteps({ ...of({ ...over, mesh: { pipeline: 2 }, ...more }, ranks), model: deep }, 1);
        const held = Object.keys(trainer.state.parameters as object).flatMap(path => /^blocks\.(\d)\.norm1/.exec(path)?.[1] ?? []);
        trainer.dispose();
        return held.sort().join("");
      });
    expect(await paths({})).toEqual(["01", "23"]);
    expect(await paths({ pipeline: { schedule: "interleaved" } })).toEqual(["02", "13"]);
  });

  test("what a schedule cannot be is refused by name", async () => {
    const refused = async (more: Partial<PretrainRecipeInput>) => {
      const [message] = await onRanks(2, async ranks => {
        try {
          trainerOptions({ ...of({ ...over, mesh: { pipeline: 2 }, ...more }, ranks), model: deep });
          return "made";
        } catch (error) {
          return (error as Error).message;
        }
      });
      return message;
    };
    expect(await refused({ pipeline: { schedule: "interleaved" } })).toBe("made");
    expect(await refused({ pipeline: { schedule: "interleaved" }, accumulate: 3 })).toMatch(
      /^train\.accumulate: expected a multiple of the 2 ranks of the pipeline with interleaved stages, got 3/,
    );
    expect(await refused({ pipeline: { schedule: "interleaved", stages: 3 } })).toMatch(
      /^train\.pipeline\.stages: expected at most 2 for 4 blocks on 2 ranks, got 3/,
    );
    expect(await refused({ pipeline: { schedule: "gpipe", stages: 2 } })).toMatch(
      /^train\.pipeline\.stages: expected a pipeline with the schedule interleaved, got gpipe/,
    );
  });
});

// Muon needs whole matrices of every part, so it has all that AdamW has to get right, and more
describe.each(cases(["muon", "adamw"] as const, 1))("%s", kind => {
  const over = { ...recipe, accumulate: 2, clip: 0.5, optimizer: { kind } } as const;
  const lossesOf = (more: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
    const { trainer, reports } = await runSteps(of({ ...over, ...more }, ranks), 20);
    trainer.dispose();
    return reports.map(r => r.loss);
  };
  let alone: Promise<number[]> | undefined;
  const ofOneRank = () => (alone ??= lossesOf({})());
  test.each(cases([[{ tensor: 2 }], [{ pipeline: 2 }], [{ data: 2, sequence: 2 }]] as const, 1))(
    "losses over 20 steps on %o stay within 1e-3 of one rank's",
    async mesh => {
      const want = await ofOneRank();
      const [got] = await onRanks(meshSize(mesh), lossesOf({ mesh }));
      for (const [i, loss] of got!.entries()) expect(Math.abs(loss - want[i]!)).toBeLessThan(1e-3);
      // it learns: equal losses of a model that does not would say little
      expect(want.at(-1)!).toBeLessThan(want[0]! - 0.5);
    },
  );
  test("losses over 20 steps under ZeRO-3 on 3 ranks stay within 1e-3 of one rank's", async () => {
    const want = await ofOneRank();
    const [got] = await onRanks(3, lossesOf({ zero: 3 }));
    for (const [i, loss] of got!.entries()) expect(Math.abs(loss - want[i]!)).toBeLessThan(1e-3);
  });
});

describe("scheduleFree", () => {
  const over = { ...recipe, accumulate: 2, optimizer: { kind: "scheduleFree" }, schedule: { kind: "constant", warmup: 4 } } as const;
  const tokens = 20 * 14 * 32;
  /** The average that is kept, and its held-out loss. */
  const trained = (more: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
    const folder = join(root, `free-${JSON.stringify(more)}`);
    const { parameters, heldOut } = await pretrain({ ...of({ ...over, tokens, checkpointSeconds: 600, ...more }, ranks), folder });
    const values = await valuesOf(parameters);
    for (const a of leavesOf(parameters)) a.dispose();
    return { values, heldOut };
  };
  const alone = trained({})();
  const ways = [
    [{ mesh: { data: 2 }, zero: 1 }],
    [{ mesh: { tensor: 2 } }],
    [{ mesh: { data: 2 }, zero: 3 }],
    [{ mesh: { pipeline: 2 } }],
  ] as const;
  test.each(cases(ways, 1))("%j: the average that is evaluated and kept is one rank's", async more => {
    const want = await alone;
    const ranks = await onRanks(meshSize(more.mesh), trained(more));
    for (const { values, heldOut } of ranks) {
      expect(values).toEqual(ranks[0]!.values);
      expect(Math.abs(heldOut - want.heldOut)).toBeLessThan(1e-3);
      for (const [i, x] of values.entries()) for (const [k, v] of x.entries()) expect(Math.abs(v - want.values[i]![k]!)).toBeLessThan(5e-3);
    }
    // it learns
    expect(want.heldOut).toBeLessThan(2.9);
  });
});

describe("the gradient's noise", () => {
  const over = { rows: 6, accumulate: 2, noiseScale: { every: 1 } } as const;
  const measured = (more: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
    const { trainer, reports } = await runSteps(of({ ...over, ...more }, ranks), 1);
    trainer.dispose();
    return reports[0]!.noise!;
  };
  // as many parts of the same rows: micro-batches of one rank, or of each part of the rows
  test.each([
    [{}, [{ mesh: { tensor: 2 } }, { mesh: { sequence: 2 } }, { mesh: { pipeline: 2 } }]],
    [{ mesh: { data: 2 } }, [{ mesh: { data: 2, tensor: 2 } }, { mesh: { data: 2, pipeline: 2 } }, { mesh: { data: 2 }, zero: 3 }]],
  ] as const)("measured with %j is what these meshes measure, within 1e-4", async (alone, meshes) => {
    const [want] = "mesh" in alone ? await onRanks(2, measured(alone)) : [await measured({})()];
    expect(want!.trace).toBeGreaterThan(0);
    for (const more of cases<(typeof meshes)[number]>(meshes, 1))
      for (const got of await onRanks(meshSize(more.mesh), measured(more)))
        for (const key of ["trace", "squared"] as const) expect(Math.abs(got[key] / want![key] - 1)).toBeLessThan(1e-4);
  });
});

test("further tokens, untied tables and a ramp of the batch: losses on a mesh are one rank's", async () => {
  const over = {
    rows: 4,
    accumulate: 2,
    multiToken: { tokens: 2 },
    tokens: 20 * 8 * 32,
    batch: {
      ramp: [
        { until: 0.1, rows: 3 },
        { until: 0.2, rows: 4 },
      ],
    },
  } as const satisfies Partial<PretrainRecipeInput>;
  const lossesOf = (mesh?: MeshPart) => async (ranks?: ProcessGroup) => {
    const o = { ...of({ ...over, ...(mesh ? { mesh } : {}) }, ranks), model: toyModel };
    const { trainer, reports } = await runSteps(o, 8);
    trainer.dispose();
    return reports.map(r => r.loss);
  };
  const want = await lossesOf()();
  for (const mesh of cases([{ tensor: 2 }, { pipeline: 2 }], 1)) {
    const [got] = await onRanks(2, lossesOf(mesh));
    for (const [i, loss] of got!.entries()) expect(Math.abs(loss - want[i]!)).toBeLessThan(1e-4);
  }
});

test("a whole run on a mesh gives every rank the whole model, with one rank's held-out loss", async () => {
  const run = (mesh?: MeshPart, zero?: ZeroLevel) => {
    const folder = join(root, `whole-${JSON.stringify(mesh)}-${zero}`);
    return async (ranks?: ProcessGroup) => {
      const { parameters, heldOut } = await pretrain({
        ...of({ tokens: 12 * 7 * 32, rows: 7, ...(mesh ? { mesh } : {}), ...(zero ? { zero } : {}) }, ranks),
        folder,
      });
      const values = await valuesOf(parameters);
      for (const a of leavesOf(parameters)) a.dispose();
      return { values, heldOut };
    };
  };
  const want = await run()();
  for (const [mesh, zero] of cases([[{ data: 2, tensor: 2 }], [{ pipeline: 2 }], [{ data: 3 }, 3]] as const, 1)) {
    const ranks = await onRanks(meshSize(mesh), run(mesh, zero));
    for (const { values, heldOut } of ranks) {
      expect(values).toEqual(ranks[0]!.values);
      expect(heldOut).toBe(ranks[0]!.heldOut);
      expect(Math.abs(heldOut - want.heldOut)).toBeLessThan(1e-3);
      expect(values.map(v => v.length)).toEqual(want.values.map(v => v.length));
    }
  }
});

test("held memory: tensor divides matrices, pipeline divides blocks, and the optimiser's state is divided over all ranks", async () => {
  const bytes = (tree: unknown) => leavesOf(tree).reduce((sum, a) => sum + bytesOf(a.shape, a.dtype), 0);
  const held = (mesh?: MeshPart) => async (ranks?: ProcessGroup) => {
    const over = { optimizer: { kind: "adamw" }, ...(mesh ? { mesh } : {}) } as const;
    const { trainer } = await runSteps(of(over, ranks), 1);
    const found = { parameters: bytes(trainer.state.parameters), optimizer: bytes(trainer.state.optimizer) };
    trainer.dispose();
    return found;
  };
  const whole = await held()();
  for (const mesh of [{ tensor: 2 }, { pipeline: 2 }, { data: 2, tensor: 2 }] as const) {
    const ranks = await onRanks(meshSize(mesh), held(mesh));
    expect(ranks.reduce((sum, r) => sum + r.optimizer, 0)).toBe(whole.optimizer);
    for (const r of ranks) {
      // whole parameters do not divide evenly
      expect(r.optimizer).toBeLessThan((1.3 * whole.optimizer) / meshSize(mesh));
      // norms are on all ranks, and a tied table on both ends of a pipeline
      expect(r.parameters).toBeLessThan(0.65 * whole.parameters);
    }
  }
});

test("held memory: ZeRO-3 divides parameters, gradients and the optimiser's state", async () => {
  const held = (zero: ZeroLevel) =>
    onRanks(2, async ranks => {
      const { trainer } = await runSteps(of({ optimizer: { kind: "adamw" }, zero }, ranks), 1);
      const parameters = leavesOf(trainer.state.parameters).reduce((sum, a) => sum + bytesOf(a.shape, a.dtype), 0);
      const found = { parameters, all: trainer.heldBytes };
      trainer.dispose();
      return found;
    });
  const [two, three] = [await held(2), await held(3)];
  expect(three.reduce((sum, r) => sum + r.parameters, 0)).toBe(two[0]!.parameters);
  for (const [i, r] of three.entries()) {
    expect(r.parameters).toBeLessThan(0.6 * two[0]!.parameters);
    // parameters, gradients and two moments of what it owns
    expect(r.all).toBe(4 * r.parameters);
    expect(r.all).toBeLessThan(two[i]!.all);
  }
});

test("a number that is none stops all ranks before anything is applied, and the next step is taken", async () => {
  const mesh = { data: 2, tensor: 2 } as const;
  const failures = await onRanks(4, async ranks => {
    const o = of({ rows: 6, mesh }, ranks);
    const trainer = await createTrainer(trainerOptions(o));
    const source = trainSource(o);
    const before = await valuesOf(trainer.state.parameters);
    const batch = source.next();
    if (ranks.rank >= 2) (batch.arrays.weights as Float32Array)[0] = Number.NaN;
    const error = await trainer.step([batch]).catch((e: unknown) => e);
    expect(await valuesOf(trainer.state.parameters)).toEqual(before);
    expect(Number.isFinite((await trainer.step([source.next()])).loss)).toBe(true);
    trainer.dispose();
    return error;
  });
  for (const error of failures)
    expect(error).toMatchObject({
      code: "train/diverged",
      message: expect.stringMatching(/^step 1: expected a finite loss and gradient, got loss NaN, gradient norm NaN on rank 2, 3\./),
    });
});

describe("a gradient that is no number while the loss is one", () => {
  /** The loss and a small term of one parameter of the last block: the root of its squares times the batch's weight, which has no gradient at 0. */
  const spoiltOptions = (o: ReturnType<typeof of>) => {
    const t = trainerOptions(o);
    const loss: typeof t.loss = (parameters, batch, scale, frozen) => {
      const made = t.loss(parameters, batch, scale, frozen) as Tensor;
      const norm = parameters.blocks[1]!.norm2.weight;
      return add(made, mul(sum(sqrt(mul(square(norm), sum(batch.weights)))), mul(scale, 1e-3)));
    };
    return { ...t, loss };
  };
  /** Ranks of the last part of the rows get a micro-batch without weight. */
  const failure = (over: Partial<PretrainRecipeInput>) => async (ranks?: ProcessGroup) => {
    const o = of({ rows: 6, accumulate: 2, ...over }, ranks);
    const trainer = await createTrainer(spoiltOptions(o));
    const source = trainSource(o);
    const before = await valuesOf(trainer.state.parameters);
    const batches = [source.next(), source.next()];
    const share = rowShareOf(o);
    if (!share || share.part === share.of - 1) (batches[1]!.arrays.weights as Float32Array).fill(0);
    const error = await trainer.step(batches).catch((e: unknown) => e);
    expect(await valuesOf(trainer.state.parameters)).toEqual(before);
    // the trainer goes on: all ranks have ended the step
    expect(Number.isFinite((await trainer.step([source.next(), source.next()])).loss)).toBe(true);
    trainer.dispose();
    return error;
  };
  const named = /^step 1: expected a finite loss and gradient, got loss \d+\.\d+, gradient norm NaN/;
  const parameter = "Gradients that are not finite: blocks.1.norm2.weight. Documents";

  test.each([
    ["one rank", undefined, ""],
    ["ZeRO-1", { mesh: { data: 2 }, zero: 1 }, " on rank 1"],
    ["ZeRO-3 on 2 ranks", { mesh: { data: 2 }, zero: 3 }, " on rank 1"],
    ["ZeRO-3 on 3 ranks", { mesh: { data: 3 }, zero: 3 }, " on rank 2"],
    ["tensor", { mesh: { data: 2, tensor: 2 } }, " on rank 2, 3"],
    // the term is no sum over tokens: one rank of the sequence has it
    ["sequence", { mesh: { data: 2, sequence: 2 } }, " on rank 2"],
    ["pipeline", { mesh: { data: 2, pipeline: 2 } }, " on rank 3"],
  ] as const)("%s: the error names step, parameter and rank, on all ranks", async (_, over, where) => {
    const errors = over ? await onRanks(meshSize(over.mesh), failure(over)) : [await failure({})()];
    for (const error of errors) {
      expect(error).toMatchObject({
        code: "train/diverged",
        message: expect.stringMatching(named),
        problem: { hint: expect.stringContaining(parameter) },
      });
      expect((error as Error).message).toContain(`norm NaN${where}.`);
    }
  });
});

test("a rank that fails within a step ends at once with its own error, and the others learn of it as of a lost rank", async () => {
  for (const over of [{ mesh: { tensor: 2 } }, { mesh: { pipeline: 2 } }, { zero: 3 }] as const) {
    const errors = await onRanks(2, async ranks => {
      const o = of({ rows: 6, ...over }, ranks);
      const trainer = await createTrainer(trainerOptions(o));
      if (ranks.rank === 1) leavesOf(trainer.state.parameters)[0]!.dispose();
      try {
        await trainer.step([trainSource(o).next()]);
        return undefined;
      } catch (error) {
        // as the process of a rank ends
        (ranks as ProcessGroup & { crash(): void }).crash();
        return error;
      }
    });
    expect(errors[1]).toMatchObject({ code: "tensor/disposed" });
    expect(errors[0]).toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 1") });
  }
});

test("without a group a recipe's mesh is one rank: steps of it can be profiled in this process", async () => {
  const { trainer, reports } = await runSteps(of({ mesh: { tensor: 2, pipeline: 2 }, zero: 3 }), 1);
  trainer.dispose();
  const alone = await runSteps(of({}), 1);
  alone.trainer.dispose();
  expect(reports[0]!.loss).toBe(alone.reports[0]!.loss);
});

test("what ranks that part the model cannot do is refused by name, and so is a mesh that does not fit", async () => {
  const refused = (over: Partial<PretrainRecipeInput>, size = 2) =>
    onRanks(size, async ranks => {
      const o = of({ mesh: { tensor: 2 }, ...over }, ranks);
      try {
        (await createTrainer(trainerOptions(o))).dispose();
        return "made";
      } catch (error) {
        return (error as Error).message;
      }
    });
  expect((await refused({ vocabMultiple: 1 }))[0]).toMatch(
    /train\.mesh\.tensor: expected a divisor of model\.vocab \(25\), got 2\. .*vocabMultiple/,
  );
  expect((await refused({ zero: 3 }))[0]).toMatch(/^train\.zero: expected 3 on the axis data alone, got 3 on tensor=2/);
  expect((await refused({ mesh: { sequence: 3 } }, 3))[0]).toMatch(
    /train\.mesh\.sequence: expected a divisor of train\.length \(32\), got 3/,
  );
  expect((await refused({ mesh: { pipeline: 3 } }, 3))[0]).toMatch(/at most model\.layers \(2\), got 3/);
  expect((await refused({ mesh: { tensor: 2 } }, 3))[0]).toMatch(/train\.mesh: expected a multiple of 2 ranks, got 3/);
});
