/**
 * Tuning by preferences: pairs of answers of which one is better. The reference's log-probabilities are the base's own, computed once before the
 * first step; then only the tuned model is run. Loss, margin and the share of pairs in the right order are what selects and what is logged.
 */
import { type DecoderConfig, type DecoderSpec, decoderSpec, type RowPart } from "../../nn/index.ts";
import { add, checkShape, type DeviceArray, mul, neg, slice, sum, type Tensor } from "../../tensor/index.ts";
import { type BatchSource, type HostBatch, treeProgram, type ValidationScores } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { runFit } from "../fit.ts";
import type { FittedDecoder, TaskRun } from "../instruct/task.ts";
import { decoderRate } from "../instruct/tune.ts";
import { type FrozenTensors, givenBackOnFailure, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import { takenInTurns } from "../ranks/in-turns.ts";
import { ownRowsOf } from "../ranks/row-share.ts";
import { pairLossOf } from "./losses.ts";
import type { PairRecipe } from "./options.ts";
import { type EncodedPair, layPairs, type PairLayout } from "./pairs.ts";
import { drawOf, memberSource, membersOnce } from "./rows.ts";
import { answerScores, baseScores, type RowTensors, rowArrays } from "./scores.ts";

/** What a batch is: rows of both sides, the reference's log-probabilities of each, and 1 where a place holds a pair. */
type PairTensors = RowTensors & { reference: Tensor; present: Tensor; seed: Tensor };

const halves = (x: Tensor): [Tensor, Tensor] => {
  const n = x.shape[0]! / 2;
  return [slice(x, [0, n]), slice(x, [n, 2 * n])];
};

/** Losses of a batch's pairs [N], and how much better each chosen answer does than the rejected one (beside the reference where there is one). */
export function pairTerms(
  config: DecoderConfig,
  p: unknown,
  b: Omit<PairTensors, "seed">,
  recipe: PairRecipe,
): { readonly loss: Tensor; readonly margin: Tensor } {
  const { isMean, hasReference, loss } = pairLossOf(recipe.loss);
  const [chosen, rejected] = halves(answerScores(config, p, b, { isMean }));
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
const preferenceLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: PairRecipe, part: RowPart | undefined) =>
  (trained: TrainableTensors, b: PairTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    mul(sum(mul(pairTerms(config, tuning.parameters(frozen, trained, b.seed, part), b, recipe).loss, b.present)), scale);

/** Tunes by pairs. Errors: tune/method, tune/example, train/*. */
export async function tunePreference(o: TaskRun<EncodedPair, PairRecipe>): Promise<FittedDecoder> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "a pair or more", received: "none" });
  const kind = pairLossOf(recipe.loss);
  const layout: PairLayout = { pairs: Math.min(recipe.pairs, o.train.length), length: recipe.length };
  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const own = ownRowsOf(layout.pairs, o.ranks);
  /** This rank's pairs of a batch. */
  const ownLayout: PairLayout = { ...layout, pairs: own.rows };
  const part = own.part === undefined ? undefined : { part: own.part, sides: 2, rows: layout.pairs };
  const shape = [2 * own.rows, layout.length];
  const dispose = (tree: Record<string, DeviceArray>) => {
    for (const a of Object.values(tree)) a.dispose();
  };

  /** The base's log-probabilities, [chosen, rejected] a pair. */
  async function references(pairs: readonly EncodedPair[]): Promise<[number, number][]> {
    if (!kind.hasReference) return pairs.map(() => [0, 0]);
    const sides = pairs.flatMap(p => [p.chosen, p.rejected]);
    const scores = await baseScores(o, { tuning, trainable, frozen }, sides, { rows: 2 * layout.pairs, length: layout.length }, kind);
    return pairs.map((_, i) => [scores[2 * i]!, scores[2 * i + 1]!]);
  }
  const reference = await givenBackOnFailure([trainable, frozen], async () => ({
    train: await references(o.train),
    validation: await references(o.validation),
  }));
  const sideOf = (known: readonly (readonly [number, number])[], members: readonly number[], { pairs }: PairLayout): Float32Array => {
    const row = new Float32Array(2 * pairs);
    for (const [i, m] of members.entries()) [row[i], row[pairs + i]] = known[m] as [number, number];
    return row;
  };
  const presentOf = (members: readonly number[], { pairs }: PairLayout) =>
    Float32Array.from({ length: pairs }, (_, i) => (i < members.length ? 1 : 0));

  const judged = treeProgram<Record<"loss" | "margin", DeviceArray>>(
    (trained: TrainableTensors, still: FrozenTensors, b: Omit<PairTensors, "seed">) =>
      pairTerms(config, tuning.parameters(still, trained), b, recipe),
    { device, name: "validation" },
  );
  async function judge(trained: unknown, still: unknown): Promise<ValidationScores> {
    let [loss, margin, right] = [0, 0, 0];
    const batches = [...membersOnce(o.validation.length, layout.pairs)];
    const termsOf = async (members: readonly number[]): Promise<number[]> => {
      const arrays = {
        ...(await rowArrays(device, layPairs(o.validation, members, layout), layout.length)),
        reference: await device.array(sideOf(reference.validation, members, layout), "f32", [2 * layout.pairs]),
        present: await device.array(presentOf(members, layout), "f32", [layout.pairs]),
      };
      // one rank that stops in a judgement would leave the others in it
      const out = await judged.with(o.signal && !o.ranks ? { signal: o.signal } : {}, trained, still, arrays);
      const terms = [await out.loss.numbers(), await out.margin.numbers()].flatMap(each => [...each.subarray(0, members.length)]);
      dispose(out);
      dispose(arrays);
      return terms;
    };
    const counts = batches.map(members => 2 * members.length);
    for (const terms of await takenInTurns(o.ranks, counts, i => termsOf(batches[i]!)))
      for (let i = 0, n = terms.length / 2; i < n; i++) {
        loss += terms[i]!;
        margin += terms[n + i]!;
        if (terms[n + i]! > 0) right++;
      }
    const n = o.validation.length;
    return { loss: loss / n, margin: margin / n, accuracy: right / n };
  }

  const ints = { shape, dtype: "i32" } as const;
  try {
    const fitted = await runFit<PairTensors>(o, recipe, {
      specs: tuning.specs,
      loss: preferenceLoss(config, tuning, recipe, part),
      batch: {
        tokens: { ...ints, below: config.vocab },
        targets: { ...ints, below: config.vocab },
        weights: { shape, dtype: "f32" },
        reference: { shape: [2 * own.rows], dtype: "f32" },
        present: { shape: [own.rows], dtype: "f32" },
        seed: { shape: [], dtype: "i32" },
      },
      usualRate: decoderRate,
      stepsIn: o.train.length / (layout.pairs * recipe.accumulate),
      start: trainable,
      frozen,
      source: (state): BatchSource => {
        const source = memberSource(o.train.length, layout.pairs, recipe.seed, state);
        return {
          state: source.state,
          next(): HostBatch {
            const seed = drawOf(source.state(), o.train.length);
            const whole = source.next();
            const members = own.of(whole);
            return {
              arrays: {
                ...layPairs(o.train, own.padded(whole), ownLayout),
                reference: sideOf(reference.train, members, ownLayout),
                present: presentOf(members, ownLayout),
                seed,
              },
              weight: members.length,
              documents: members.map(m => o.train[m]!.place),
            };
          },
        };
      },
      tokensOf: () => 2 * layout.pairs * layout.length,
      judgesStart: true,
      judge: o.validation.length > 0 ? judge : undefined,
    });
    return { ...fitted, tuning, frozen };
  } finally {
    judged.dispose();
  }
}
