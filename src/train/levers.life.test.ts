/** Levers of a recipe in whole runs: each resumes bit for bit, keeps frozen groups, and does to a run what its schema says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Tree, treePaths } from "../base/index.ts";
import { decoderSpec, initialise } from "../nn/index.ts";
import { type DeviceArray, openDevice } from "../tensor/index.ts";
import { heldOutLoss } from "./held-out.ts";
import { optimizerKinds, type PretrainRecipeInput } from "./part.ts";
import { type PretrainResult, pretrain } from "./pretrain.ts";
import { toyModel, toyRecipe, toyRuns } from "./toy.laws.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-levers-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const folder = () => join(root, `run-${count++}`);

const options = toyRuns(device, folder);
const valuesOf = async (r: Pick<PretrainResult, "parameters">): Promise<Map<string, Float64Array>> =>
  new Map(
    await Promise.all(
      treePaths<DeviceArray>(r.parameters as Tree<DeviceArray>).map(async ([path, a]) => [path, await a.numbers()] as const),
    ),
  );
const untimed = (r: PretrainResult) => r.points.map(({ tokensPerSecond: _, ...p }) => p);
const constant = { kind: "constant", warmup: 4 } as const;

const levers: Readonly<Record<string, Partial<PretrainRecipeInput>>> = {
  lion: { optimizer: { kind: "lion" }, rate: 0.002 },
  adafactor: { optimizer: { kind: "adafactor" }, rate: 0.01 },
  "adafactor, relative": { optimizer: { kind: "adafactor", relative: true }, rate: 0.05 },
  adamw8bit: { optimizer: { kind: "adamw8bit" }, rate: 0.01 },
  scheduleFree: { optimizer: { kind: "scheduleFree" }, rate: 0.01, schedule: constant },
  "scheduleFree for one group": {
    optimizer: { kind: "adamw", groups: [{ parameters: "blocks.*", kind: "scheduleFree" }] },
    rate: 0.01,
    schedule: constant,
  },
  ema: { average: { kind: "ema", decay: 0.8, from: 0.2 } },
  lawa: { average: { kind: "lawa", keep: 2, every: 2 } },
  "ema, early stopping": { average: { kind: "ema", decay: 0.5 }, patience: 3, evaluateEvery: 2 },
  "batch ramp": {
    batch: {
      ramp: [
        { until: 0.3, rows: 2 },
        { until: 0.6, rows: 4 },
      ],
    },
  },
  "batch ramp over micro-batches": { rows: 4, accumulate: 2, batch: { ramp: [{ until: 0.4, rows: 4 }], rate: "linear" } },
  noiseScale: { noiseScale: { every: 2 } },
  "multi-token prediction": { multiToken: { tokens: 2 } },
  "padded vocabulary": { vocabMultiple: 64 },
};

for (const [name, lever] of Object.entries(levers))
  test(`${name}: a run that is interrupted and resumed ends bit for bit like one that was not`, async () => {
    const recipe = toyRecipe({ tokens: 12 * 256, dropout: 0.1, clip: 0.5, logEvery: 3, ...lever });
    const whole = await pretrain(options(recipe));
    const where = folder();
    for (const stopAt of [3, 4, 9]) {
      const stop = new AbortController();
      const running = pretrain(
        options(recipe, {
          folder: where,
          signal: stop.signal,
          progress: e => void (e.values!.step === stopAt && stop.abort(new Error("stop"))),
        }),
      );
      await expect(running).rejects.toThrow("stop");
    }
    const resumed = await pretrain(options(recipe, { folder: where }));
    expect(resumed.resumedFrom).toBeGreaterThanOrEqual(9);
    expect(await valuesOf(resumed)).toEqual(await valuesOf(whole));
    expect(untimed(resumed)).toEqual(untimed(whole));
    expect(resumed.noiseScale).toBe(whole.noiseScale);
  });

for (const kind of optimizerKinds)
  test(`${kind}: a group of rate 0 keeps its start values, and all others move`, async () => {
    const recipe = toyRecipe({
      tokens: 3 * 256,
      rate: 0.01,
      schedule: constant,
      optimizer: { kind, groups: [{ parameters: ["token", "blocks.0.*"], rate: 0 }] },
    });
    const end = await valuesOf(await pretrain(options(recipe)));
    const start = await valuesOf({ parameters: await initialise(decoderSpec(toyModel), device, 1) });
    for (const [path, values] of end) {
      const isFrozen = path === "token" || path.startsWith("blocks.0.");
      expect(
        values.every((x, i) => x === start.get(path)![i]),
        path,
      ).toBe(isFrozen);
    }
  });

const learns: Readonly<Record<string, Partial<PretrainRecipeInput>>> = {
  lion: { optimizer: { kind: "lion" }, rate: 0.003 },
  adafactor: { optimizer: { kind: "adafactor" }, rate: 0.01 },
  "adafactor, relative": { optimizer: { kind: "adafactor", relative: true }, rate: 0.1 },
  scheduleFree: { optimizer: { kind: "scheduleFree" }, rate: 0.01, schedule: constant },
  ema: { average: { kind: "ema", decay: 0.9 } },
  lawa: { average: { kind: "lawa", keep: 4, every: 5 } },
  "batch ramp": {
    batch: {
      ramp: [
        { until: 0.2, rows: 2 },
        { until: 0.5, rows: 4 },
      ],
    },
  },
};
for (const [name, lever] of Object.entries(learns))
  test(`${name}: a tiny model learns the grammar`, async () => {
    const result = await pretrain(options(toyRecipe({ tokens: 150 * 256, checkpointSeconds: 999, ...lever })));
    // far below ln 25 = 3.2, near the entropy of what cannot be known
    expect(result.heldOut).toBeLessThan(1.85);
  }, 60_000);

test("what a schedule-free run keeps is what it evaluated", async () => {
  const recipe = toyRecipe({ tokens: 60 * 256, checkpointSeconds: 999, evaluateEvery: 60, ...levers.scheduleFree });
  const o = options(recipe);
  const kept = await pretrain(o);
  const heldOut = heldOutLoss(o);
  expect(await heldOut.of(kept.parameters, () => {})).toBe(kept.heldOut);
  heldOut.dispose();
});

test("an average of one step's weights is those weights: the run without it, bit for bit", async () => {
  const recipe = (over: Partial<PretrainRecipeInput>) => toyRecipe({ tokens: 6 * 256, ...over });
  const plain = await valuesOf(await pretrain(options(recipe({}))));
  expect(await valuesOf(await pretrain(options(recipe({ average: { kind: "lawa", every: 6, keep: 2 } }))))).toEqual(plain);
  expect(await valuesOf(await pretrain(options(recipe({ average: { kind: "ema", from: 0.9 } }))))).toEqual(plain);
  expect(await valuesOf(await pretrain(options(recipe({ average: { kind: "ema" } }))))).not.toEqual(plain);
});

test("a schedule-free rule refuses a schedule that decays, and a second average, by name", async () => {
  const wrong = (over: Partial<PretrainRecipeInput>) => pretrain(options(toyRecipe({ optimizer: { kind: "scheduleFree" }, ...over })));
  await expect(wrong({})).rejects.toThrow(/train\.schedule\.kind.*constant.*wsd/s);
  await expect(wrong({ schedule: constant, average: { kind: "ema" } })).rejects.toThrow(/train\.average.*scheduleFree.*ema/s);
});

test("a padded vocabulary gives the model of one that is not padded, without its rows", async () => {
  const recipe = (over: Partial<PretrainRecipeInput>) =>
    toyRecipe({ tokens: 8 * 256, optimizer: { kind: "adamw", epsilon: 1e-3 }, rate: 0.01, ...over });
  const plain = await pretrain(options(recipe({})));
  const padded = await pretrain(options(recipe({ vocabMultiple: 64 })));
  expect(padded.heldOut).toBeCloseTo(plain.heldOut, 4);
  const want = await valuesOf(plain);
  for (const [path, values] of await valuesOf(padded)) {
    expect(values.length, path).toBe(want.get(path)!.length);
    expect(Math.max(...values.map((x, i) => Math.abs(x - want.get(path)![i]!))), path).toBeLessThan(1e-4);
  }
});

test("multi-token prediction trains further tokens within their documents, and leaves the plain model", async () => {
  const model = await pretrain(options(toyRecipe({ tokens: 150 * 256, checkpointSeconds: 999, multiToken: { tokens: 3, weight: 0.5 } })));
  expect([...(await valuesOf(model)).keys()]).toEqual(treePaths(decoderSpec(toyModel) as unknown as Tree<unknown>).map(([path]) => path));
  expect(model.heldOut).toBeLessThan(1.85);
  // one token alone costs ln 25 = 3.2 at the start; the loss that is trained has two further terms of half the weight
  expect(model.points[0]!.loss).toBeGreaterThan(4.5);
  await expect(pretrain(options(toyRecipe({ multiToken: {} }), { model: { ...toyModel, layers: 1 } }))).rejects.toThrow(
    /train\.multiToken.*two layers.*1 layer/s,
  );
});
