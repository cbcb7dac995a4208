import { defined } from "../../base/index.ts";
import {
  crossEntropy,
  type DecoderConfig,
  type DecoderOptions,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  dropoutFrom,
  negativeLogLikelihood,
  weightRight,
} from "../../nn/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { type Device, type DeviceArray, mul, sum, type Tensor } from "../../tensor/index.ts";
import {
  type BatchSource,
  gatherNumbers,
  type HostBatch,
  type MeasuredLoss,
  packedArrays,
  rowsOfShare,
  treeProgram,
} from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { runFit } from "../fit.ts";
import { type FrozenArrays, type FrozenTensors, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import type { Encoded } from "./encode.ts";
import type { InstructFitOptions } from "./options.ts";
import { batchesOnce, epochRows, examplePacker, type TuneBatch, weightOf } from "./pack.ts";
import type { FittedDecoder, TaskRun } from "./task.ts";

export type BatchTensors = { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor; seed: Tensor };
const integers = ["tokens", "targets", "segments", "positions"] as const;

/** Weighted loss of a micro-batch times `scale`: the one definition that training and tests share. */
export const tuneLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: Pick<InstructFitOptions, "dropout">) =>
  (trained: TrainableTensors, b: BatchTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    crossEntropy(rowLogits(config, tuning.parameters(frozen, trained, b.seed), b, trainedBy(recipe, b.seed)), b.targets, b.weights, scale);
/** The same, and the token accuracy of the same logits: with dropout, where there is any. */
const measuredTuneLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: Pick<InstructFitOptions, "dropout">, part: number | undefined) =>
  (trained: TrainableTensors, b: BatchTensors, scale: Tensor, frozen: FrozenTensors): MeasuredLoss => {
    const logits = rowLogits(config, tuning.parameters(frozen, trained, b.seed, part), b, trainedBy(recipe, b.seed, part));
    return {
      loss: crossEntropy(logits, b.targets, b.weights, scale),
      measures: { tokenAccuracy: weightRight(logits, b.targets, b.weights) },
    };
  };
/** How a forward pass runs while it is trained; `part`: which of the equal parts of a step's rows the batch holds (default 0). */
export const trainedBy = (recipe: Pick<InstructFitOptions, "dropout">, seed: Tensor, part?: number) =>
  recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, seed, 0, part) } : {};
/** Queries a block of causal attention: a block skips the keys that it cannot see. */
export const attentionBlock = 128;
/** Peak rate of a decoder's weights where none is said. */
export const decoderRate = 2e-5;

const hostBatch = (b: TuneBatch, seed: number, examples: readonly Encoded[], more: MoreArrays | undefined): HostBatch => ({
  arrays: { ...more?.of(b, examples), ...packedArrays(b, seed) },
  weight: weightOf(b),
  documents: b.examples.map(i => examples[i]!.place),
});

type Given = Omit<BatchTensors, "seed">;
interface Layout {
  readonly rows: number;
  readonly length: number;
}

/** Means a trained token over examples, each once, of sums over a batch; ranks take the batches in turns. */
function meansOver<M extends string>(
  device: Device,
  sums: (trained: TrainableTensors, frozen: FrozenTensors, b: Given) => Readonly<Record<M, Tensor>>,
  examples: readonly Encoded[],
  { rows, length }: Layout,
  { more, ranks }: { readonly more?: MoreArrays | undefined; readonly ranks?: ProcessGroup | undefined } = {},
): { of(trainable: unknown, frozen: unknown, signal?: AbortSignal): Promise<Record<M, number>>; dispose(): void } {
  const program = treeProgram<Readonly<Record<M, DeviceArray>>>(sums, { device, name: "validation" });
  async function sumsOf(
    batch: TuneBatch,
    trainable: unknown,
    frozen: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Record<M, number>> {
    const given: Record<string, DeviceArray> = {};
    for (const name of integers) given[name] = await device.array(batch[name], "i32", [rows, length]);
    given.weights = await device.array(batch.weights, "f32", [rows, length]);
    for (const [name, data] of Object.entries(more?.of(batch, examples) ?? {})) {
      const { shape, dtype } = more!.specs[name]!;
      given[name] = await device.array(data, dtype, shape(rows, length));
    }
    const out = await program.with(defined({ signal }), trainable, frozen, given);
    const arrays = Object.entries(out) as [M, DeviceArray][];
    const told: [string, number][] = [];
    for (const [name, total] of arrays) told.push([name, await total.item()]);
    for (const a of [...arrays.map(([, total]) => total), ...Object.values(given)]) a.dispose();
    return Object.fromEntries(told) as Record<M, number>;
  }
  return {
    dispose: () => program.dispose(),
    async of(trainable, frozen, signal) {
      const { rank, size } = ranks ?? { rank: 0, size: 1 };
      /** By measure, of each batch of this rank. */
      const totals = new Map<M, number[]>();
      let [count, weight] = [0, 0];
      for (const batch of batchesOnce(examples, { rows, length, seed: "validation" })) {
        const at = count++;
        weight += weightOf(batch);
        // the first one tells every rank what is measured
        if (at > 0 && at % size !== rank) continue;
        for (const [name, total] of Object.entries<number>(await sumsOf(batch, trainable, frozen, signal))) {
          const known = totals.get(name as M) ?? [];
          known[at] = total;
          totals.set(name as M, known);
        }
      }
      return meansOf(totals, { count, weight, ranks });
    },
  };
}

/** Sums over all batches in their order, whichever rank has taken them, over the weight of all. */
async function meansOf<M extends string>(
  totals: ReadonlyMap<M, readonly number[]>,
  { count, weight, ranks }: { readonly count: number; readonly weight: number; readonly ranks: ProcessGroup | undefined },
): Promise<Record<M, number>> {
  const names = [...totals.keys()];
  const own = names.flatMap(name => Array.from({ length: count }, (_, i) => totals.get(name)![i] ?? 0));
  const all = ranks ? await gatherNumbers(ranks, own) : [own];
  const sums = names.map((name, n) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += all[i % all.length]![n * count + i]!;
    return [name, total / weight] as const;
  });
  return Object.fromEntries(sums) as Record<M, number>;
}

/** Logits of a micro-batch's rows, each example apart from its neighbours. */
export const rowLogits = (config: DecoderConfig, p: unknown, b: Given, o: Omit<DecoderOptions, "segments" | "positions"> = {}): Tensor =>
  // parameters that a method made inside the loss, of any tree
  decoderLogits(config, p as never, b.tokens, { segments: b.segments, positions: b.positions, attentionBlock, ...o });

/** Mean nats a trained token over examples, each once. */
export function lossOver(
  device: Device,
  config: DecoderConfig,
  parameters: (frozen: FrozenTensors, trained: TrainableTensors) => unknown,
  examples: readonly Encoded[],
  layout: Layout,
): { of(trainable: unknown, frozen: unknown, signal?: AbortSignal): Promise<number>; dispose(): void } {
  const means = meansOver(
    device,
    (t, f, b) => ({ loss: sum(mul(negativeLogLikelihood(rowLogits(config, parameters(f, t), b), b.targets), b.weights)) }),
    examples,
    layout,
  );
  return { dispose: means.dispose, of: async (...given) => (await means.of(...given)).loss };
}

/** What is learnt from rows of examples. */
export interface RowTask<L extends Tensor | MeasuredLoss = Tensor | MeasuredLoss> {
  /** Sum of a micro-batch's weighted losses times `scale`. */
  readonly loss: (trained: TrainableTensors, b: BatchTensors, scale: Tensor, frozen: FrozenTensors) => L;
  /** Sums over trained tokens of what is judged; the least `loss` is chosen. */
  readonly sums: (trained: TrainableTensors, frozen: FrozenTensors, b: Given) => Readonly<Record<"loss", Tensor>>;
  /** Arrays that both read beside those of the base that stay. */
  readonly beside?: FrozenArrays;
  /** Arrays of a batch beside its tokens, which `loss` and `sums` find in it by name. */
  readonly more?: MoreArrays;
}
/** What a task lays out beside the tokens of a batch. */
interface MoreArrays {
  readonly specs: Readonly<
    Record<string, { readonly shape: (rows: number, length: number) => readonly number[]; readonly dtype: "i32" | "f32" }>
  >;
  of(batch: TuneBatch, examples: readonly Encoded[]): Readonly<Record<string, Int32Array | Float32Array>>;
}

/** Tunes on rows of examples; the best values by the validation part, or the last ones without it. Errors: tune/method, tune/example, train/*. */
export async function tuneRows(
  o: TaskRun<Encoded, InstructFitOptions>,
  taskOf: (tuning: Tuning<DecoderSpec>) => RowTask,
): Promise<FittedDecoder> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "an example or more", received: "none" });
  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const task = taskOf(tuning);
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const layout = { length: recipe.length, seed: recipe.seed, pack: recipe.pack };
  const rowsIn = epochRows(o.train, { ...layout, rows: 1 }, 0).length;
  const rows = Math.min(recipe.rows, rowsIn);
  const { ranks } = o;
  const share = ranks && { part: ranks.rank, of: ranks.size };
  const ownRows = share ? rowsOfShare(rows, share) : rows;
  const shape = [ownRows, recipe.length];
  const ints = { shape, dtype: "i32" } as const;
  const validation =
    o.validation.length > 0
      ? meansOver(device, task.sums, o.validation, { rows, length: recipe.length }, { more: task.more, ranks })
      : undefined;
  try {
    const fitted = await runFit<BatchTensors>(o, recipe, {
      specs: tuning.specs,
      loss: task.loss,
      batch: {
        tokens: { ...ints, below: config.vocab },
        targets: { ...ints, below: config.vocab },
        segments: ints,
        positions: ints,
        weights: { shape, dtype: "f32" },
        seed: { shape: [], dtype: "i32" },
        ...Object.fromEntries(
          Object.entries(task.more?.specs ?? {}).map(([name, s]) => [name, { ...s, shape: s.shape(ownRows, recipe.length) }]),
        ),
      },
      usualRate: decoderRate,
      stepsIn: rowsIn / (rows * recipe.accumulate),
      start: trainable,
      frozen: { ...frozen, ...task.beside },
      source: (state): BatchSource => {
        const packer = examplePacker(o.train, { ...layout, rows }, state);
        const place = () => {
          const { epoch, row } = packer.state();
          return epoch * rowsIn + row;
        };
        return { state: () => packer.state(), next: () => hostBatch(packer.next(share), place() % 2 ** 31, o.train, task.more) };
      },
      tokensOf: () => rows * recipe.length,
      judgesStart: true,
      // one rank that stops in a judgement would leave the others in it
      judge: validation && ((t, f) => validation.of(t, f, ranks ? undefined : o.signal)),
    });
    return { ...fitted, tuning, frozen };
  } finally {
    validation?.dispose();
  }
}

/** Tunes on answers. Errors: as `tuneRows`. */
export const tuneInstruct = (o: TaskRun<Encoded, InstructFitOptions>): Promise<FittedDecoder> =>
  tuneRows(o, tuning => ({
    loss: measuredTuneLoss(o.config, tuning, o.recipe, o.ranks?.rank),
    sums: (t, f, b) => {
      const logits = rowLogits(o.config, tuning.parameters(f, t), b);
      return {
        loss: sum(mul(negativeLogLikelihood(logits, b.targets), b.weights)),
        tokenAccuracy: weightRight(logits, b.targets, b.weights),
      };
    },
  }));
