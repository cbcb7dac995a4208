/**
 * Tuning by rated answers (KTO). The base's log-probabilities, of the answers and of those to other prompts, are computed once before the first
 * step. What good answers have gained more than bad ones is logged beside the loss. How far the model has moved is told batch by batch, so
 * micro-batches do not add up to one batch exactly here, as they do elsewhere.
 */
import { defined } from "../../base/index.ts";
import { type DecoderConfig, type DecoderSpec, decoderSpec } from "../../nn/index.ts";
import { type DeviceArray, mul, stopGradient, sum, type Tensor } from "../../tensor/index.ts";
import { type BatchArraySpec, type BatchSource, type HostBatch, treeProgram, type ValidationScores } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { runFit } from "../fit.ts";
import type { FittedDecoder, TaskRun } from "../instruct/task.ts";
import { decoderRate } from "../instruct/tune.ts";
import { type FrozenTensors, givenBackOnFailure, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import { ktoTerms } from "./kto.ts";
import type { PreferenceFitOptions } from "./options.ts";
import type { EncodedRating } from "./rated.ts";
import { drawOf, layAnswers, memberSource, membersOnce } from "./rows.ts";
import { answerScores, baseScores } from "./scores.ts";

/** Rows of answers and rows of the others', what the base says of each, and what an answer counts: 0 where a place holds none. */
type RatingTensors = { [K in "tokens" | "targets" | "weights" | `other${"Tokens" | "Targets" | "Weights"}`]: Tensor } & {
  readonly reference: Tensor;
  readonly otherReference: Tensor;
  readonly sign: Tensor;
  readonly present: Tensor;
  readonly worth: Tensor;
  readonly seed: Tensor;
};
type Recipe = Pick<PreferenceFitOptions, "beta">;

/** Losses of a batch's answers [N], their rewards [N], and the divergence []. */
export function ratingTerms(config: DecoderConfig, p: unknown, b: Omit<RatingTensors, "seed" | "worth">, { beta }: Recipe) {
  const others = { tokens: b.otherTokens, targets: b.otherTargets, weights: b.otherWeights };
  const other = stopGradient(answerScores(config, p, others, { isMean: false }));
  return ktoTerms({ ...b, answer: answerScores(config, p, b, { isMean: false }), other }, beta);
}

/** Sum of what the answers count, times `scale`. */
const ratingLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: Recipe) =>
  (trained: TrainableTensors, b: RatingTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    mul(sum(mul(ratingTerms(config, tuning.parameters(frozen, trained, b.seed), b, recipe).loss, b.worth)), scale);

type Scores = readonly [answers: Float32Array, others: Float32Array];

/** Tunes by rated answers. Errors: tune/method, tune/example, train/*. */
export async function tuneRatings(o: TaskRun<EncodedRating, PreferenceFitOptions>): Promise<FittedDecoder> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "an answer or more", received: "none" });
  const rows = Math.min(2 * recipe.pairs, o.train.length);
  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const start = { tuning, trainable, frozen };
  const shape = [rows, recipe.length];
  const layout = { rows, length: recipe.length };
  const scoresOf = async (of: readonly EncodedRating[]): Promise<Scores> => [
    await baseScores(
      o,
      start,
      of.map(e => e.answer),
      layout,
      { isMean: false },
    ),
    await baseScores(
      o,
      start,
      of.map(e => e.other),
      layout,
      { isMean: false },
    ),
  ];
  const known = await givenBackOnFailure([trainable, frozen], async () => ({
    train: await scoresOf(o.train),
    validation: await scoresOf(o.validation),
  }));

  const arraysOf = (of: readonly EncodedRating[], [answers, others]: Scores, members: readonly number[]) => {
    const own = layAnswers(
      Array.from({ length: rows }, (_, i) => of[members[i]!]?.answer),
      recipe.length,
    );
    const other = layAnswers(
      Array.from({ length: rows }, (_, i) => of[members[i]!]?.other),
      recipe.length,
    );
    const each = (value: (m: number) => number) =>
      Float32Array.from({ length: rows }, (_, i) => (i < members.length ? value(members[i]!) : 0));
    return {
      ...own,
      otherTokens: other.tokens,
      otherTargets: other.targets,
      otherWeights: other.weights,
      reference: each(m => answers[m]!),
      otherReference: each(m => others[m]!),
      sign: each(m => (of[m]!.isGood ? 1 : -1)),
      present: each(() => 1),
      worth: each(m => (of[m]!.isGood ? recipe.desirable : recipe.undesirable) ?? 1),
    };
  };

  const judged = treeProgram<Record<"loss" | "reward" | "divergence", DeviceArray>>(
    (trained: TrainableTensors, still: FrozenTensors, b: Omit<RatingTensors, "seed" | "worth">) =>
      ratingTerms(config, tuning.parameters(still, trained), b, recipe),
    { device, name: "validation" },
  );
  async function judge(trained: unknown, still: unknown): Promise<ValidationScores> {
    let [loss, divergence] = [0, 0];
    const gains = { good: [] as number[], bad: [] as number[] };
    for (const members of membersOnce(o.validation.length, rows)) {
      const { worth, ...host } = arraysOf(o.validation, known.validation, members);
      const given: Record<string, DeviceArray> = {};
      for (const [name, data] of Object.entries(host))
        given[name] = await device.array(data, data instanceof Int32Array ? "i32" : "f32", data.length === rows ? [rows] : shape);
      const run = o.signal ? { signal: o.signal } : {};
      const out = await judged.with(run, trained, still, given);
      const [losses, rewards] = [await out.loss.numbers(), await out.reward.numbers()];
      divergence += (await out.divergence.item()) * members.length;
      for (const [i, m] of members.entries()) {
        loss += losses[i]! * worth[i]!;
        gains[o.validation[m]!.isGood ? "good" : "bad"].push(rewards[i]!);
      }
      for (const a of [...Object.values(out), ...Object.values(given)]) a.dispose();
    }
    const n = o.validation.length;
    const means = Object.entries(gains).flatMap(([kind, all]) =>
      all.length > 0 ? [[kind, all.reduce((a, b) => a + b, 0) / all.length]] : [],
    );
    const { good, bad } = Object.fromEntries(means) as { good?: number; bad?: number };
    return {
      loss: loss / n,
      divergence: divergence / n,
      ...defined({ good, bad }),
      ...(good === undefined || bad === undefined ? {} : { margin: good - bad }),
    };
  }

  const tokens: BatchArraySpec = { shape, dtype: "i32", below: config.vocab };
  const weights: BatchArraySpec = { shape, dtype: "f32" };
  const numbers: BatchArraySpec = { shape: [rows], dtype: "f32" };
  try {
    const fitted = await runFit<RatingTensors>(o, recipe, {
      specs: tuning.specs,
      loss: ratingLoss(config, tuning, recipe),
      batch: {
        tokens,
        targets: tokens,
        weights,
        otherTokens: tokens,
        otherTargets: tokens,
        otherWeights: weights,
        reference: numbers,
        otherReference: numbers,
        sign: numbers,
        present: numbers,
        worth: numbers,
        seed: { shape: [], dtype: "i32" },
      },
      usualRate: decoderRate,
      stepsIn: o.train.length / (rows * recipe.accumulate),
      start: trainable,
      frozen,
      source: (state): BatchSource => {
        const source = memberSource(o.train.length, rows, recipe.seed, state);
        return {
          state: source.state,
          next(): HostBatch {
            const seed = drawOf(source.state(), o.train.length);
            const members = source.next();
            return {
              arrays: { ...arraysOf(o.train, known.train, members), seed },
              weight: members.length,
              documents: members.map(m => o.train[m]!.place),
            };
          },
        };
      },
      tokensOf: () => 2 * rows * recipe.length,
      judgesStart: true,
      judge: o.validation.length > 0 ? judge : undefined,
    });
    return { ...fitted, tuning, frozen };
  } finally {
    judged.dispose();
  }
}
