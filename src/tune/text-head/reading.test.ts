/** The head alone: states that are read once stand for the texts that they are of. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { random, silent, type Tree, treePaths } from "../../base/index.ts";
import { bertConfig, initialise, llamaConfig, type ModelConfig, modelOf, specOfModel, withClassifier } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { fitClassifier, type TokenTexts } from "../classify/fit.ts";
import { type ClassifyInput, classifyOptions } from "../classify/options.ts";
import { predictorOf } from "./predict.ts";
import { headTuning, isHeadAlone, openReading, pooledStates } from "./reading.ts";

const device = openDevice("cpu", { threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "loam-reading-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  device.dispose();
});
const small = { vocab: 24, width: 16, layers: 2, heads: 2, context: 32 };
const models: Readonly<Record<string, ModelConfig>> = {
  encoder: { family: "encoder", config: { ...bertConfig(small), headless: true } },
  decoder: { family: "decoder", config: llamaConfig(small) },
};
const classes = ["a", "b"];
const [longest, rows] = [16, 8];
function texts(seed: string, count: number): TokenTexts {
  const r = random(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  return {
    ids: Array.from(labels, (_, i) => `${seed}:${i}`),
    tokens: Array.from(labels, label => [1 + label, ...Array.from({ length: 2 + r.below(12) }, () => 3 + r.below(21))]),
    labels,
  };
}
const [train, validation] = [texts("train", 40), texts("validation", 11)];
const values = async (tree: unknown) =>
  Promise.all(treePaths<DeviceArray>(tree as Tree<DeviceArray>).map(async ([path, a]) => [path, [...(await a.numbers())]] as const));

let runs = 0;
async function tuned(base: ModelConfig, more: Partial<TokenTexts> = {}, recipe: Partial<ClassifyInput> = {}) {
  const model = modelOf(base, await initialise(specOfModel(base), device, 3));
  const before = new Map(await values(model.parameters));
  const fitted = await fitClassifier({
    device,
    base: model,
    recipe: classifyOptions.parse({
      method: { frozen: { layers: "all" } },
      rate: 0.05,
      epochs: 3,
      batch: rows,
      patience: 0,
      checkpointSeconds: 1e6,
      ...recipe,
    }),
    classes,
    train: { ...train, ...more },
    validation,
    longest,
    identity: "toy".padEnd(64, "0"),
    folder: join(folder, `run-${runs++}`),
    progress: silent,
  });
  return { fitted, before };
}

test.each(Object.entries(models))("%s: a batch's logits by states are those by tokens", async (_, base) => {
  const model = withClassifier(base, { labels: classes, kind: "one", longest });
  const tuning = headTuning<unknown>({ frozen: { layers: "all", embeddings: true } }, specOfModel(model));
  expect(Object.keys(tuning.specs).sort()).toEqual(["classifier.output.bias", "classifier.output.weight"]);
  expect([isHeadAlone(tuning, 0), isHeadAlone(tuning, 0.1)]).toEqual([true, false]);
  const { trainable, frozen } = await tuning.start(await initialise(specOfModel(model), device, 3), device, 3);
  const found: Float64Array[] = [];
  for (const reads of ["tokens", "states"] as const) {
    const reading = await openReading({ device, model, longest, tuning, train, validation, rows, reads }, [trainable, frozen]);
    const { arrays, shapes } = reading.lay({ width: longest, texts: [5, 0, 31] });
    const given: Record<string, DeviceArray> = {};
    for (const [name, data] of Object.entries(arrays)) {
      const { shape, dtype } = reading.batch[name]!;
      given[name] = await device.array(data, dtype, shapes[name] ?? shape);
    }
    const program = compile(
      (t: Record<string, Tensor>, f: Record<string, Tensor>, b: Record<string, Tensor>) =>
        reading.logits(tuning.parameters(f, t as never), b, {}),
      { device },
    );
    const logits = await (await program(trainable as never, frozen as never, given)).numbers();
    const asked = await reading.predict([trainable, frozen]);
    found.push(Float64Array.from([...logits.subarray(0, 3 * classes.length), ...asked.flatMap(row => [...row])]));
    program.dispose();
    reading.dispose();
  }
  expect(Math.max(...found[0]!.map(Math.abs))).toBeGreaterThan(1e-3);
  for (const [i, x] of found[0]!.entries()) expect(found[1]![i]!).toBeCloseTo(x, 5);
});

test.each(Object.entries(models))("%s: only the last layer changes, and the whole model tells what its states told", async (_, base) => {
  const { fitted, before } = await tuned(base, {}, { pooling: "mean", epochs: 10 });
  const after = await values(fitted.model.parameters);
  for (const [path, x] of after) {
    if (path.startsWith("classifier.output")) continue;
    if (before.has(path)) expect(x, path).toEqual(before.get(path));
  }
  const history = fitted.history.map(h => h.loss);
  expect(Math.min(...history)).toBeLessThan(history[0]!);
  const model = { family: fitted.model.family, config: fitted.model.config } as ModelConfig;
  const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
  const logits = await predictor.predict([fitted.model.parameters], validation.tokens);
  predictor.dispose();
  for (const [i, row] of logits.entries()) for (const [k, x] of row.entries()) expect(fitted.validationLogits[i]![k]!).toBeCloseTo(x, 5);
});

test("known states give the weights that the texts give, to the bit, and the tokens are not read", async () => {
  const base = models.encoder!;
  const model = withClassifier(base, { labels: classes, kind: "one", longest });
  const states = await pooledStates(
    { device, model, longest, parameters: (p: unknown) => p },
    [await initialise(specOfModel(base), device, 3)],
    train.tokens,
  );
  const nothing = train.tokens.map(() => [0]);
  const weights = async (more: Partial<TokenTexts>) => values((await tuned(base, more)).fitted.trainable);
  expect(await weights({ states, tokens: nothing })).toEqual(await weights({}));
});
