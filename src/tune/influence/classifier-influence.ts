/**
 * Attributions of a tuned classifier's outputs to the documents that it was trained on: model, recipe and kept checkpoints come from its artifact, texts from
 * the documents that the tuning read (with a purpose: those that had it). A measurement retrains the recipe on random halves and says what each method predicts.
 */
import { z } from "zod";
import { random, silent } from "../../base/index.ts";
import { disposeTree, loadModel, type Model, type ModelConfig, specOfModel } from "../../nn/index.ts";
import { type AttributionScores, datamodelingScores, type Interval } from "../../statistics/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { scheduleAt } from "../../train/index.ts";
import { checkpointReader } from "../checkpoint-files.ts";
import { type DescribedExample, readExamples } from "../classify/examples.ts";
import { fitClassifier, type TokenTexts } from "../classify/fit.ts";
import { type ClassifyOptions, classifyOptions } from "../classify/options.ts";
import { classTexts } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { rateOf, stepsOfEpochs } from "../fit.ts";
import { disposeTuned } from "../methods/index.ts";
import { epochOf, headTokens, widthsOf } from "../text-head/batches.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { predictorOf, probabilitiesOf } from "../text-head/predict.ts";
import { headTuning, pooledStates } from "../text-head/reading.ts";
import { nearestTexts, tracIn, trak, type WeightedCheckpoint } from "./attribute.ts";
import { classLogOdds, classLoss } from "./measures.ts";
import { retrainOnSubsets } from "./retrain.ts";
import { type AttributedTexts, openTextGradients } from "./text-gradients.ts";

export const influenceMethods = ["tracin", "trak", "nearest"] as const;
export type InfluenceMethod = (typeof influenceMethods)[number];

/** What of `tuning.json` is read here. */
const told = z.looseObject({
  base: z.string(),
  recipe: z.looseObject({}),
  classes: z.array(z.string()),
  checkpoints: z.array(z.number().int()).optional(),
});

export interface InfluenceSource {
  readonly model: ArtifactReader;
  /** That the tuning read. */
  readonly documents: ArtifactReader;
  readonly device: Device;
  readonly tokenizerOf: TuneSurroundings["tokenizerOf"];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, message: string) => void) | undefined;
}

/** How far scores predict models that were retrained. */
export interface InfluenceFaithfulness {
  /** Linear datamodelling score of each method, 95 % intervals. */
  readonly scores: Readonly<Record<InfluenceMethod, Interval & { readonly value: number }>>;
  /** Less that of the nearest documents, of the same draws. */
  readonly overNearest: Readonly<Record<Exclude<InfluenceMethod, "nearest">, Interval & { readonly value: number }>>;
  /** Models that were retrained, each on half of the training documents. */
  readonly models: number;
  /** Validation texts whose log-odds were predicted. */
  readonly texts: number;
}

export interface MeasureInfluenceOptions {
  /** The artifact that was tuned. */
  readonly base: ArtifactReader;
  /** For checkpoints of the trainings. */
  readonly folder: string;
  /** Default 32. */
  readonly models?: number | undefined;
  /** Most validation texts that are predicted (default 48). */
  readonly texts?: number | undefined;
}

/** Peak rate of all weights where the recipe says none. */
const usualRate = 1e-4;

/** The steps kept, each with the sum of the rates that led to it since the one before: what TracIn weighs it by. */
function ratesOf(steps: readonly number[], recipe: ClassifyOptions, lengths: readonly number[], longest: number): number[] {
  const stepsIn = epochOf(lengths, widthsOf(longest), Math.min(recipe.batch, lengths.length), "steps").length;
  const planned = stepsOfEpochs(recipe.epochs, stepsIn);
  const shape = { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * planned) };
  const peak = rateOf(recipe, usualRate);
  return steps.map((step, i) => {
    let sum = 0;
    for (let s = i > 0 ? steps[i - 1]! : Math.max(0, step - stepsIn); s < step; s++) sum += peak * scheduleAt(shape, s, planned);
    return sum;
  });
}

export class ClassifierInfluence {
  readonly classes: readonly string[];
  /** Documents that trained the model. */
  readonly train: readonly DescribedExample[];
  /** Of the tuned base. */
  readonly base: string;
  /** Steps whose weights are kept; none: the final weights alone stand for the training. */
  readonly checkpoints: readonly number[];
  readonly #o: InfluenceSource;
  readonly #recipe: ClassifyOptions;
  readonly #model: Model;
  readonly #config: ModelConfig;
  readonly #longest: number;
  readonly #tokenizer: Awaited<ReturnType<TuneSurroundings["tokenizerOf"]>>;
  readonly #trainTexts: TokenTexts;
  readonly #validation: readonly DescribedExample[];

  private constructor(
    o: InfluenceSource,
    found: {
      readonly tuning: z.output<typeof told>;
      readonly recipe: ClassifyOptions;
      readonly model: Model;
      readonly longest: number;
      readonly tokenizer: Awaited<ReturnType<TuneSurroundings["tokenizerOf"]>>;
      readonly train: readonly DescribedExample[];
      readonly validation: readonly DescribedExample[];
      readonly trainTexts: TokenTexts;
    },
  ) {
    this.#o = o;
    this.#recipe = found.recipe;
    this.#model = found.model;
    this.#config = { family: found.model.family, config: found.model.config } as ModelConfig;
    this.#longest = found.longest;
    this.#tokenizer = found.tokenizer;
    this.#trainTexts = found.trainTexts;
    this.#validation = found.validation;
    this.train = found.train;
    this.classes = found.tuning.classes;
    this.base = found.tuning.base;
    this.checkpoints = found.tuning.checkpoints ?? [];
  }

  /** Errors: tune/influence for a model that is no tuned classifier, or was trained privately; those of reading documents and weights. */
  static async open(o: InfluenceSource): Promise<ClassifierInfluence> {
    const place = o.model.id;
    const refused = (received: string, hint?: string) =>
      tuneErrors.fail("influence", { place, expected: "a classifier of `task: classify`", received, ...(hint ? { hint } : {}) });
    if (!o.model.files.some(f => f.name === "tuning.json")) throw refused("a model that was not tuned");
    const tuning = told.safeParse(JSON.parse((await o.model.read("tuning.json")).toString("utf8")));
    const recipe = classifyOptions.safeParse(tuning.data?.recipe);
    if (!tuning.success || !recipe.success) throw refused("a model of another kind of tuning");
    if (recipe.data.privacy)
      throw refused(
        "one with `privacy`: its training documents must not show",
        "The privacy budget does not cover names of training documents.",
      );
    const { train, validation } = await readExamples(o.documents, recipe.data);
    const tokenizer = await o.tokenizerOf(o.model);
    const model = await loadModel(o.model, o.device);
    const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
    if (!classifier || model.family === "encoder-decoder") {
      disposeTree(model.parameters);
      throw refused(`a model of family "${model.family}" without classes`);
    }
    const longest = classifier.longest ?? model.config.context;
    const trainTexts = await classTexts(tokenizer, train, longest, o.signal);
    return new ClassifierInfluence(o, {
      tuning: tuning.data,
      recipe: recipe.data,
      model,
      longest,
      tokenizer,
      train,
      validation,
      trainTexts,
    });
  }

  /** Tokens of a text, as the model reads it. */
  tokensOf(text: string): number[] {
    return headTokens(this.#tokenizer, text, this.#longest);
  }

  /** Probabilities of the classes, of each text. */
  async probabilities(tokens: readonly ArrayLike<number>[]): Promise<number[][]> {
    return (await this.#logits(this.#config, this.#model.parameters, tokens)).map(probabilitiesOf);
  }

  async #logits(model: ModelConfig, parameters: unknown, tokens: readonly ArrayLike<number>[]): Promise<Float64Array[]> {
    const predictor = predictorOf({ device: this.#o.device, model, longest: this.#longest, parameters: (p: unknown) => p });
    try {
      return await predictor.predict([parameters], tokens, this.#o.signal ? { signal: this.#o.signal } : {});
    } finally {
      predictor.dispose();
    }
  }

  /** Checkpoints one after the other, each in memory while it is looked at. */
  async *#kept(): AsyncGenerator<WeightedCheckpoint> {
    const lengths = this.#trainTexts.tokens.map(t => t.length);
    const { checkpoints } = this;
    if (checkpoints.length === 0) {
      yield { parameters: this.#model.parameters, rate: 1 };
      return;
    }
    const rates = ratesOf(checkpoints, this.#recipe, lengths, this.#longest);
    for (const [i, step] of checkpoints.entries()) {
      const { parameters } = await loadModel(checkpointReader(this.#o.model, step), this.#o.device);
      try {
        yield { parameters, rate: rates[i]! };
      } finally {
        disposeTree(parameters);
      }
    }
  }
  async *#keptWeights(): AsyncGenerator<unknown> {
    for await (const { parameters } of this.#kept()) yield parameters;
  }

  /** Parameters that the recipe's method trains; of low-rank factors the matrices that they change. */
  #isCounted(): (path: string) => boolean {
    const { specs, changes } = headTuning(this.#recipe.method, specOfModel(this.#config));
    return path => Object.hasOwn(specs, path) || changes.has(path) || changes.has(path.replace(/\.weight$/, ""));
  }

  /** Scores of each text: a row of one number a training document. Above 0: it supports the text's class. */
  async scores(method: InfluenceMethod, texts: AttributedTexts): Promise<AttributionScores> {
    const train = this.#trainTexts;
    if (method === "nearest") {
      const given = { device: this.#o.device, model: this.#config, longest: this.#longest, parameters: (p: unknown) => p };
      const states = (tokens: readonly ArrayLike<number>[]) => pooledStates(given, [this.#model.parameters], tokens);
      return nearestTexts(
        { states: await states(texts.tokens), labels: texts.labels },
        { states: await states(train.tokens), labels: train.labels },
      );
    }
    const gradients = openTextGradients({
      device: this.#o.device,
      model: this.#config,
      measure: method === "tracin" ? classLoss : classLogOdds,
      longest: this.#longest,
      isCounted: this.#isCounted(),
      signal: this.#o.signal,
      onProgress: done => this.#o.onProgress?.(done, "gradients of the training documents"),
    });
    try {
      return method === "tracin"
        ? await tracIn(gradients, this.#kept(), texts, train)
        : await trak(gradients, this.#keptWeights(), texts, train);
    } finally {
      gradients.dispose();
    }
  }

  /** Retrains the recipe on halves of the training documents, and compares the log-odds of validation texts with what each method predicts. */
  async measure({ base, folder, models = 32, texts: most = 48 }: MeasureInfluenceOptions): Promise<InfluenceFaithfulness> {
    const { device, signal } = this.#o;
    const chosen = Array.from(random("influence/texts").permutation(this.#validation.length).subarray(0, most), i => this.#validation[i]!);
    const texts = await classTexts(this.#tokenizer, chosen, this.#longest, signal);
    const validation = await classTexts(this.#tokenizer, this.#validation, this.#longest, signal);
    const all = this.#trainTexts;
    const outputsOf = async (items: Int32Array, model: number) => {
      const pick = <T>(list: ArrayLike<T>): T[] => Array.from(items, i => list[i]!);
      const tuned = await fitClassifier({
        device,
        base: await loadModel(base, device),
        recipe: { ...this.#recipe, checkpoints: undefined },
        classes: this.classes,
        train: {
          ids: pick(all.ids),
          tokens: pick(all.tokens),
          labels: Int32Array.from(pick(all.labels)),
          attributes: pick(all.attributes!),
        },
        validation,
        longest: this.#longest,
        identity: `influence-${model}`.padEnd(64, "0"),
        folder: `${folder}/${model}`,
        progress: silent,
        signal,
      });
      try {
        const logits = await this.#logits(
          { family: tuned.model.family, config: tuned.model.config } as ModelConfig,
          tuned.model.parameters,
          texts.tokens,
        );
        return Float64Array.from(logits, (row, i) => logOdds(row, texts.labels[i]!));
      } finally {
        disposeTree(tuned.model.parameters);
        disposeTuned(tuned, tuned.model.parameters);
      }
    };
    const retrained = await retrainOnSubsets({
      items: all.tokens.length,
      models,
      outputsOf,
      onModel: done => this.#o.onProgress?.(done / models, `retrained ${done} of ${models} models`),
      signal,
    });
    const attributions = {
      tracin: await this.scores("tracin", texts),
      trak: await this.scores("trak", texts),
      nearest: await this.scores("nearest", texts),
    };
    const { scores, difference } = datamodelingScores(retrained, attributions);
    const plain = ({ value, low, high }: Interval & { readonly value: number }) => ({ value, low, high });
    return {
      scores: { tracin: plain(scores.tracin), trak: plain(scores.trak), nearest: plain(scores.nearest) },
      overNearest: { tracin: difference("tracin", "nearest"), trak: difference("trak", "nearest") },
      models,
      texts: chosen.length,
    };
  }

  dispose(): void {
    disposeTree(this.#model.parameters);
  }
}

/** ln(p / (1 - p)) of a class, of logits. */
export function logOdds(logits: ArrayLike<number>, label: number): number {
  const others = Array.from(logits).filter((_, c) => c !== label);
  const most = Math.max(...others);
  return logits[label]! - most - Math.log(others.reduce((s, x) => s + Math.exp(x - most), 0));
}
