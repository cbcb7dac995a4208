/**
 * Contrastive tuning of an encoder's vectors: batches of anchors, each to be told its own positive among all texts of the batch. What is tuned, judged
 * and served pools the same way. What it gives is a function of base, pairs and recipe.
 */
import { defined } from "../../base/index.ts";
import {
  type Dropout,
  dropoutFrom,
  type Encoder,
  type EncoderConfig,
  encoderSpec,
  encoderStates,
  meanPooled,
  type RowPart,
} from "../../nn/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, div, maximum, mul, reshape, slice, sqrt, sum, type Tensor } from "../../tensor/index.ts";
import { type BatchSource, type HostBatch, onEveryRank, rowsOfShare, treeProgram, type ValidationScores } from "../../train/index.ts";
import { type FitRun, type Fitted, runFit } from "../fit.ts";
import {
  type FrozenArrays,
  type FrozenTensors,
  givenBackOnFailure,
  type TrainableTensors,
  type Tuning,
  tuningOf,
} from "../methods/index.ts";
import { drawOf, memberSource } from "../preference/rows.ts";
import { ownRowsOf } from "../ranks/row-share.ts";
import { headTokens, layTexts, widthsOf } from "../text-head/batches.ts";
import { firstRanks } from "../text-head/fit.ts";
import { textReader } from "../text-head/predict.ts";
import { type BatchRows, contrastLosses, contrastLossOfPart, far } from "./loss.ts";
import { type AnchorScores, anchorScores, type EmbedReport, embedReport, foundNames, similarities, type VectorOf } from "./measure.ts";
import type { EmbedOptions } from "./options.ts";
import type { Related, ScoredPair } from "./pairs.ts";

const encoderPoolings = ["mean", "cls"] as const;
export type EncoderPooling = (typeof encoderPoolings)[number];

interface ContrastRun extends FitRun {
  readonly config: EncoderConfig;
  /** Of the base; its arrays are taken over. */
  readonly parameters: unknown;
  readonly pooling: EncoderPooling;
  readonly tokenizer: Parameters<typeof headTokens>[0];
  /** Longest text, tokens. */
  readonly longest: number;
  readonly recipe: Omit<EmbedOptions, "columns" | "validation" | "heldOut" | "allowCrossing">;
  readonly train: readonly Related[];
  readonly validation: readonly Related[];
  readonly scored: readonly ScoredPair[];
}
interface ContrastResult extends Fitted {
  readonly tuning: Tuning<ReturnType<typeof encoderSpec>>;
  readonly frozen: FrozenArrays;
  readonly report: EmbedReport;
}

/** Vectors [B, C] of length 1 of texts: tokens and present [B, T]. */
export function textVectors(
  config: EncoderConfig,
  p: unknown,
  pooling: EncoderPooling,
  { tokens, present }: { readonly tokens: Tensor; readonly present: Tensor },
  dropout?: Dropout,
): Tensor {
  const states = encoderStates(config, p as Encoder, tokens, { present, ...defined({ dropout }) });
  if (pooling === "mean") return meanPooled(states, present);
  const first = reshape(slice(states, undefined, [0, 1]), [states.shape[0]!, states.shape[2]!]);
  return div(first, maximum(sqrt(sum(mul(first, first), -1, true)), 1e-12));
}

/** `all`: on ranks the vectors of the whole batch, which each rank's own are a part of. */
type Batch = { tokens: Tensor; present: Tensor; barred: Tensor; seed: Tensor; all?: Tensor };

/** The vectors of a micro-batch's texts from all ranks, before its gradients: every loss is that of the whole batch. */
function vectorsOfRanks(
  { device, config }: Pick<ContrastRun, "device" | "config">,
  vectors: (trained: TrainableTensors, frozen: FrozenTensors, b: Omit<Batch, "all" | "barred">) => Tensor,
  frozen: FrozenArrays,
  { ranks, rows, sides }: { readonly ranks: ProcessGroup; readonly rows: number; readonly sides: number },
) {
  const program = treeProgram<DeviceArray>(vectors, { device, name: "vectors" });
  const held = rowsOfShare(rows, { part: ranks.rank, of: ranks.size });
  const width = config.width;
  const size = sides * held * width;
  async function own(trained: unknown, { arrays, shapes }: HostBatch): Promise<ArrayLike<number>> {
    const given = {
      tokens: await device.array(arrays.tokens!, "i32", shapes!.tokens!),
      present: await device.array(arrays.present!, "i32", shapes!.present!),
      seed: await device.array(arrays.seed!, "i32", []),
    };
    try {
      const out = await program.with({}, trained, frozen, given);
      const numbers = await out.numbers();
      out.dispose();
      return numbers;
    } finally {
      for (const a of Object.values(given)) a.dispose();
    }
  }
  return {
    async complete(trained: unknown, batch: HostBatch): Promise<HostBatch> {
      const { numbers } = await onEveryRank(ranks, () => own(trained, batch), Array.from, size);
      const all = new Float32Array(sides * rows * width);
      for (const [rank, told] of numbers.entries())
        for (let side = 0; side < sides; side++) {
          const first = Math.min(rows, rank * held);
          const count = Math.min(rows, first + held) - first;
          all.set(told.slice(side * held * width, (side * held + count) * width), (side * rows + first) * width);
        }
      return { ...batch, arrays: { ...batch.arrays, all } };
    },
    dispose: () => program.dispose(),
  };
}

/** What of a batch's candidates is no wrong answer to an anchor: its other positives, itself, and negatives that there are not. */
export function barredIn(batch: readonly Related[], positives: ReadonlyMap<string, ReadonlySet<string>>, sides: number): Float32Array {
  const n = batch.length;
  const columns = (sides - 1) * n;
  const candidates = [...batch.map(r => r.positive), ...(sides === 3 ? batch.map(r => r.negative) : [])];
  const barred = new Float32Array(n * columns);
  for (const [i, { anchor }] of batch.entries())
    for (const [j, text] of candidates.entries()) {
      if (j === i) continue;
      if (text === undefined || text === anchor || positives.get(anchor)!.has(text)) barred[i * columns + j] = far;
    }
  return barred;
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/method, train/*; on abort the state is saved first. */
export async function tuneContrast(o: ContrastRun): Promise<ContrastResult> {
  const { device, config, recipe, pooling, longest } = o;
  const tuning = tuningOf(recipe.method, encoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const rows = Math.min(recipe.batch, o.train.length);
  const { ranks } = o;
  const own = ownRowsOf(rows, ranks);
  /** Anchors of a batch that are this rank's, without padding. */
  const first = Math.min(rows, own.first);
  const ownAnchors: BatchRows = { first, count: Math.min(rows, first + own.rows) - first };
  const sides = o.train.some(r => r.negative !== undefined) ? 3 : 2;
  const widths = widthsOf(longest);
  const known = new Map<string, Uint32Array>();
  const read = (text: string): Uint32Array => {
    const found = known.get(text) ?? Uint32Array.from(headTokens(o.tokenizer, text, longest));
    known.set(text, found);
    return found;
  };
  const positives = new Map<string, Set<string>>();
  for (const r of o.train) positives.set(r.anchor, (positives.get(r.anchor) ?? new Set()).add(r.positive));

  function batchOf(members: readonly number[], seed: Int32Array): HostBatch {
    const batch = members.map(m => o.train[m]!);
    const whole = [batch.map(r => r.anchor), batch.map(r => r.positive), ...(sides === 3 ? [batch.map(r => r.negative ?? "")] : [])];
    // of the whole batch, so that all ranks draw the same dropout
    const longestHere = Math.max(...whole.flat().map(text => read(text).length));
    const width = widths.find(w => w >= longestHere)!;
    const mine = own.of(batch);
    const tokens = whole.flatMap(side => {
      const texts = own.of(side);
      return Array.from({ length: own.rows }, (_, i) => read(texts[i] ?? ""));
    });
    const shape = [tokens.length, width];
    return {
      arrays: {
        ...layTexts(tokens, { width, texts: tokens.map((_, i) => i) }, tokens.length),
        barred: barredIn(batch, positives, sides),
        seed,
        ...(ranks ? { all: new Float32Array(sides * rows * config.width) } : {}),
      },
      shapes: { tokens: shape, present: shape },
      weight: mine.length,
      documents: mine.map(r => r.place),
    };
  }

  const reader = textReader({
    device,
    longest,
    parameters: (t: TrainableTensors, f: FrozenTensors) => tuning.parameters(f, t),
    read: (p, tokens, present) => textVectors(config, p, pooling, { tokens, present }),
  });
  async function vectorsOf(trees: readonly unknown[], texts: readonly string[]): Promise<VectorOf> {
    const distinct = [...new Set(texts)];
    const vectors = await reader.predict(trees, distinct.map(read), o.signal && !ranks ? { signal: o.signal } : {});
    const of = new Map(distinct.map((text, i) => [text, vectors[i]!]));
    return text => of.get(text)!;
  }
  const textsOf = (related: readonly Related[]) =>
    related.flatMap(r => [r.anchor, r.positive, ...(r.negative === undefined ? [] : [r.negative])]);
  async function measured(trees: readonly unknown[]) {
    const vectorOf = await vectorsOf(trees, [...textsOf(o.validation), ...o.scored.flatMap(p => [p.first, p.second])]);
    return { found: anchorScores(o.validation, vectorOf, recipe.temperature), similar: similarities(o.scored, vectorOf) };
  }
  const mean = (found: readonly AnchorScores[], name: keyof AnchorScores) => found.reduce((s, f) => s + f[name], 0) / found.length;
  async function judge(t: unknown, f: unknown): Promise<ValidationScores> {
    const found = anchorScores(o.validation, await vectorsOf([t, f], textsOf(o.validation)), recipe.temperature);
    return firstRanks(ranks, { loss: mean(found, "loss"), ...Object.fromEntries(foundNames.map(name => [name, mean(found, name)])) });
  }

  const shape = [sides * own.rows, longest];
  const part: RowPart | undefined = own.part === undefined ? undefined : { part: own.part, sides, rows };
  const vectors = (t: TrainableTensors, f: FrozenTensors, b: Omit<Batch, "all" | "barred">): Tensor => {
    const drop = recipe.dropout > 0 ? dropoutFrom(recipe.dropout, b.seed, 0, part) : undefined;
    return textVectors(config, tuning.parameters(f, t, b.seed, part), pooling, b, drop);
  };
  const shared = ranks && vectorsOfRanks(o, vectors, frozen, { ranks, rows, sides });
  try {
    const base = await givenBackOnFailure([trainable, frozen], () => measured([trainable, frozen]));
    const fitted = await runFit<Batch>(o, recipe, {
      specs: tuning.specs,
      loss(t, b, scale, f) {
        const { temperature } = recipe;
        const made = vectors(t, f, b);
        if (!b.all) return mul(sum(contrastLosses(made, b.barred, temperature)), scale);
        return mul(contrastLossOfPart(made, b.all, b.barred, { temperature, rows: ownAnchors }), scale);
      },
      completeBatch: shared?.complete,
      batch: {
        tokens: { shape, dtype: "i32", below: config.vocab },
        present: { shape, dtype: "i32" },
        barred: { shape: [rows, (sides - 1) * rows], dtype: "f32" },
        seed: { shape: [], dtype: "i32" },
        ...(ranks ? { all: { shape: [sides * rows, config.width], dtype: "f32" } } : {}),
      },
      usualRate: 2e-5,
      stepsIn: o.train.length / rows,
      start: trainable,
      frozen,
      source: (state): BatchSource => {
        const source = memberSource(o.train.length, rows, recipe.seed, state);
        return {
          state: source.state,
          next() {
            const seed = drawOf(source.state(), o.train.length);
            return batchOf(source.next(), seed);
          },
        };
      },
      tokensOf: b => (b.arrays.present as Int32Array).reduce((n, x) => n + x, 0),
      judge,
      shown: s => `validation nDCG@10 ${s.ndcg10!.toFixed(3)}`,
      judgesStart: true,
    });
    const tuned = await givenBackOnFailure([fitted.trainable, frozen], () => measured([fitted.trainable, frozen]));
    const scores = o.scored.map(p => p.score);
    const report = embedReport({ base: base.found, tuned: tuned.found }, { scores, base: base.similar, tuned: tuned.similar });
    return { ...fitted, tuning, frozen, report };
  } finally {
    shared?.dispose();
    reader.dispose();
  }
}
