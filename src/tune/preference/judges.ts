/**
 * The loss of preferences: of each pair, by any of the losses that pairs are learnt by, or of each rated answer (KTO). Where the loss has a reference, it is
 * one for all models of a study, so that a model of another base is judged by the same yardstick. Wrong is a pair that is the wrong way round.
 */
import { z } from "zod";
import type { DeviceArray, Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { readLong, scoresOf } from "../instruct/answers-judge.ts";
import type { Masked } from "../instruct/encode.ts";
import type { ExampleJudge, JudgeRun, OpenedModel } from "../instruct/judge-stage.ts";
import { pairLossNames, preferenceFitOptions } from "../preference/options.ts";
import { ktoTerms } from "./kto.ts";
import { pairLossOf } from "./losses.ts";
import { encodePairs } from "./pairs.ts";
import { encodeRatings } from "./rated.ts";

/** The name under which the reference stands beside the model. */
export const reference = "reference";
const { beta, smoothing, margin, desirable, undesirable } = preferenceFitOptions.shape;

/** Wrong, right, or no difference. */
const wrongOf = (gain: number): number => (gain > 0 ? 0 : gain < 0 ? 1 : 0.5);

/** The values of a function of vectors [N], by the names of what it gives. */
async function valuesOf<M extends string>(
  run: Pick<JudgeRun<object>, "device" | "signal">,
  vectors: Readonly<Record<string, readonly number[]>>,
  of: (v: Record<string, Tensor>) => Record<M, Tensor>,
): Promise<Record<M, number[]>> {
  const program = treeProgram<Readonly<Record<M, DeviceArray>>>(of, { device: run.device, name: "preferences" });
  const given = Object.fromEntries(
    await Promise.all(
      Object.entries(vectors).map(async ([name, v]) => [name, await run.device.array(Float32Array.from(v), "f32", [v.length])] as const),
    ),
  );
  try {
    const out = await program.with({ signal: run.signal }, given);
    const found: [string, number[]][] = [];
    for (const [name, a] of Object.entries<DeviceArray>(out)) {
      found.push([name, Array.from(await a.numbers())]);
      a.dispose();
    }
    return Object.fromEntries(found) as Record<M, number[]>;
  } finally {
    for (const a of Object.values(given)) a.dispose();
    program.dispose();
  }
}

const lengthFor = (run: JudgeRun<object>, model: OpenedModel): number => Math.min(run.options.length, model.config.context);

const pairOptions = z.strictObject({ loss: z.enum(pairLossNames), beta, smoothing, margin });

/** `hasReference` as the loss says: then the reference is asked for. */
export const pairsJudge = (loss: (typeof pairLossNames)[number]): ExampleJudge<typeof pairOptions> => {
  const kind = pairLossOf(loss);
  return {
    name: "judge-pairs",
    options: pairOptions,
    ...(kind.hasReference ? { beside: { [reference]: "model" } } : {}),
    async score(run) {
      const { model, examples, options: o, beside } = run;
      const encode = (m: OpenedModel) => encodePairs(m.text, examples, { length: lengthFor(run, m), long: readLong(o.long) });
      const sidesOf = async (m: OpenedModel) => {
        const pairs = run.checked({ ...encode(m), cut: 0 });
        const of = (side: "chosen" | "rejected") =>
          scoresOf(
            m,
            pairs.map(p => p[side]),
            kind,
            run,
          );
        return { pairs, chosen: await of("chosen"), rejected: await of("rejected") };
      };
      const own = await sidesOf(model);
      const before = kind.hasReference ? await sidesOf(await run.open(beside[reference]!)) : undefined;
      // another tokenizer may have left out others
      const at = new Map(before?.pairs.map((p, i) => [p.place, i]));
      const kept = own.pairs.flatMap((p, i) => (before && !at.has(p.place) ? [] : [{ place: p.place, i, j: at.get(p.place) ?? 0 }]));
      const vectors = {
        chosen: kept.map(k => own.chosen[k.i]!),
        rejected: kept.map(k => own.rejected[k.i]!),
        ...(before ? { referenceChosen: kept.map(k => before.chosen[k.j]!), referenceRejected: kept.map(k => before.rejected[k.j]!) } : {}),
      };
      const { losses } = await valuesOf(
        run,
        vectors, // the names of the vectors are those of the loss
        v => ({ losses: kind.loss(v as never, o) }),
      );
      return kept.map(({ place, i, j }, k) => {
        const gain = own.chosen[i]! - own.rejected[i]! - (before ? before.chosen[j]! - before.rejected[j]! : 0);
        return { place, loss: losses[k]!, weight: 1, wrong: wrongOf(gain) };
      });
    },
  };
};

const ratingOptions = z.strictObject({ beta, desirable, undesirable });

/** The divergence that gains are weighed against is told by all answers of the half at once. */
export const ratingsJudge: ExampleJudge<typeof ratingOptions> = {
  name: "judge-ratings",
  options: ratingOptions,
  beside: { [reference]: "model" },
  async score(run) {
    const { model, examples, options: o } = run;
    const scored = async (m: OpenedModel) => {
      const ratings = run.checked({ ...encodeRatings(m.text, examples, { length: lengthFor(run, m), long: readLong(o.long) }), cut: 0 });
      const of = (sequences: readonly Masked[]) => scoresOf(m, sequences, { isMean: false }, run);
      return { ratings, answer: await of(ratings.map(r => r.answer)), other: await of(ratings.map(r => r.other)) };
    };
    const own = await scored(model);
    const before = await scored(await run.open(run.beside[reference]!));
    const at = new Map(before.ratings.map((r, i) => [r.place, i]));
    const kept = own.ratings.flatMap((r, i) => (at.has(r.place) ? [{ ...r, i, j: at.get(r.place)! }] : []));
    const vectors = {
      answer: kept.map(k => own.answer[k.i]!),
      other: kept.map(k => own.other[k.i]!),
      reference: kept.map(k => before.answer[k.j]!),
      otherReference: kept.map(k => before.other[k.j]!),
      sign: kept.map(k => (k.isGood ? 1 : -1)),
      present: kept.map(() => 1),
    };
    const { losses, rewards, moved } = await valuesOf(run, vectors, v => {
      // the names of the vectors are those of the terms
      const { loss, reward, divergence } = ktoTerms(v as never, o.beta);
      return { losses: loss, rewards: reward, moved: divergence };
    });
    return kept.map(({ place, isGood }, k) => ({
      place,
      loss: losses[k]! * ((isGood ? o.desirable : o.undesirable) ?? 1),
      weight: 1,
      wrong: wrongOf((isGood ? 1 : -1) * (rewards[k]! / o.beta - moved[0]!)),
    }));
  },
};
