/**
 * Approximate unlearning: steps over rows of the texts to forget beside rows of retained ones, until no text is left to forget, or the budget is spent. A
 * text that the caller no longer counts as left is not drawn: what is pushed beyond a text that was never seen stands out as much as one that was learnt.
 * Where none is left, steps on retained texts alone repair what the others did to the rest; a text that comes back is forgotten again.
 */
import { type Progress, random } from "../../base/index.ts";
import { type ArraysOf, type DecoderConfig, type DecoderSpec, decoderSpec, negativeLogLikelihood, type TensorsOf } from "../../nn/index.ts";
import { type Device, type DeviceArray, mul, sum } from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import { nextTokenLogits } from "../decoder-training.ts";
import { trainErrors } from "../errors.ts";
import { adamw, single } from "../optimizer.ts";
import { documentCount, packer, type TokenShards } from "../packing.ts";
import type { UnlearnRecipe } from "../part.ts";
import { createTrainer } from "../trainer.ts";
import { treeProgram } from "../tree-program.ts";
import { type ForgetRow, forgetRows } from "./forget-rows.ts";
import { type UnlearnBatch, unlearnLoss } from "./unlearn-loss.ts";

export interface UnlearnOptions {
  readonly device: Device;
  readonly model: DecoderConfig;
  /** Parameters of the trained model; taken over. */
  readonly start: ArraysOf<DecoderSpec>;
  readonly forget: TokenShards;
  readonly retain: TokenShards;
  /** The end-of-document token. */
  readonly end: number;
  readonly recipe: UnlearnRecipe;
  /** Which texts are left to forget, by their indices in `forget`. */
  readonly left: (parameters: ArraysOf<DecoderSpec>) => Promise<readonly number[]>;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface Unlearned {
  /** The caller's. */
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly steps: number;
  /** Texts that were left to forget at each look, the start first and the end last. */
  readonly left: readonly number[];
}

type Recipe = Pick<UnlearnRecipe, "rows" | "retainRows">;

/** Nats of each row under some parameters. */
async function natsOfRows(o: UnlearnOptions, rows: readonly ForgetRow[], length: number, attentionBlock: number): Promise<Float32Array> {
  const size = o.recipe.rows;
  const program = treeProgram<DeviceArray>(
    (p: TensorsOf<DecoderSpec>, b: Pick<UnlearnBatch, "tokens" | "targets" | "segments" | "positions" | "forgetWeights">) =>
      sum(
        mul(
          negativeLogLikelihood(
            nextTokenLogits(o.model, p, b.tokens, { segments: b.segments, positions: b.positions, attentionBlock }),
            b.targets,
          ),
          b.forgetWeights,
        ),
        1,
      ),
    { device: o.device, name: "first nats" },
  );
  const nats = new Float32Array(rows.length);
  try {
    for (let from = 0; from < rows.length; from += size) {
      o.signal?.throwIfAborted();
      const part = rows.slice(from, from + size);
      const laid = layForget(part, size, length);
      const given: Record<string, DeviceArray> = {};
      for (const name of ["tokens", "targets", "segments", "positions", "forgetWeights"] as const)
        given[name] = await o.device.array(laid[name], name === "forgetWeights" ? "f32" : "i32", [size, length]);
      const out = await program.with({}, o.start, given);
      const got = await out.numbers();
      part.forEach((_, i) => {
        nats[from + i] = got[i]!;
      });
      for (const a of [out, ...Object.values(given)]) a.dispose();
    }
  } finally {
    program.dispose();
  }
  return nats;
}

/** Rows laid below one another; those that are missing weigh nothing. */
function layForget(rows: readonly ForgetRow[], count: number, length: number) {
  const n = count * length;
  const laid = {
    tokens: new Int32Array(n),
    targets: new Int32Array(n),
    segments: new Int32Array(n).fill(-1),
    positions: new Int32Array(n),
    forgetWeights: new Float32Array(n),
  };
  rows.forEach((row, i) => {
    const at = i * length;
    laid.tokens.set(row.tokens, at);
    laid.targets.set(row.targets, at);
    for (let k = 0; k < row.size; k++) {
      laid.segments[at + k] = i;
      laid.positions[at + k] = k;
      laid.forgetWeights[at + k] = 1;
    }
  });
  return laid;
}

/** Batches of a recipe: rows of texts that are left, drawn at random, above packed rows of retained texts. */
function batches(o: UnlearnOptions, rows: readonly ForgetRow[], firstNats: Float32Array, length: number) {
  const { rows: count, retainRows, seed } = o.recipe;
  const draw = random(`${seed}/forget`);
  const retained = packer(o.retain, { rows: retainRows, length, end: o.end, seed: `${seed}/retain` });
  return (left: ReadonlySet<number>): HostBatch => {
    const candidates = rows.flatMap((row, i) => (left.has(row.document) ? [i] : []));
    const drawn = Array.from(draw.permutation(candidates.length), i => candidates[i]!).slice(0, count);
    const own = layForget(
      drawn.map(i => rows[i]!),
      count,
      length,
    );
    const kept = retained.next();
    const weight = kept.weights.reduce((s, w) => s + w, 0);
    const joined = (a: Int32Array, b: Int32Array) => Int32Array.from([...a, ...b]);
    return {
      arrays: {
        tokens: joined(own.tokens, kept.tokens),
        targets: joined(own.targets, kept.targets),
        segments: joined(
          own.segments,
          kept.segments.map(s => (s < 0 ? s : s + count)),
        ),
        positions: joined(own.positions, kept.positions),
        forgetWeights: own.forgetWeights,
        firstNats: Float32Array.from({ length: count }, (_, i) => (i < drawn.length ? firstNats[drawn[i]!]! : 0)),
        forgetShare: Float32Array.from({ length: count }, (_, i) => (i < drawn.length ? 1 / drawn.length : 0)),
        retainShare: kept.weights.map(w => w / weight),
      },
      weight: 1,
      documents: drawn.map(i => rows[i]!.document),
    };
  };
}

/** Shapes of a batch's arrays. */
function batchShapes(vocab: number, { rows, retainRows }: Recipe, length: number) {
  const all = [rows + retainRows, length];
  return {
    tokens: { shape: all, dtype: "i32", below: vocab },
    targets: { shape: all, dtype: "i32", below: vocab },
    segments: { shape: all, dtype: "i32" },
    positions: { shape: all, dtype: "i32" },
    forgetWeights: { shape: [rows, length], dtype: "f32" },
    firstNats: { shape: [rows], dtype: "f32" },
    forgetShare: { shape: [rows], dtype: "f32" },
    retainShare: { shape: [retainRows, length], dtype: "f32" },
  } as const;
}

/**
 * Unlearns; where no text is left at the start the parameters come back as they were. Rows are as long as the model's context.
 * Errors: train/data for no text to forget or to retain, train/diverged, the signal's reason.
 */
export async function unlearn(o: UnlearnOptions): Promise<Unlearned> {
  const { recipe, model, signal } = o;
  for (const [name, shards] of Object.entries({ forget: o.forget, retain: o.retain }))
    if (documentCount(shards) < 1 || shards.tokens.length === 0)
      throw trainErrors.fail("data", { place: `unlearn: ${name}`, expected: "at least one text with a token", received: "none" });
  const length = model.context;
  const attentionBlock = Math.min(128, length);
  const rows = forgetRows(o.forget, length, o.end);
  const firstNats = await natsOfRows(o, rows, length, attentionBlock);
  const specs = decoderSpec(model);
  const trainer = await createTrainer<DecoderSpec, UnlearnBatch>({
    device: o.device,
    specs,
    loss: unlearnLoss(model, { ...recipe, forgetRows: recipe.rows, attentionBlock }),
    batch: batchShapes(model.vocab, recipe, length),
    optimizer: single(adamw({ weightDecay: 0 })),
    rate: recipe.rate,
    schedule: { kind: "constant", warmup: 0, floor: 1, decayShare: 1 },
    steps: recipe.steps,
    start: o.start,
  });
  try {
    const next = batches(o, rows, firstNats, length);
    const history: number[] = [];
    let left = new Set<number>();
    let calm = 0;
    for (let step = 0; step < recipe.steps && calm < recipe.repair; step++) {
      signal?.throwIfAborted();
      if (step % recipe.every === 0) {
        left = new Set(await o.left(trainer.state.parameters));
        history.push(left.size);
        if (step === 0 && left.size === 0) break;
      }
      if (left.size === 0) calm++;
      const { loss } = await trainer.step([next(left)], signal);
      const message = `${left.size} texts left`;
      o.progress({ stage: "unlearn", done: (step + 1) / recipe.steps, message, values: { step: step + 1, loss, left: left.size } });
    }
    if (trainer.state.step > 0) history.push((await o.left(trainer.state.parameters)).length);
    const { step: steps } = trainer.state;
    return { parameters: trainer.finish(), steps, left: history };
  } catch (error) {
    trainer.dispose();
    throw error;
  }
}
