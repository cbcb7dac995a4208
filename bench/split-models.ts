/**
 * What `bench split` trains: small models of three families with their batches, the graphs of a gradient, of a whole step and of an update alone, how each
 * is parted over a mesh, and the numbers that its inputs start with. Dropout and weights of targets are on, decoders have two documents a row.
 */
import { random, type Tree, treeLeaves, treeMap, treePaths } from "../src/base/index.ts";
import {
  crossEntropy,
  decoderSpec,
  dropoutFrom,
  encoderDecoderConfig,
  encoderDecoderSpec,
  encodeSource,
  gpt2Config,
  llamaConfig,
  type ModelConfig,
  type ParameterSpec,
  parameterShardings,
  startValues,
  targetLogits,
} from "../src/nn/index.ts";
import {
  add,
  div,
  type Graph,
  type Mesh,
  minimum,
  type Sharding,
  type ShardOptions,
  sizeOf,
  sqrt,
  type Tensor,
  type TensorSpec,
  trace,
  valueAndGrad,
} from "../src/tensor/index.ts";
import { decoderLoss } from "../src/train/decoder-training.ts";
import { type Optimizer, optimizerStateShapes, squaredNorm, stepScalars, updateAll } from "../src/train/optimizer.ts";

/** Sizes that every axis of at most 4 ranks divides; `micro` micro-batches a step. */
export const [rows, length, layers, vocab, micro] = [12, 12, 4, 96, 2];
export const small = { vocab, width: 96, layers, heads: 24, context: length, hidden: 192 };

type Batch = Readonly<Record<string, Tensor>>;
export interface Family {
  readonly name: string;
  readonly model: ModelConfig;
  readonly specs: unknown;
  readonly lengths: readonly number[];
  readonly batch: Readonly<Record<string, TensorSpec & { draw(r: ReturnType<typeof random>, i: number): number }>>;
  loss(p: never, b: Batch, scale: Tensor): Tensor;
}

const place = (i: number) => i % length;
const of = (dtype: TensorSpec["dtype"], draw: (r: ReturnType<typeof random>, i: number) => number, t = length) => ({
  shape: [rows, t],
  dtype,
  draw,
});
/** Two documents a row, a quarter of the targets without weight. */
const decoderBatch: Family["batch"] = {
  tokens: of("i32", r => r.below(vocab)),
  targets: of("i32", r => r.below(vocab)),
  segments: of("i32", (_, i) => (place(i) < 7 ? 0 : 1)),
  positions: of("i32", (_, i) => (place(i) < 7 ? place(i) : place(i) - 7)),
  weights: of("f32", r => (r.below(4) ? 1 : 0)),
  seed: { shape: [], dtype: "i32", draw: r => r.below(2 ** 30) },
};

function decoder(name: string, config: ReturnType<typeof gpt2Config>): Family {
  const loss = decoderLoss(config, { dropout: 0.1, attentionBlock: 0 } as never);
  return {
    name,
    model: { family: "decoder", config },
    specs: decoderSpec(config),
    lengths: [length],
    batch: decoderBatch,
    // the batch has what the loss reads
    loss: (p, b, scale) => loss(p, b as never, scale),
  };
}
const seq2seq = encoderDecoderConfig(small);
export const families: readonly Family[] = [
  decoder("GPT", gpt2Config(small)),
  decoder("Llama", llamaConfig({ ...small, kvHeads: 12 })),
  {
    name: "encoder-decoder",
    model: { family: "encoder-decoder", config: seq2seq },
    specs: encoderDecoderSpec(seq2seq),
    lengths: [length],
    batch: {
      source: of("i32", r => r.below(vocab)),
      present: of("i32", (_, i) => (place(i) < 10 ? 1 : 0)),
      tokens: decoderBatch.tokens!,
      targets: decoderBatch.targets!,
      weights: decoderBatch.weights!,
      seed: decoderBatch.seed!,
    },
    loss: (p, b, scale) => {
      const o = { sourcePresent: b.present!, dropout: dropoutFrom(0.1, b.seed!) };
      return crossEntropy(targetLogits(seq2seq, p, encodeSource(seq2seq, p, b.source!, o), b.tokens!, o), b.targets!, b.weights!, scale);
    },
  },
];

export const scalar: TensorSpec = { shape: [], dtype: "f32" };
export const leavesOf = (f: Family) => treePaths<ParameterSpec>(f.specs as Tree<ParameterSpec>);
const splitOf = (spec: ParameterSpec): Sharding => (spec.split ? { split: spec.split } : {});

/** Loss and gradients of a batch: parameters are argument 0, the batch 1, the loss's scale 2. */
export const gradientGraph = (f: Family): Graph =>
  // trees of specifications stand for trees of tensors
  trace(
    ((p: never, b: Batch, s: Tensor) => valueAndGrad(f.loss)(p, b, s)) as never,
    f.specs as never,
    f.batch as never,
    scalar as never,
  ) as Graph;

/** The loss of a batch alone, of which a pipeline is cut. */
export const lossGraph = (f: Family): Graph => trace(f.loss as never, f.specs as never, f.batch as never, scalar as never) as Graph;

type Scalars = Record<string, Tensor>;
type State = Record<string, Record<string, Tensor>>;

/** Gradients clipped by their global norm and applied. */
function applied(f: Family, optimizer: Optimizer, parameters: Tree<Tensor>, state: State, gradients: Tree<Tensor>, scalars: Scalars) {
  const gradientScale = minimum(1, div(1, sqrt(squaredNorm(treeLeaves<Tensor>(gradients)))));
  const next = updateAll(optimizer, f.specs, { parameters, gradients, state, scalars, gradientScale });
  return [next.parameters, next.state] as const;
}
const scalarSpecs = (optimizer: Optimizer) =>
  Object.fromEntries(["scale", ...Object.keys(stepScalars(optimizer, { rate: 0, step: 1 }))].map(name => [name, scalar]));

/** A whole step: gradients of micro-batches added up, then applied. Arguments: parameters 0, state 1, micro-batches 2, scalars 3. */
export function stepGraph(f: Family, optimizer: Optimizer): Graph {
  const gradient = valueAndGrad(f.loss as (p: Tree<Tensor>, b: Batch, s: Tensor) => Tensor);
  const step = (p: Tree<Tensor>, state: State, batches: readonly Batch[], s: Scalars) => {
    const made = batches.map(b => gradient(p, b, s.scale!));
    const loss = made.map(m => m[0]).reduce((a, b) => add(a, b));
    const gradients = made.map(m => m[1]).reduce((a, b) => treeMap<Tensor, Tensor>((x, _, y) => add(x, y!), a, b));
    return [loss, ...applied(f, optimizer, p, state, gradients, s)];
  };
  const states = optimizerStateShapes(optimizer, f.specs);
  const batches = Array.from({ length: micro }, () => f.batch);
  return trace(step as never, f.specs as never, states as never, batches as never, scalarSpecs(optimizer) as never) as Graph;
}

/** The update of a step alone: parameters 0, state 1, gradients 2, scalars 3. */
export function updateGraph(f: Family, optimizer: Optimizer): Graph {
  const update = (p: Tree<Tensor>, state: State, gradients: Tree<Tensor>, s: Scalars) => applied(f, optimizer, p, state, gradients, s);
  const states = optimizerStateShapes(optimizer, f.specs);
  return trace(update as never, f.specs as never, states as never, f.specs as never, scalarSpecs(optimizer) as never) as Graph;
}

/** Paths of the optimiser's state. */
export const statesOf = (f: Family, optimizer: Optimizer): string[] =>
  treePaths<ParameterSpec>(optimizerStateShapes(optimizer, f.specs) as Tree<ParameterSpec>).map(([path]) => path);

/** Rows over `data`, sequences over `sequence`. */
export const batchSharding: Sharding = { split: { data: 0, sequence: 1 } };
const batchShardings = (f: Family, prefix: string, sharding: Sharding): Record<string, Sharding> =>
  Object.fromEntries(Object.entries(f.batch).flatMap(([name, s]) => (s.shape.length === 2 ? [[`${prefix}${name}`, sharding]] : [])));

export const sequenceOf = (f: Family, mesh: Mesh) => ({
  rows,
  lengths: f.lengths,
  axes: mesh.sizes.tensor > 1 ? (["tensor"] as const) : [],
});

/** Layouts of inputs and outputs, as `shardGraph` and XLA are told them. */
export type GraphShardings = Pick<ShardOptions, "inputs"> & { readonly outputs: readonly Sharding[] };

export const gradientShardings = (f: Family, batch: Sharding = batchSharding): GraphShardings => ({
  inputs: { ...parameterShardings(f.specs, "0."), ...batchShardings(f, "1.", batch) },
  outputs: [{}, ...leavesOf(f).map(([, spec]) => splitOf(spec))],
});

export function stepShardings(f: Family, optimizer: Optimizer): GraphShardings {
  const states = statesOf(f, optimizer);
  const specs = new Map(leavesOf(f));
  const ofState = (path: string) => splitOf(specs.get(path.slice(0, path.lastIndexOf(".")))!);
  return {
    inputs: {
      ...parameterShardings(f.specs, "0."),
      ...Object.fromEntries(states.map(path => [`1.${path}`, ofState(path)])),
      ...Object.assign({}, ...Array.from({ length: micro }, (_, i) => batchShardings(f, `2.${i}.`, batchSharding))),
    },
    outputs: [{}, ...leavesOf(f).map(([, spec]) => splitOf(spec)), ...states.map(ofState)],
  };
}

/** What a parameter starts with. */
export const startOf = (f: Family, path: string): Float64Array => startValues(new Map(leavesOf(f)).get(path)!, path, 1).map(Math.fround);

/** An array of a micro-batch at a step. */
export function batchValues(f: Family, name: string, step: number, at = 0): Float64Array {
  const row = f.batch[name]!;
  const r = random(`${name}/${at}/${step}`);
  return Float64Array.from({ length: sizeOf(row.shape) }, (_, i) => row.draw(r, i));
}

/** Scalars of a step's update, and the scale of its loss: a mean over the targets that weigh something, roughly. */
export const scalarsOf = (optimizer: Optimizer, step: number): Readonly<Record<string, number>> => ({
  scale: Math.fround(1 / 200),
  ...stepScalars(optimizer, { rate: 3e-3, step }),
});
