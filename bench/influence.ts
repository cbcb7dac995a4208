/**
 * Do scores of training documents predict retraining? Small encoders on mails are trained on random halves of the training mails; the linear datamodelling score
 * of TracIn, TRAK and the nearest documents says how well each predicts their log-odds of test mails. Twice: with all weights trained, and with the last layer
 * alone over random features, where training is convex.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent, treeFrom, treePaths } from "../src/base/index.ts";
import {
  bertConfig,
  disposeTree,
  initialise,
  type ModelConfig,
  modelOf,
  type ParameterSpec,
  specOfModel,
  textStates,
} from "../src/nn/index.ts";
import { type AttributionScores, datamodelingScores } from "../src/statistics/index.ts";
import { type Device, type DeviceArray, openDevice } from "../src/tensor/index.ts";
import {
  type ClassifyInput,
  classifyOptions,
  classLogOdds,
  classLoss,
  type FittedClassifier,
  fitClassifier,
  logOdds,
  nearestTexts,
  openTextGradients,
  retrainOnSubsets,
  type TokenTexts,
  tracIn,
  trak,
} from "../src/tune/index.ts";
import { predictorOf, textReader } from "../src/tune/text-head/predict.ts";
import { type Bar, type BenchContext, digits } from "./harness.ts";
import { hashedLength, hashedMails, hashedVocab, mailClasses } from "./hashed-mails.ts";
import { labelledMails } from "./quality/corpus.ts";

const [trainMails, testMails, models] = [400, 40, 32];
/** Trainings whose gradients TRAK averages over. */
const seeds = 3;
/** The bar's method of each setting was chosen on other mails and halves: TracIn where all weights are trained, TRAK where its linear model is exact. */
const settings = {
  "all weights": { width: 32, method: "tracin", recipe: { rate: 0.003, epochs: 10 } },
  "last layer": { width: 64, method: "trak", recipe: { rate: 0.02, epochs: 12, method: { frozen: { layers: 1, embeddings: true } } } },
} as const satisfies Readonly<Record<string, { width: number; method: "tracin" | "trak"; recipe: Partial<ClassifyInput> }>>;
type Setting = (typeof settings)[keyof typeof settings];

async function mailTexts(): Promise<{ readonly train: TokenTexts; readonly test: TokenTexts }> {
  const mails = await labelledMails(process.cwd());
  const part = (isTest: boolean, count: number) =>
    hashedMails(
      mails.filter(m => (m.fold === 0) === isTest),
      count,
      `influence/${isTest}`,
    );
  return { train: part(false, trainMails), test: part(true, testMails) };
}

/** The weights of the last step, whatever the test mails say of it. */
const lastWeights = (model: ModelConfig, { kept, frozen }: FittedClassifier): unknown => {
  // of any family: a tree of specifications, whatever its type is called
  const specs = specOfModel(model) as never;
  const arrays = new Map<string, DeviceArray>([...Object.entries(frozen), ...treePaths<DeviceArray>(kept.at(-1)!.parameters as never)]);
  return treeFrom<ParameterSpec, DeviceArray>(
    specs,
    treePaths<ParameterSpec>(specs).map(([path]) => arrays.get(path)!),
  );
};
const disposeFitted = (fitted: FittedClassifier) => {
  for (const tree of [fitted.trainable, fitted.frozen, ...fitted.kept.map(k => k.parameters)]) disposeTree(tree);
};

interface Lab {
  readonly device: Device;
  readonly folder: string;
  readonly train: TokenTexts;
  readonly test: TokenTexts;
  readonly setting: Setting;
}

async function trained({ device, folder, train, test, setting }: Lab, items: ArrayLike<number>, seed: number): Promise<FittedClassifier> {
  const base: ModelConfig = {
    family: "encoder",
    config: { ...bertConfig({ vocab: hashedVocab, width: setting.width, layers: 1, heads: 2, context: hashedLength }), headless: true },
  };
  const pick = Array.from(items);
  return fitClassifier({
    device,
    base: modelOf(base, await initialise(specOfModel(base), device, 3)),
    recipe: classifyOptions.parse({
      ...setting.recipe,
      pooling: "mean",
      batch: 32,
      patience: 0,
      evaluations: 1,
      select: "loss",
      seed,
      checkpoints: 1,
      checkpointSeconds: 1e6,
    }),
    classes: mailClasses,
    train: { ids: pick.map(String), tokens: pick.map(i => train.tokens[i]!), labels: Int32Array.from(pick, i => train.labels[i]!) },
    validation: test,
    longest: hashedLength,
    identity: "influence".padEnd(64, "0"),
    folder: mkdtempSync(join(folder, "run-")),
    progress: silent,
  });
}

const configOf = ({ model }: FittedClassifier): ModelConfig => ({ family: model.family, config: model.config }) as ModelConfig;

async function outputsOf({ device, test }: Lab, fitted: FittedClassifier): Promise<Float64Array> {
  const model = configOf(fitted);
  const predictor = predictorOf({ device, model, longest: hashedLength, parameters: (p: unknown) => p });
  const logits = await predictor.predict([lastWeights(model, fitted)], test.tokens).finally(() => predictor.dispose());
  return Float64Array.from(logits, (row, i) => logOdds(row, test.labels[i]!));
}

/** Scores of the test mails by every method, of models on all training mails. */
async function attributions(
  lab: Lab,
  fitted: readonly FittedClassifier[],
): Promise<Record<"tracin" | "trak" | "nearest", AttributionScores>> {
  const { device, train, test } = lab;
  const model = configOf(fitted[0]!);
  const weights = fitted.map(f => lastWeights(model, f));
  const isCounted = (path: string) => Object.hasOwn(fitted[0]!.kept[0]!.parameters, path);
  const [loss, odds] = [classLoss, classLogOdds].map(measure =>
    openTextGradients({ device, model, measure, longest: hashedLength, isCounted }),
  );
  const reader = textReader({
    device,
    longest: hashedLength,
    parameters: (p: unknown) => p,
    read: (p, tokens, present) => textStates(model, p, tokens, present),
  });
  const embedded = async ({ tokens, labels }: TokenTexts) => ({ states: await reader.predict([weights[0]], tokens), labels });
  const found = {
    tracin: await tracIn(loss!, [{ parameters: weights[0], rate: 1 }], test, train),
    trak: await trak(odds!, weights, test, train),
    nearest: nearestTexts(await embedded(test), await embedded(train)),
  };
  for (const each of [loss!, odds!, reader]) each.dispose();
  return found;
}

async function scored(lab: Lab, count: number, say: BenchContext["say"]) {
  const started = process.cpuUsage();
  const all = Array.from({ length: trainMails }, (_, i) => i);
  const retrained = await retrainOnSubsets({
    items: trainMails,
    models: count,
    seed: "halves",
    async outputsOf(items) {
      const fitted = await trained(lab, items, 1);
      return outputsOf(lab, fitted).finally(() => disposeFitted(fitted));
    },
    onModel: (done, of) => done % 8 === 0 && say(`${done} of ${of} models on halves`),
  });
  const fitted: FittedClassifier[] = [];
  for (let seed = 1; seed <= seeds; seed++) fitted.push(await trained(lab, all, seed));
  const { scores, difference } = datamodelingScores(retrained, await attributions(lab, fitted));
  const accuracy = fitted[0]!.history.at(-1)!.accuracy;
  for (const f of fitted) disposeFitted(f);
  const { user, system } = process.cpuUsage(started);
  return { scores, difference, accuracy, processorSeconds: (user + system) / 1e6 };
}

const figure = ({ value, low, high }: { readonly value: number; readonly low: number; readonly high: number }) =>
  `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

/** Linear datamodelling scores, and the bar of each setting. */
export async function influenceFigures({ say, scale }: Pick<BenchContext, "say" | "scale">) {
  const count = Math.max(4, Math.round(models * Math.min(1, scale)));
  const folder = mkdtempSync(join(tmpdir(), "loam-influence-"));
  const device = openDevice("cpu", { threads: 1 });
  const texts = await mailTexts();
  const ours: Record<string, object> = {};
  const bars: Bar[] = [];
  try {
    for (const [name, setting] of Object.entries(settings)) {
      say(`influence, ${name}`);
      const { scores, difference, accuracy, processorSeconds } = await scored({ device, folder, ...texts, setting }, count, say);
      const over = difference(setting.method, "nearest");
      ours[name] = {
        ...Object.fromEntries(Object.entries(scores).map(([method, score]) => [method, figure(score)])),
        "tracin over nearest": figure(difference("tracin", "nearest")),
        "trak over nearest": figure(difference("trak", "nearest")),
        accuracy: digits(accuracy),
        processorSeconds: digits(processorSeconds),
      };
      bars.push({
        name: `${name}: ${setting.method}'s linear datamodelling score over that of the nearest documents`,
        want: "95 % interval above 0",
        got: figure(over),
        holds: over.low > 0,
      });
    }
  } finally {
    device.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
  const method = `Influence: ${count} encoders of one layer a setting, each on a random half of ${trainMails} mails, log-odds of ${testMails} test mails (Park et al. 2023); nearest documents by the cosine of the model's own mean states, negative for the other class; TracIn of the final weights, TRAK over ${seeds} seeds; intervals over models and mails.`;
  return { ours, bars, method };
}
