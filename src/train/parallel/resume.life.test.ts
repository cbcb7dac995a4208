/** Checkpoints of ranks: written whole or not at all, read on any other mesh, and resumed to the same bytes on the same one. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type LoamError, type Tree, treePaths } from "../../base/index.ts";
import { disposeTree } from "../../nn/index.ts";
import { memoryGroups, type ProcessGroup } from "../../ranks/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { latestCheckpoint, saveShardedCheckpoint } from "../checkpoint.ts";
import type { MeshPart, PretrainRecipeInput, ZeroLevel } from "../part.ts";
import { type PretrainOptions, pretrain, trainerOptions } from "../pretrain.ts";
import { restore } from "../restore.ts";
import { toyRecipe, toyRuns } from "../toy.laws.ts";
import { withShard } from "./loop-ranks.ts";
import { onRanks, valuesOf } from "./parallel.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-parallel-resume-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
const folder = () => join(root, `run-${runs++}`);
const options = toyRuns(device, folder);

const base = { tokens: 12 * 256, rows: 7, dropout: 0.1, clip: 0.5 } as const satisfies Partial<PretrainRecipeInput>;
const muon = { ...base, optimizer: { kind: "muon" } } as const;
/** Everything that a checkpoint can hold beside parameters and state: best values, an average, the level of the noise. */
const full = {
  ...base,
  optimizer: { kind: "adamw" },
  patience: 5,
  evaluateEvery: 3,
  average: { kind: "lawa", keep: 2, every: 2 },
  noiseScale: { every: 2 },
} as const;

/** The same without what ranks that part the model cannot measure. */
const { noiseScale: _, ...quiet } = full;

interface Ran {
  readonly values: readonly Float64Array[];
  readonly points: readonly object[];
  readonly resumedFrom: number;
}

async function finished(o: PretrainOptions): Promise<Ran> {
  const { parameters, points, resumedFrom } = await pretrain(o);
  const values = await valuesOf(parameters);
  disposeTree(parameters);
  return { values, points: points.map(({ tokensPerSecond: _, ...point }) => point), resumedFrom };
}

const run = (over: Partial<PretrainRecipeInput>, size: number, where: string, more: Partial<PretrainOptions> = {}) =>
  onRanks(size, ranks => finished(options(toyRecipe(over), { folder: where, ranks, ...more })));

/** Stops the last rank's run after a step, as Ctrl-C does; all ranks save. */
async function stopped(over: Partial<PretrainRecipeInput>, size: number, where: string, step: number): Promise<void> {
  const stop = new AbortController();
  const ended = await Promise.allSettled(
    memoryGroups(size).map((ranks: ProcessGroup) =>
      pretrain(
        options(toyRecipe(over), {
          folder: where,
          ranks,
          ...(ranks.rank === size - 1 ? { signal: stop.signal } : {}),
          progress: e => {
            if (ranks.rank === size - 1 && e.values!.step === step) stop.abort(new Error("stop"));
          },
        }),
      ),
    ),
  );
  expect(ended.map(e => e.status)).toEqual(ended.map(() => "rejected"));
}

const checkpoints = (where: string) =>
  readdirSync(where)
    .filter(name => name.startsWith("step-"))
    .sort();

test.each([
  ["muon", muon, 2, 1],
  ["adamw with best values and an average", full, 3, 2],
  ["muon on ranks that part matrices", { ...muon, mesh: { tensor: 2 }, vocabMultiple: 2 }, 4, 0],
  ["muon under ZeRO-3", muon, 3, 3],
  ["adamw with best values and an average on a pipeline", { ...quiet, mesh: { pipeline: 2 } }, 2, 0],
] as const)("%s: ranks that are stopped twice and resumed end bit for bit like ranks that were not", async (_, over, size, zero) => {
  const recipe = { ...over, zero };
  const whole = await run(recipe, size, folder());
  const where = folder();
  await stopped(recipe, size, where, 4);
  await stopped(recipe, size, where, 9);
  const resumed = await run(recipe, size, where);
  for (const [i, r] of resumed.entries()) {
    expect(r.resumedFrom).toBe(9);
    expect(r.values).toEqual(whole[0]!.values);
    expect(r.points).toEqual(whole[i]!.points);
  }
  expect(whole[0]!.points.length).toBeGreaterThan(1);
});

test("a checkpoint is read on any mesh and at any ZeRO level: the same arrays, to the bit", async () => {
  const meshes: readonly (readonly [size: number, zero: ZeroLevel, mesh?: MeshPart])[] = [
    [1, 0],
    [3, 2],
    [3, 3],
    [4, 0, { data: 2, tensor: 2 }],
    [2, 1],
    [4, 0, { tensor: 2, pipeline: 2 }],
    [4, 0],
    [2, 0, { sequence: 2 }],
    [2, 2],
    [3, 1],
  ];
  const arraysOf = async (where: string): Promise<Map<string, unknown>> => {
    const found = await latestCheckpoint(where, "f".repeat(64), problem => expect.fail(problem.message));
    const entries: [string, unknown][] = [];
    for (const name of [...found!.arrays.tensors.keys()].sort()) entries.push([name, await found!.arrays.read(name)]);
    await found!.arrays.close();
    return new Map(entries);
  };
  let from = folder();
  const padded = { ...quiet, vocabMultiple: 2 } as const;
  await stopped({ ...padded, zero: 1 }, 2, from, 5);
  const first = await arraysOf(from);
  expect(new Set([...first.keys()].map(name => name.split(".")[0]))).toEqual(new Set(["parameters", "optimizer", "best", "averaged"]));
  for (const [size, zero, mesh] of meshes) {
    const into = folder();
    // spread over this mesh, and written again as it holds it
    await onRanks(size, async group => {
      const o = options(toyRecipe({ ...padded, zero, ...(mesh ? { mesh } : {}) }), { folder: from, ranks: group });
      const found = (await restore({ trainer: trainerOptions(o), folder: from, identity: o.identity }))!;
      const { parameters, optimizer, step } = found.state;
      const all = treePaths(trainerOptions(o).specs as Tree<unknown>).length;
      if (!mesh && (zero === 0 || size === 1)) expect(Object.keys(optimizer)).toHaveLength(all);
      else expect(Object.keys(optimizer).length).toBeLessThan(all);
      const { specs, parallel } = trainerOptions(o);
      await withShard(
        { parameters, optimizer, best: found.best, kept: {}, averaged: found.averaged },
        { device, specs, parallel: parallel! },
        arrays =>
          saveShardedCheckpoint(into, group, { recipe: o.identity, step, arrays, state: JSON.parse(JSON.stringify(found.position)) }),
      );
      disposeTree([parameters, optimizer, found.best, found.averaged]);
    });
    expect(await arraysOf(into)).toEqual(first);
    from = into;
  }
});

test("on another mesh a run goes on with the same data: losses stay within 1e-3 of the undisturbed run's", async () => {
  const lossesOf = (r: Ran) => r.points.map(p => (p as { loss: number }).loss);
  const recipe = { ...muon, logEvery: 1 };
  const [whole] = await run({ ...recipe, zero: 1 }, 3, folder());
  for (const [size, mesh] of [[1], [2], [2, { pipeline: 2 }]] as const) {
    const where = folder();
    await stopped({ ...recipe, zero: 1 }, 3, where, 5);
    const [fewer] = await run({ ...recipe, zero: 0, ...(mesh ? { mesh } : {}) }, size, where);
    expect(fewer!.resumedFrom).toBe(5);
    expect(lossesOf(fewer!).slice(0, 5)).toEqual(lossesOf(whole!).slice(0, 5));
    for (const [i, loss] of lossesOf(fewer!).entries()) expect(Math.abs(loss - lossesOf(whole!)[i]!)).toBeLessThan(1e-3);
    expect(fewer!.points.map(p => (p as { tokens: number }).tokens)).toEqual(whole!.points.map(p => (p as { tokens: number }).tokens));
  }
});

test("a missing, a truncated or a foreign shard refuses the checkpoint by name, and the one before is used", async () => {
  const recipe = { ...muon, zero: 1 } as const;
  for (const [damage, message] of [
    [unlinkSync, /^checkpoint step-000000005: expected file arrays-00002-of-00002\.safetensors, got none/],
    [
      (path: string) => truncateSync(path, 1000),
      /^checkpoint step-000000005: expected arrays-00002-of-00002\.safetensors to match its hash/,
    ],
  ] as const) {
    const where = folder();
    await stopped(recipe, 2, where, 5);
    expect(checkpoints(where)).toEqual(["step-000000004", "step-000000005"]);
    damage(join(where, "step-000000005", "arrays-00002-of-00002.safetensors"));
    const problems: LoamError[] = [];
    const [resumed] = await run(recipe, 2, where, { onProblem: p => void problems.push(p) });
    expect(resumed!.resumedFrom).toBe(4);
    // the first rank looks, and says so once
    expect(problems.map(p => p.message)).toEqual([expect.stringMatching(message)]);
  }
});

test("a rank that ends while ranks save leaves the checkpoint before it and nothing half-written that is read", async () => {
  const where = folder();
  const recipe = { ...muon, zero: 1, checkpointSeconds: 0 } as const;
  const groups = memoryGroups(2);
  const ended = await Promise.allSettled(
    groups.map(ranks => {
      let exchanges = 0;
      // ends in the middle of the third checkpoint: its own file is written, the manifest is not
      const failing: ProcessGroup = new Proxy(ranks, {
        get(target, name) {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== "function") return value;
          return (...given: unknown[]) => {
            const isShard = name === "exchange" && JSON.stringify(given[0]).includes("arrays-00002");
            if (isShard && ++exchanges === 3) target.crash();
            return Reflect.apply(value, target, given);
          };
        },
      });
      return pretrain(options(toyRecipe(recipe), { folder: where, ranks: ranks.rank === 1 ? failing : ranks }));
    }),
  );
  expect(ended[0]).toMatchObject({ status: "rejected", reason: { code: "ranks/lost" } });
  expect(checkpoints(where)).toEqual(["step-000000001", "step-000000002"]);
  expect(JSON.parse(readFileSync(join(where, "step-000000002", "state.json"), "utf8"))).toMatchObject({ version: 2, step: 2 });
  const whole = await run(recipe, 2, folder());
  const resumed = await run(recipe, 2, where);
  expect(resumed[0]!.resumedFrom).toBe(2);
  expect(resumed[0]!.values).toEqual(whole[0]!.values);
  expect(existsSync(where) && readdirSync(where).filter(name => name.endsWith(".part"))).toEqual([]);
});
