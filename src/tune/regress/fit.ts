/**
 * Fine-tuning of a model that reads a number off a text: a head of one output over a text's state, squared errors of standardised numbers; the head of what
 * comes out gives the numbers themselves. What it gives is a function of model, texts and recipe.
 */
import { type Tree, treeLeaves } from "../../base/index.ts";
import { dropoutFrom, type Model, type ModelConfig, modelOf, specOfModel, textLogits, withClassifier } from "../../nn/index.ts";
import { type DeviceArray, mul, reshape, sizeOf, square, sub, sum, type Tensor } from "../../tensor/index.ts";
import type { HostBatch } from "../../train/index.ts";
import { epochOf, layTexts, widthsOf } from "../classify/batches.ts";
import { withHead } from "../classify/fit.ts";
import { predictorOf } from "../classify/predict.ts";
import { type BatchSource, type Fitted, runFit } from "../fit.ts";
import { type LoopRun, loopOf, rateOf } from "../loop.ts";
import {
  type FrozenTensors,
  givenBackOnFailure,
  mergedModel,
  type TrainableTensors,
  type TunedArrays,
  tuningOf,
} from "../methods/index.ts";
import type { RegressOptions } from "./options.ts";
import { regressionOf } from "./report.ts";

/** Texts as tokens, with their numbers. */
export interface MeasuredTexts {
  readonly ids: readonly string[];
  readonly tokens: readonly ArrayLike<number>[];
  readonly values: readonly number[];
}
export interface RegressRun extends LoopRun {
  /** Its arrays are taken over. */
  readonly base: Model;
  readonly recipe: RegressOptions;
  readonly train: MeasuredTexts;
  readonly validation: MeasuredTexts;
  /** Longest text, tokens. */
  readonly longest: number;
}
export interface RegressResult extends Omit<Fitted, "trainable"> {
  readonly model: Model;
  /** What the model was merged of; its head gives the numbers themselves too. `disposeTuned` gives back what the model does not hold. */
  readonly tuned: TunedArrays;
  readonly trained: number;
  /** Of the numbers that were trained on. */
  readonly mean: number;
  readonly deviation: number;
}

type Batch = { tokens: Tensor; present: Tensor; targets: Tensor; weights: Tensor; seed: Tensor };

/** The head's output is stretched from standardised numbers to the numbers themselves. */
async function unstandardised(model: Model, mean: number, deviation: number): Promise<void> {
  if (model.family === "encoder-decoder") return;
  const { weight, bias } = (model.parameters as { classifier: { output: { weight: DeviceArray; bias: DeviceArray } } }).classifier.output;
  await weight.write(((await weight.read()) as Float32Array).map(x => x * deviation));
  await bias.write(((await bias.read()) as Float32Array).map(x => x * deviation + mean));
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitRegression(o: RegressRun): Promise<RegressResult> {
  const { device, recipe, train, validation } = o;
  const model = withClassifier({ family: o.base.family, config: o.base.config } as ModelConfig, {
    labels: [recipe.label],
    kind: "value",
    longest: o.longest,
    ...(recipe.pooling ? { pooling: recipe.pooling } : {}),
  });
  const mean = train.values.reduce((a, b) => a + b, 0) / train.values.length;
  const deviation = Math.sqrt(train.values.reduce((s, y) => s + (y - mean) ** 2, 0) / train.values.length);
  const standardised = (y: number) => (y - mean) / deviation;
  const tuning = tuningOf(recipe.method, specOfModel(model), { whole: ["classifier"] });
  const { trainable, frozen } = await tuning.start(await withHead(o.base, model, device, recipe.seed), device, recipe.seed);
  const widths = widthsOf(o.longest);
  const lengths = train.tokens.map(t => t.length);
  const rows = Math.min(recipe.batch, train.tokens.length);
  const epochAt = (epoch: number) => epochOf(lengths, widths, rows, `${recipe.seed}/epoch/${epoch}`);
  const batchesIn = epochAt(0).length;

  /** Batches of one epoch after the other; an epoch has the same number of them each time. */
  const source = (state = { epoch: 0, row: 0 }): BatchSource => {
    let { epoch, row } = state;
    let batches = epochAt(epoch);
    return {
      state: () => ({ epoch, row }),
      next() {
        const batch = batches[row]!;
        const each = (value: (text: number) => number) =>
          Float32Array.from({ length: rows }, (_, i) => (i < batch.texts.length ? value(batch.texts[i]!) : 0));
        const host: HostBatch = {
          arrays: {
            ...layTexts(train.tokens, batch, rows),
            targets: each(i => standardised(train.values[i]!)),
            weights: each(() => 1),
            seed: Int32Array.of(epoch * batchesIn + row),
          },
          shapes: { tokens: [rows, batch.width], present: [rows, batch.width] },
          weight: batch.texts.length,
          documents: batch.texts.map(i => train.ids[i]!),
        };
        if (++row === batches.length) [epoch, row, batches] = [epoch + 1, 0, epochAt(epoch + 1)];
        return host;
      },
    };
  };
  const predictor = predictorOf({
    device,
    model,
    longest: o.longest,
    parameters: (trained: TrainableTensors, still: FrozenTensors) => tuning.parameters(still, trained),
  });
  const truth = validation.values;
  const loop = loopOf(o, recipe, rateOf(recipe, 1e-4), batchesIn);
  try {
    const { trainable: chosen, ...fitted } = await runFit<Batch>({
      trainer: {
        ...loop.trainer,
        specs: tuning.specs,
        loss: ((trained: TrainableTensors, b: Batch, scale: Tensor, still: FrozenTensors) => {
          const found = textLogits(model, tuning.parameters(still, trained, b.seed), b.tokens, b.present, {
            rematerialise: recipe.rematerialise,
            ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed) } : {}),
          });
          return mul(sum(mul(square(sub(reshape(found, [rows]), b.targets)), b.weights)), scale);
        }) as never,
        batch: {
          tokens: { shape: [rows, o.longest], dtype: "i32", below: model.config.vocab },
          present: { shape: [rows, o.longest], dtype: "i32" },
          targets: { shape: [rows], dtype: "f32" },
          weights: { shape: [rows], dtype: "f32" },
          seed: { shape: [], dtype: "i32" },
        },
      },
      start: trainable,
      frozen,
      source,
      tokensOf: b => (b.arrays.present as Int32Array).reduce((n, x) => n + x, 0),
      judge: async (trained, still) => {
        const found = await predictor.predict([trained, still], validation.tokens, o.signal ? { signal: o.signal } : {});
        const predicted = found.map(row => row[0]! * deviation + mean);
        const rmse = regressionOf.rmse({ truth, predicted });
        return {
          loss: (rmse / deviation) ** 2,
          rmse,
          mae: regressionOf.mae({ truth, predicted }),
          spearman: regressionOf.spearman({ truth, predicted }),
        };
      },
      shown: s => `validation RMSE ${s.rmse!.toPrecision(4)}`,
      // the head is drawn: there is nothing to be chosen yet
      judgesStart: false,
      ...loop.fit,
    });
    return await givenBackOnFailure([chosen, frozen], async () => {
      const found = modelOf(model, await mergedModel(tuning, frozen, chosen, device));
      await unstandardised(found, mean, deviation);
      const trained = treeLeaves<DeviceArray>(chosen as unknown as Tree<DeviceArray>).reduce((n, a) => n + sizeOf(a.shape), 0);
      return { ...fitted, model: found, tuned: { tuning, trainable: chosen, frozen }, trained, mean, deviation };
    });
  } finally {
    predictor.dispose();
  }
}
