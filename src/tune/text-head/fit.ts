/**
 * Fine-tuning of a head over a text's state, with all, some or few of the model's weights (methods/). What tells classes and what gives a number differ in
 * head, targets, loss and scores alone. What it gives is a function of model, texts and recipe.
 */
import { defined, type Tree, treeFrom, treePaths } from "../../base/index.ts";
import {
  type ClassifierConfig,
  dropoutFrom,
  type Model,
  type ModelConfig,
  modelOf,
  type ParameterSpec,
  specOfModel,
  startValues,
  withClassifier,
} from "../../nn/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { type Device, type DeviceArray, fromNumbers, mul, sameShape, sizeOf, sum, type Tensor } from "../../tensor/index.ts";
import {
  type BatchArraySpec,
  type BatchSource,
  gatherNumbers,
  type HostBatch,
  rowsOfShare,
  type ValidationScores,
} from "../../train/index.ts";
import { type FitRecipe, type FitRun, type Fitted, rateOf, runFit } from "../fit.ts";
import { givenBackOnFailure, mergedModel, type TunedArrays } from "../methods/index.ts";
import { leavesOf } from "../methods/paths.ts";
import { forgetKey } from "../privacy/key-file.ts";
import type { PrivacyOptions } from "../privacy/options.ts";
import type { PrivacyReport } from "../privacy/plan.ts";
import { adversarialLoss, adversarialParts, type HeadAdversary, trainedOfModel, withoutAdversary } from "./adversary.ts";
import { epochOf, type TextBatch, widthsOf } from "./batches.ts";
import { privateTexts } from "./private-texts.ts";
import { headTuning, isHeadAlone, openReading } from "./reading.ts";

/** Texts as tokens; a kind adds what is right of each. */
export interface HeadTexts {
  readonly ids: readonly string[];
  readonly tokens: readonly ArrayLike<number>[];
  /** The person that each is of, where a recipe's privacy names an attribute. */
  readonly owners?: readonly string[] | undefined;
  /** States of each (`pooledStates`), where a caller knows them already: read instead of the tokens where the head alone is trained. */
  readonly states?: readonly ArrayLike<number>[] | undefined;
}

/** The part of a recipe that a head's training reads. */
export interface HeadRecipe extends FitRecipe {
  /** Texts a step. */
  readonly batch: number;
  readonly dropout: number;
  readonly pooling?: ClassifierConfig["pooling"] | undefined;
  readonly privacy?: PrivacyOptions | undefined;
}

export interface HeadRun<T extends HeadTexts, R extends HeadRecipe> extends FitRun {
  /** Its arrays are taken over. */
  readonly base: Model;
  readonly recipe: R;
  readonly train: T;
  readonly validation: T;
  /** Longest text, tokens. */
  readonly longest: number;
}

/** What a kind of head learns. */
interface Head {
  readonly config: Pick<ClassifierConfig, "labels" | "kind">;
  readonly targets: Omit<BatchArraySpec, "shape">;
  /** Numbers of a text's target, where it is not one: targets are [B, columns] then. */
  readonly columns?: number;
  /** Of a text of the train part. */
  targetOf(text: number): number | readonly number[];
  weightOf(text: number): number;
  /** Its loss is debiased against an adversary. */
  readonly adversary?: HeadAdversary | undefined;
  /** Of a batch's outputs [B, K] and targets [B] or [B, columns] -> [B]. */
  losses(outputs: Tensor, targets: Tensor): Tensor;
  /** Of the outputs for the texts of the validation part. */
  judge(outputs: readonly Float64Array[]): ValidationScores;
  /** The one with less loss where absent. */
  readonly isBetter?: (a: ValidationScores, b: ValidationScores) => boolean;
  /** The loss where absent. */
  readonly shown?: (judged: ValidationScores) => string;
}

/** With what the model was merged of, for the proof of the merge; `disposeTuned` gives back what the model does not hold. */
export interface FittedHead extends Fitted, TunedArrays {
  readonly model: Model;
  readonly trained: number;
  /** Of a private run. */
  readonly privacy: PrivacyReport | undefined;
  /** Of the texts of the validation part, by the chosen values. */
  readonly outputs: readonly Float64Array[];
}

/** Peak rate of all weights where none is said. */
const usualRate = 1e-4;
type Batch = Record<"targets" | "weights" | "seed" | "owner", Tensor> & Record<string, Tensor>;

/** The base with another head: its values where the parameters are the same, drawn ones for what is new. */
async function withHead(base: Model, model: ModelConfig, device: Device, seed: number | string): Promise<unknown> {
  const sameClasses =
    base.family !== "encoder-decoder" &&
    model.family !== "encoder-decoder" &&
    JSON.stringify(base.config.classifier?.labels) === JSON.stringify(model.config.classifier?.labels);
  const old = leavesOf<DeviceArray>(base.parameters);
  // of any family: a tree of specifications, whatever its type is called
  const specs = specOfModel(model) as unknown as Tree<ParameterSpec>;
  const arrays: DeviceArray[] = [];
  for (const [path, spec] of treePaths<ParameterSpec>(specs)) {
    const found = old.get(path);
    // a pooler of a pre-trained encoder is worth as much as any start
    const isReused = found && sameShape(found.shape, spec.shape) && (sameClasses || !path.startsWith("classifier."));
    if (isReused) old.delete(path);
    arrays.push(isReused ? found : await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape));
  }
  for (const a of old.values()) a.dispose();
  return treeFrom<ParameterSpec, DeviceArray>(specs, arrays);
}

/** The adversary's start. */
const adversaryStart = async (specs: Readonly<Record<string, ParameterSpec>>, device: Device, seed: number | string) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(specs).map(
        async ([path, spec]) =>
          [path, await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape)] as const,
      ),
    ),
  );

/** Batches of one epoch after the other; an epoch has the same number of them each time. */
function epochs(
  epochAt: (epoch: number) => TextBatch[],
  host: (batch: TextBatch, seed: number) => HostBatch,
  state = { epoch: 0, row: 0 },
) {
  let { epoch, row } = state;
  let batches = epochAt(epoch);
  return {
    state: () => ({ epoch, row }),
    next() {
      const made = host(batches[row]!, epoch * batches.length + row);
      if (++row === batches.length) [epoch, row, batches] = [epoch + 1, 0, epochAt(epoch + 1)];
      return made;
    },
  } satisfies BatchSource;
}

/** The first rank's scores on all, who might differ in the last bit on other processors and then choose other values. */
export async function firstRanks(ranks: ProcessGroup | undefined, own: ValidationScores): Promise<ValidationScores> {
  if (!ranks) return own;
  const { loss, ...measures } = own;
  const names = Object.keys(measures);
  const [first] = await gatherNumbers(ranks, [loss, ...names.map(name => measures[name]!)]);
  return { loss: first![0]!, ...Object.fromEntries(names.map((name, i) => [name, first![i + 1]!])) };
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitHead<T extends HeadTexts, R extends HeadRecipe>(o: HeadRun<T, R>, head: Head): Promise<FittedHead> {
  const { device, recipe, train, longest } = o;
  const model = withClassifier({ family: o.base.family, config: o.base.config } as ModelConfig, {
    ...head.config,
    longest,
    ...defined({ pooling: recipe.pooling }),
  });
  const tuning = headTuning(recipe.method, specOfModel(model));
  const { trainable, frozen } = await tuning.start(await withHead(o.base, model, device, recipe.seed), device, recipe.seed);
  const widths = widthsOf(longest);
  const lengths = train.tokens.map(t => t.length);
  const rows = Math.min(recipe.batch, train.tokens.length);
  const { ranks } = o;
  const share = ranks && { part: ranks.rank, of: ranks.size };
  /** Rows of a batch that this process computes. */
  const ownRows = share ? rowsOfShare(rows, share) : rows;
  const epochAt = (epoch: number) => epochOf(lengths, widths, rows, `${recipe.seed}/epoch/${epoch}`);

  const reading = await givenBackOnFailure([trainable, frozen], () =>
    openReading(
      {
        ...o,
        model,
        tuning,
        rows: ownRows,
        signal: ranks ? undefined : o.signal,
        reads: isHeadAlone(tuning, recipe.dropout) ? "states" : "tokens",
      },
      [trainable, frozen],
    ),
  );
  const targetShape = head.columns === undefined ? [ownRows] : [ownRows, head.columns];

  const { privacy } = recipe;
  const { folder } = o;
  const isPrivate = privacy && privateTexts({ ...recipe, privacy, folder, owners: train.owners, lengths, widths }, rows);

  const against = adversarialParts(head.adversary, rows);
  function hostOf({ width, texts }: TextBatch, seed: number, owner?: readonly number[]): HostBatch {
    const first = share ? share.part * ownRows : 0;
    const batch = { width, texts: texts.slice(first, first + ownRows) };
    const each = (value: (text: number) => number) =>
      Array.from({ length: ownRows }, (_, i) => (i < batch.texts.length ? value(batch.texts[i]!) : 0));
    const weights = Float32Array.from(each(i => head.weightOf(i)));
    const targets = new (head.targets.dtype === "i32" ? Int32Array : Float32Array)(ownRows * (head.columns ?? 1));
    for (const [i, text] of batch.texts.entries()) targets.set([head.targetOf(text)].flat(), i * (head.columns ?? 1));
    const read = reading.lay(batch);
    return {
      arrays: {
        ...read.arrays,
        targets,
        weights,
        ...against.arrays(batch.texts),
        seed: Int32Array.of(seed),
        owner: Int32Array.from({ length: ownRows }, (_, i) => owner?.[i] ?? -1),
      },
      shapes: read.shapes,
      weight: weights.reduce((a, b) => a + b, 0),
      documents: batch.texts.map(i => train.ids[i]!),
    };
  }

  const ask = (trees: readonly unknown[]) => reading.predict(trees);
  const isBetter = head.isBetter ?? ((a: ValidationScores, b: ValidationScores) => a.loss < b.loss);
  /** The best judgement of this process: one from before a checkpoint that it goes on from may have been better. */
  let best: { readonly scores: ValidationScores; readonly outputs: readonly Float64Array[] } | undefined;
  try {
    const { trainable: all, ...fitted } = await runFit<Batch>(o, recipe, {
      specs: { ...tuning.specs, ...against.specs },
      loss(trained, b, scale, still) {
        const outputs = reading.logits(tuning.parameters(still, trainedOfModel(trained), b.seed, share?.part), b, {
          ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed, 0, share?.part) } : {}),
        });
        const loss = mul(sum(mul(head.losses(outputs, b.targets), b.weights)), scale);
        if (!head.adversary) return loss;
        return adversarialLoss(head.adversary, trained, loss, {
          logits: outputs,
          targets: b.targets,
          weights: b.weights,
          scale,
          arrays: b,
        });
      },
      batch: {
        ...reading.batch,
        targets: { ...head.targets, shape: targetShape },
        weights: { shape: [ownRows], dtype: "f32" },
        seed: { shape: [], dtype: "i32" },
        owner: { shape: [ownRows], dtype: "i32" },
        ...against.batch,
      },
      usualRate,
      stepsIn: isPrivate?.stepsIn ?? epochAt(0).length,
      private: isPrivate,
      start: { ...trainable, ...(await adversaryStart(against.specs, device, recipe.seed)) },
      adversarial: against.gradients,
      rateFactors: head.adversary ? { "adversary.*": head.adversary.rate / rateOf(recipe, usualRate) } : {},
      frozen,
      source: state => (isPrivate ? isPrivate.source(hostOf, state) : epochs(epochAt, hostOf, state)),
      tokensOf: reading.tokensOf,
      async judge(trained, still) {
        const outputs = await ask([trained, still]);
        const scores = await firstRanks(ranks, head.judge(outputs));
        if (!best || isBetter(scores, best.scores)) best = { scores, outputs };
        return scores;
      },
      isBetter,
      ...defined({ shown: head.shown }),
      // the head is drawn: there is nothing to be chosen yet
      judgesStart: false,
    });
    if (isPrivate) forgetKey(folder);
    const chosen = withoutAdversary(all);
    return await givenBackOnFailure([chosen, frozen], async () => ({
      ...fitted,
      privacy: isPrivate?.report,
      outputs: best?.scores.loss === fitted.history[fitted.best]!.loss ? best.outputs : await ask([chosen, frozen]),
      model: modelOf(model, await mergedModel(tuning, frozen, chosen, device)),
      tuning,
      trainable: chosen,
      frozen,
      trained: [...leavesOf<DeviceArray>(chosen).values()].reduce((n, a) => n + sizeOf(a.shape), 0),
    }));
  } finally {
    reading.dispose();
  }
}
