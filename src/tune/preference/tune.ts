/**
 * Tuning by preferences: pairs of answers of which one is better. The reference's log-probabilities are the base's own, computed once before the
 * first step; then only the tuned model is run. Loss, margin and the share of pairs in the right order are what selects and what is logged.
 */
import { z } from "zod";
import { type DecoderConfig, type DecoderSpec, decoderLogits, decoderSpec, negativeLogLikelihood } from "../../nn/index.ts";
import { add, checkShape, compile, type DeviceArray, div, maximum, mul, neg, slice, sum, type Tensor } from "../../tensor/index.ts";
import { adamw, type HostBatch, single } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type BatchSource, type Judged, runFit } from "../fit.ts";
import { exampleOptions, instructFitOptions, resultKinds, splitPartOptions } from "../instruct/options.ts";
import type { TaskResult, TaskRun } from "../instruct/task.ts";
import { rateOf } from "../instruct/tune.ts";
import { type FrozenTensors, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import { pairLossNames, pairLossOf } from "./losses.ts";
import { type EncodedPair, layPairs, type PairBatch, type PairLayout, pairSource } from "./pairs.ts";

const { pack: _, dropout: __, rows: ___, ...shared } = instructFitOptions.shape;
/** A recipe for preferences. */
export const preferenceFitOptions = z.strictObject({
  ...shared,
  loss: z.enum(pairLossNames).default("dpo"),
  /** How much a difference counts: DPO .1, IPO .1, ORPO .1, SimPO 2 are their papers' middle. */
  beta: z.number().positive().max(1000).default(0.1),
  /** DPO: the share of pairs that may be the wrong way round. */
  smoothing: z.number().min(0).max(0.5).default(0),
  /** SimPO: the margin that is asked for. */
  margin: z.number().min(0).max(100).default(0),
  /** Pairs of a micro-batch. */
  pairs: z.number().int().min(1).max(4096).default(2),
});
const { answers: ____, long: _____, ...read } = exampleOptions.shape;
/** The `tune:` part of a model with `task: preference`. */
export const preferenceOptions = z.strictObject({
  ...read,
  /** Pairs of more tokens than `length`. */
  long: z.enum(["refuse", "skip"]).default("refuse"),
  ...splitPartOptions.shape,
  ...preferenceFitOptions.shape,
  result: z.enum(resultKinds).optional(),
});
export type PreferenceFitOptions = z.output<typeof preferenceFitOptions>;
export type PreferenceInput = z.input<typeof preferenceFitOptions>;

/** What a batch is: rows of both sides, the reference's log-probabilities of each, and 1 where a place holds a pair. */
export type PairTensors = { tokens: Tensor; targets: Tensor; weights: Tensor; reference: Tensor; present: Tensor };

/** Log-probabilities of the answers of rows [R], as sums or as means over their tokens. */
export function answerScores(
  config: DecoderConfig,
  p: unknown,
  b: Pick<PairTensors, "tokens" | "targets" | "weights">,
  o: { readonly isMean: boolean; readonly rematerialise?: boolean },
): Tensor {
  const logits = decoderLogits(config, p as never, b.tokens, { attentionBlock: 128, rematerialise: o.rematerialise ?? false });
  const total = neg(sum(mul(negativeLogLikelihood(logits, b.targets), b.weights), 1));
  return o.isMean ? div(total, maximum(sum(b.weights, 1), 1)) : total;
}

const halves = (x: Tensor): [Tensor, Tensor] => {
  const n = x.shape[0]! / 2;
  return [slice(x, [0, n]), slice(x, [n, 2 * n])];
};

/** Losses of a batch's pairs [N], and how much better each chosen answer does than the rejected one (beside the reference where there is one). */
export function pairTerms(
  config: DecoderConfig,
  p: unknown,
  b: PairTensors,
  recipe: PreferenceFitOptions,
): { readonly loss: Tensor; readonly margin: Tensor } {
  const { isMean, hasReference, loss } = pairLossOf(recipe.loss);
  const [chosen, rejected] = halves(answerScores(config, p, b, { isMean, rematerialise: recipe.rematerialise }));
  const [referenceChosen, referenceRejected] = halves(b.reference);
  const gain = add(chosen, neg(rejected));
  const before = add(referenceChosen, neg(referenceRejected));
  const each = loss({ chosen, rejected, referenceChosen, referenceRejected }, recipe);
  checkShape("preference.loss", each, `N=${chosen.shape[0]}`);
  return {
    loss: each,
    margin: mul(hasReference ? add(gain, neg(before)) : gain, recipe.beta),
  };
}

/** Mean over pairs, so micro-batches add up to one batch. */
export const preferenceLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: PreferenceFitOptions) =>
  (trained: TrainableTensors, b: PairTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    mul(sum(mul(pairTerms(config, tuning.parameters(frozen, trained), b, recipe).loss, b.present)), scale);

/** Everything once, in order. */
function* batchesOf(count: number, pairs: number): Generator<number[]> {
  for (let i = 0; i < count; i += pairs) yield Array.from({ length: Math.min(pairs, count - i) }, (_, k) => i + k);
}

/** Tunes by pairs. Errors: tune/method, tune/example, train/*. */
export async function tunePreference(o: TaskRun<EncodedPair, PreferenceFitOptions>): Promise<TaskResult> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "a pair or more", received: "none" });
  const kind = pairLossOf(recipe.loss);
  const layout: PairLayout = { pairs: Math.min(recipe.pairs, o.train.length), length: recipe.length };
  const shape = [2 * layout.pairs, layout.length];
  const given = async (batch: PairBatch) => ({
    tokens: await device.array(batch.tokens, "i32", shape),
    targets: await device.array(batch.targets, "i32", shape),
    weights: await device.array(batch.weights, "f32", shape),
  });
  const dispose = (tree: Record<string, DeviceArray>) => {
    for (const a of Object.values(tree)) a.dispose();
  };

  /** The base's log-probabilities, [chosen, rejected] a pair; nothing is changed yet, so there is no adapter to switch off. */
  async function references(pairs: readonly EncodedPair[]): Promise<[number, number][]> {
    if (!kind.hasReference) return pairs.map(() => [0, 0]);
    const program = compile((p: unknown, b: Pick<PairTensors, "tokens" | "targets" | "weights">) => answerScores(config, p, b, kind), {
      device,
      name: "reference",
    });
    const found: [number, number][] = [];
    for (const members of batchesOf(pairs.length, layout.pairs)) {
      const arrays = await given(layPairs(pairs, members, layout));
      const out = await program.with(o.signal ? { signal: o.signal } : {}, o.parameters as never, arrays as never);
      const scores = await out.numbers();
      for (const row of members.keys()) found.push([scores[row]!, scores[layout.pairs + row]!]);
      out.dispose();
      dispose(arrays);
      o.progress({ stage: "tune", done: found.length / pairs.length, message: "log-probabilities of the base" });
    }
    program.dispose();
    return found;
  }
  const reference = { train: await references(o.train), validation: await references(o.validation) };
  const sideOf = (known: readonly (readonly [number, number])[], members: readonly number[]): Float32Array => {
    const row = new Float32Array(2 * layout.pairs);
    for (const [i, m] of members.entries()) [row[i], row[layout.pairs + i]] = known[m] as [number, number];
    return row;
  };
  const presentOf = (members: readonly number[]) => Float32Array.from({ length: layout.pairs }, (_, i) => (i < members.length ? 1 : 0));

  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const judged = compile(
    (trained: TrainableTensors, still: FrozenTensors, b: PairTensors) => pairTerms(config, tuning.parameters(still, trained), b, recipe),
    { device, name: "validation" },
  );
  async function judge(trained: unknown, still: unknown): Promise<Judged> {
    let [loss, margin, right] = [0, 0, 0];
    for (const members of batchesOf(o.validation.length, layout.pairs)) {
      const arrays = {
        ...(await given(layPairs(o.validation, members, layout))),
        reference: await device.array(sideOf(reference.validation, members), "f32", [2 * layout.pairs]),
        present: await device.array(presentOf(members), "f32", [layout.pairs]),
      };
      const out = (await judged.with(
        o.signal ? { signal: o.signal } : {},
        trained as never,
        still as never,
        arrays as never,
      )) as unknown as Record<"loss" | "margin", DeviceArray>;
      const [losses, margins] = [await out.loss.numbers(), await out.margin.numbers()];
      for (const i of members.keys()) {
        loss += losses[i]!;
        margin += margins[i]!;
        if (margins[i]! > 0) right++;
      }
      dispose(out);
      dispose(arrays);
    }
    const n = o.validation.length;
    return { loss: loss / n, margin: margin / n, accuracy: right / n };
  }

  const stepsIn = o.train.length / (layout.pairs * recipe.accumulate);
  const steps = Math.max(1, Math.ceil(recipe.epochs * stepsIn));
  const ints = { shape, dtype: "i32" } as const;
  try {
    const fitted = await runFit<PairTensors>({
      trainer: {
        device,
        specs: tuning.specs,
        loss: preferenceLoss(config, tuning, recipe) as never,
        batch: {
          tokens: ints,
          targets: ints,
          weights: { shape, dtype: "f32" },
          reference: { shape: [2 * layout.pairs], dtype: "f32" },
          present: { shape: [layout.pairs], dtype: "f32" },
        },
        optimizer: single(adamw({ beta2: 0.999, weightDecay: recipe.weightDecay })),
        rate: rateOf(recipe),
        schedule: { ...recipe.schedule, warmup: Math.round(recipe.schedule.warmup * steps) },
        steps,
        clip: recipe.clip,
        accumulate: recipe.accumulate,
        seed: recipe.seed,
      },
      start: trainable,
      frozen,
      source: (state): BatchSource => {
        const source = pairSource(o.train.length, layout, recipe.seed, state);
        return {
          state: source.state,
          next(): HostBatch {
            const members = source.next();
            const { tokens, targets, weights } = layPairs(o.train, members, layout);
            return {
              arrays: { tokens, targets, weights, reference: sideOf(reference.train, members), present: presentOf(members) },
              weight: members.length,
              documents: members.map(m => o.train[m]!.place),
            };
          },
        };
      },
      tokensOf: () => 2 * layout.pairs * layout.length,
      judgesStart: true,
      judge: o.validation.length > 0 ? judge : undefined,
      judgeEvery: Math.max(1, Math.floor(stepsIn / recipe.evaluations)),
      patience: recipe.patience,
      logEvery: recipe.logEvery,
      checkpointSeconds: recipe.checkpointSeconds,
      identity: o.identity,
      folder: o.folder,
      eventsFolder: o.eventsFolder,
      progress: o.progress,
      signal: o.signal,
      onProblem: o.onProblem,
    });
    return { ...fitted, tuning, frozen };
  } finally {
    judged.dispose();
  }
}
