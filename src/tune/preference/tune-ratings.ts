/**
 * Tuning by rated answers (KTO). The base's log-probabilities, of the answers and of those to other prompts, are computed once before the first
 * step. What good answers have gained more than bad ones is logged beside the loss. How far the model has moved is told batch by batch, so
 * micro-batches do not add up to one batch exactly here, as they do elsewhere. Ranks first add up how far it has moved over the rows of all of them.
 */
import { defined } from "../../base/index.ts";
import { type DecoderConfig, type DecoderSpec, decoderSpec } from "../../nn/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, mul, stopGradient, sum, type Tensor } from "../../tensor/index.ts";
import {
  type BatchArraySpec,
  type BatchSource,
  type HostBatch,
  onEveryRank,
  treeProgram,
  type ValidationScores,
} from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { runFit } from "../fit.ts";
import type { FittedDecoder, TaskRun } from "../instruct/task.ts";
import { decoderRate } from "../instruct/tune.ts";
import {
  type FrozenArrays,
  type FrozenTensors,
  givenBackOnFailure,
  type TrainableTensors,
  type Tuning,
  tuningOf,
} from "../methods/index.ts";
import { takenInTurns } from "../ranks/in-turns.ts";
import { ownRowsOf } from "../ranks/row-share.ts";
import { ktoTerms, ktoTermsBeside, movedSum } from "./kto.ts";
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
  /** On ranks: how far the model has moved by the whole batch []. */
  readonly divergence?: Tensor;
};
type OtherTensors = Pick<RatingTensors, "otherTokens" | "otherTargets" | "otherWeights" | "otherReference" | "present" | "seed">;
type Recipe = Pick<PreferenceFitOptions, "beta">;

const otherScores = (config: DecoderConfig, p: unknown, b: Omit<OtherTensors, "seed">): Tensor =>
  answerScores(config, p, { tokens: b.otherTokens, targets: b.otherTargets, weights: b.otherWeights }, { isMean: false });

/** Losses of a batch's answers [N], their rewards [N], and the divergence []. */
export function ratingTerms(config: DecoderConfig, p: unknown, b: Omit<RatingTensors, "seed" | "worth">, { beta }: Recipe) {
  if (b.divergence) return ktoTermsBeside({ ...b, answer: answerScores(config, p, b, { isMean: false }) }, b.divergence, beta);
  const other = stopGradient(otherScores(config, p, b));
  return ktoTerms({ ...b, answer: answerScores(config, p, b, { isMean: false }), other }, beta);
}

/** Sum of what the answers count, times `scale`. */
const ratingLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: Recipe, part: number | undefined) =>
  (trained: TrainableTensors, b: RatingTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    mul(sum(mul(ratingTerms(config, tuning.parameters(frozen, trained, b.seed, part), b, recipe).loss, b.worth)), scale);

/** How far the model has moved by the rows of all ranks, before each micro-batch's gradients. */
function divergenceOfRanks(
  { device, config }: Pick<TaskRun<unknown, object>, "device" | "config">,
  { tuning, frozen }: { readonly tuning: Tuning<DecoderSpec>; readonly frozen: FrozenArrays },
  ranks: ProcessGroup,
  specs: Readonly<Record<keyof OtherTensors, BatchArraySpec>>,
) {
  const program = treeProgram<DeviceArray>(
    (t: TrainableTensors, f: FrozenTensors, b: OtherTensors) =>
      movedSum({ ...b, other: otherScores(config, tuning.parameters(f, t, b.seed, ranks.rank), b) }),
    { device, name: "divergence" },
  );
  async function moved(trained: unknown, { arrays }: HostBatch): Promise<readonly number[]> {
    const given: Record<string, DeviceArray> = {};
    for (const [name, { dtype, shape }] of Object.entries(specs)) given[name] = await device.array(arrays[name]!, dtype, shape);
    try {
      const out = await program.with({}, trained, frozen, given);
      const total = await out.item();
      out.dispose();
      return [total, (arrays.present as Float32Array).reduce((n, p) => n + p, 0)];
    } finally {
      for (const a of Object.values(given)) a.dispose();
    }
  }
  return {
    async complete(trained: unknown, batch: HostBatch): Promise<HostBatch> {
      const { numbers } = await onEveryRank(
        ranks,
        () => moved(trained, batch),
        told => told,
        2,
      );
      const sumOf = (i: number) => numbers.reduce((n, told) => n + told[i]!, 0);
      const divergence = Float32Array.of(Math.max(0, sumOf(0) / Math.max(1, sumOf(1))));
      return { ...batch, arrays: { ...batch.arrays, divergence } };
    },
    dispose: () => program.dispose(),
  };
}

type Scores = readonly [answers: Float32Array, others: Float32Array];

/** Tunes by rated answers. Errors: tune/method, tune/example, train/*. */
export async function tuneRatings(o: TaskRun<EncodedRating, PreferenceFitOptions>): Promise<FittedDecoder> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "an answer or more", received: "none" });
  const rows = Math.min(2 * recipe.pairs, o.train.length);
  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const start = { tuning, trainable, frozen };
  const { ranks } = o;
  const own = ownRowsOf(rows, ranks);
  const shape = [rows, recipe.length];
  const ownShape = [own.rows, recipe.length];
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

  // float32, as batches have it
  const worthOf = ({ isGood }: EncodedRating): number => Math.fround((isGood ? recipe.desirable : recipe.undesirable) ?? 1);
  const arraysOf = (of: readonly EncodedRating[], [answers, others]: Scores, members: readonly number[], count: number) => {
    const answer = layAnswers(
      Array.from({ length: count }, (_, i) => of[members[i]!]?.answer),
      recipe.length,
    );
    const other = layAnswers(
      Array.from({ length: count }, (_, i) => of[members[i]!]?.other),
      recipe.length,
    );
    const each = (value: (m: number) => number) =>
      Float32Array.from({ length: count }, (_, i) => (i < members.length ? value(members[i]!) : 0));
    return {
      ...answer,
      otherTokens: other.tokens,
      otherTargets: other.targets,
      otherWeights: other.weights,
      reference: each(m => answers[m]!),
      otherReference: each(m => others[m]!),
      sign: each(m => (of[m]!.isGood ? 1 : -1)),
      present: each(() => 1),
      worth: each(m => worthOf(of[m]!)),
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
    const batches = [...membersOnce(o.validation.length, rows)];
    const termsOf = async (members: readonly number[]): Promise<number[]> => {
      const { worth: _, ...host } = arraysOf(o.validation, known.validation, members, rows);
      const given: Record<string, DeviceArray> = {};
      for (const [name, data] of Object.entries(host))
        given[name] = await device.array(data, data instanceof Int32Array ? "i32" : "f32", data.length === rows ? [rows] : shape);
      // one rank that stops in a judgement would leave the others in it
      const run = o.signal && !ranks ? { signal: o.signal } : {};
      const out = await judged.with(run, trained, still, given);
      const terms = [await out.loss.numbers(), await out.reward.numbers()].flatMap(each => [...each.subarray(0, members.length)]);
      terms.push(await out.divergence.item());
      for (const a of [...Object.values(out), ...Object.values(given)]) a.dispose();
      return terms;
    };
    const counts = batches.map(members => 2 * members.length + 1);
    const found = await takenInTurns(ranks, counts, i => termsOf(batches[i]!));
    for (const [k, members] of batches.entries()) {
      const [terms, n] = [found[k]!, members.length];
      divergence += terms[2 * n]! * n;
      for (const [i, m] of members.entries()) {
        loss += terms[i]! * worthOf(o.validation[m]!);
        gains[o.validation[m]!.isGood ? "good" : "bad"].push(terms[n + i]!);
      }
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

  const tokens: BatchArraySpec = { shape: ownShape, dtype: "i32", below: config.vocab };
  const weights: BatchArraySpec = { shape: ownShape, dtype: "f32" };
  const numbers: BatchArraySpec = { shape: [own.rows], dtype: "f32" };
  const seed: BatchArraySpec = { shape: [], dtype: "i32" };
  const others = { otherTokens: tokens, otherTargets: tokens, otherWeights: weights, otherReference: numbers, present: numbers, seed };
  const divergence = ranks && divergenceOfRanks(o, { tuning, frozen }, ranks, others);
  try {
    const fitted = await runFit<RatingTensors>(o, recipe, {
      specs: tuning.specs,
      loss: ratingLoss(config, tuning, recipe, own.part),
      batch: {
        tokens,
        targets: tokens,
        weights,
        ...others,
        reference: numbers,
        sign: numbers,
        worth: numbers,
        ...(ranks ? { divergence: { shape: [], dtype: "f32" } } : {}),
      },
      completeBatch: divergence?.complete,
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
            const members = own.of(source.next());
            return {
              arrays: {
                ...arraysOf(o.train, known.train, members, own.rows),
                seed,
                ...(ranks ? { divergence: new Float32Array(1) } : {}),
              },
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
    divergence?.dispose();
    judged.dispose();
  }
}
