/** For tests: small models of each family with their losses as training has them, and random values for all inputs. */
import { type Random, random, type Tree, treeMap, treePaths } from "../base/index.ts";
import {
  add,
  type Device,
  type DeviceArray,
  evaluate,
  evaluateRanks,
  fromNumbers,
  type Graph,
  joinValues,
  type Mesh,
  type MeshAxis,
  type MeshSizes,
  memoryCollectives,
  meshOf,
  openRankProgram,
  opKinds,
  partOfValues,
  type ShardedGraph,
  type Sharding,
  shardGraph,
  simplify,
  sizeOf,
  type Tensor,
  type TensorSpec,
  toNumbers,
  trace,
  valueAndGrad,
} from "../tensor/index.ts";
import { type DecoderConfig, decoderLogits, decoderSpec, gpt2Config, llamaConfig } from "./decoder.ts";
import { bertConfig, encoderSpec, encoderStates, maskedLogits } from "./encoder.ts";
import { type EncoderDecoderConfig, encoderDecoderConfig, encoderDecoderSpec, encodeSource, targetLogits } from "./encoder-decoder.ts";
import type { ModelConfig } from "./families.ts";
import { dropoutFrom } from "./layers.ts";
import { crossEntropy } from "./losses.ts";
import { type ParameterSpec, startValues } from "./parameters.ts";
import { parameterShardings } from "./sharding.ts";

export interface SampleSizes {
  readonly rows: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly layers: number;
  readonly vocab: number;
}

type Batch = Readonly<Record<string, Tensor>>;
type Loss = (p: never, b: Batch, scale: Tensor) => Tensor;

export interface SampleModel {
  readonly name: string;
  readonly model: ModelConfig;
  readonly specs: unknown;
  readonly loss: Loss;
  /** Shapes, dtypes and values of a batch. */
  readonly batch: Readonly<Record<string, TensorSpec & { draw(r: Random, i: number): number }>>;
  /** Lengths of the sequences in it. */
  readonly lengths: readonly number[];
}

/** Rows with a document that ends within them. */
function decoderBatch({ rows, length, vocab }: SampleSizes): SampleModel["batch"] {
  const of = (dtype: TensorSpec["dtype"], draw: (r: Random, i: number) => number) => ({ shape: [rows, length], dtype, draw });
  const border = Math.floor((2 * length) / 3);
  const place = (i: number): number => i % length;
  return {
    tokens: of("i32", r => r.below(vocab)),
    targets: of("i32", r => r.below(vocab)),
    segments: of("i32", (_, i) => (place(i) < border ? 0 : 1)),
    positions: of("i32", (_, i) => (place(i) < border ? place(i) : place(i) - border)),
    weights: of("f32", r => (r.below(4) === 0 ? 0 : 1)),
    seed: { shape: [], dtype: "i32", draw: () => 12345 },
  };
}

function decoder(name: string, sizes: SampleSizes, config: DecoderConfig, rematerialise = false): SampleModel {
  const loss = (p: never, b: Batch, scale: Tensor): Tensor => {
    const o = { segments: b.segments!, positions: b.positions!, dropout: dropoutFrom(0.1, b.seed!), rematerialise };
    return crossEntropy(decoderLogits(config, p, b.tokens!, o), b.targets!, b.weights!, scale);
  };
  return {
    name,
    model: { family: "decoder", config },
    specs: decoderSpec(config),
    loss,
    batch: decoderBatch(sizes),
    lengths: [sizes.length],
  };
}

function encoder(sizes: SampleSizes, small: Parameters<typeof bertConfig>[0]): SampleModel {
  const config = bertConfig(small);
  const { segments: _, positions: __, ...batch } = decoderBatch(sizes);
  return {
    name: "encoder, masked tokens",
    model: { family: "encoder", config },
    specs: encoderSpec(config),
    loss: (p, b, scale) => {
      const o = { present: b.present!, types: b.types!, dropout: dropoutFrom(0.1, b.seed!) };
      const states = encoderStates(config, p, b.tokens!, o);
      return crossEntropy(maskedLogits(config, p, states), b.targets!, b.weights!, scale);
    },
    batch: {
      ...batch,
      present: { shape: batch.tokens!.shape, dtype: "i32", draw: (_, i) => (i % sizes.length < sizes.length - 1 ? 1 : 0) },
      types: { shape: batch.tokens!.shape, dtype: "i32", draw: r => r.below(2) },
    },
    lengths: [sizes.length],
  };
}

function encoderDecoder(name: string, sizes: SampleSizes, config: EncoderDecoderConfig): SampleModel {
  const { tokens, targets, weights, seed } = decoderBatch(sizes);
  const source = sizes.length * 2;
  return {
    name,
    model: { family: "encoder-decoder", config },
    specs: encoderDecoderSpec(config),
    loss: (p, b, scale) => {
      const o = { sourcePresent: b.present!, dropout: dropoutFrom(0.1, b.seed!) };
      const memory = encodeSource(config, p, b.source!, o);
      return crossEntropy(targetLogits(config, p, memory, b.tokens!, o), b.targets!, b.weights!, scale);
    },
    batch: {
      tokens: tokens!,
      targets: targets!,
      weights: weights!,
      seed: seed!,
      source: { shape: [sizes.rows, source], dtype: "i32", draw: r => r.below(sizes.vocab) },
      present: { shape: [sizes.rows, source], dtype: "i32", draw: (_, i) => (i % source < source - 1 ? 1 : 0) },
    },
    lengths: [sizes.length, source],
  };
}

/** Models of each family: tied and not, grouped queries, gates, relative positions, blocks that are computed again. */
export function sampleModels(s: SampleSizes): SampleModel[] {
  const { vocab, heads, layers, length, headSize } = s;
  const small = { vocab, width: heads * headSize, layers, heads, context: 2 * length, hidden: 2 * heads * headSize };
  const seq2seq = encoderDecoderConfig(small);
  return [
    decoder("GPT", s, gpt2Config(small)),
    decoder("Llama", s, { ...llamaConfig({ ...small, kvHeads: s.kvHeads }), qkNorm: true }),
    decoder("Llama, tied, computed again", s, { ...llamaConfig({ ...small, kvHeads: s.kvHeads }), tied: true, window: 3 }, true),
    encoder(s, small),
    encoderDecoder("encoder-decoder", s, seq2seq),
    encoderDecoder("T5", s, {
      ...seq2seq,
      norm: "rms",
      bias: false,
      relative: { buckets: 8, farthest: 16 },
      activation: "geglu",
      untied: true,
    }),
  ];
}

/** The gradient program of a model: loss and gradients of parameters, batch, scale; with gradients that it is added to where asked for. */
export function gradientGraph(m: SampleModel, accumulates = false): Graph {
  const specs = m.specs as Tree<ParameterSpec>;
  const scale: TensorSpec = { shape: [], dtype: "f32" };
  const program = valueAndGrad(m.loss as (p: Tree<Tensor>, b: Batch, s: Tensor) => Tensor);
  const f = (p: Tree<Tensor>, b: Batch, s: Tensor, sofar: Tree<Tensor>) => {
    const [loss, gradients] = program(p, b, s);
    return [loss, accumulates ? treeMap<Tensor, Tensor>((g, _, before) => add(before!, g), gradients, sofar) : gradients];
  };
  // trees of specifications stand for trees of tensors
  return trace(f as never, specs as never, m.batch as never, scale as never, (accumulates ? specs : {}) as never) as Graph;
}

/** The loss alone, of parameters, batch and scale. */
export const lossGraph = (m: SampleModel): Graph =>
  // trees of specifications stand for trees of tensors
  trace(
    ((p: never, b: Batch, s: Tensor) => m.loss(p, b, s)) as never,
    m.specs as never,
    m.batch as never,
    {
      shape: [],
      dtype: "f32",
    } as never,
  ) as Graph;

/** Values for all inputs of a program of `gradientGraph`. */
export function sampleValues(m: SampleModel, graph: Graph): Float64Array[] {
  const starts = new Map(
    treePaths<ParameterSpec>(m.specs as Tree<ParameterSpec>).map(([path, spec]) => [path, startValues(spec, path, 1)]),
  );
  return graph.inputs.map(t => {
    const { name } = t.attributes;
    const [argument, ...path] = name.split(".");
    const r = random(`sample/${name}`);
    const each = (draw: (i: number) => number) => Float64Array.from({ length: sizeOf(t.shape) }, (_, i) => draw(i));
    if (argument === "0") {
      // away from the start, where many numbers are 0 or 1
      const start = starts.get(path.join("."))!;
      return toNumbers(
        fromNumbers(
          each(i => start[i]! + 0.1 * r.normal()),
          t.dtype,
        ),
        t.dtype,
      );
    }
    if (argument === "1")
      return toNumbers(
        fromNumbers(
          each(i => m.batch[path[0]!]!.draw(r, i)),
          t.dtype,
        ),
        t.dtype,
      );
    return argument === "2"
      ? Float64Array.of(Math.fround(1 / 37))
      : toNumbers(
          fromNumbers(
            each(() => r.normal()),
            t.dtype,
          ),
          t.dtype,
        );
  });
}

/** Layouts of a gradient program's inputs: parameters as their layers say, rows over `data`, positions over `sequence`. */
export function sampleShardings(m: SampleModel, accumulates = false): Record<string, Sharding> {
  const batch = Object.entries(m.batch).filter(([, { shape }]) => shape.length === 2);
  const sofar = treePaths<ParameterSpec>(m.specs as Tree<ParameterSpec>).map(([path, { split }]) => [
    `3.${path}`,
    { ...(split ? { split } : {}), partial: ["data", "sequence"] },
  ]);
  return {
    ...parameterShardings(m.specs, "0."),
    ...Object.fromEntries(batch.map(([name]) => [`1.${name}`, { split: { data: 0, sequence: 1 } }])),
    ...(accumulates ? (Object.fromEntries(sofar) as Record<string, Sharding>) : {}),
  };
}

/** Layouts of its outputs: the loss whole, gradients as their parameters; summands of them where the caller reduces itself. */
export const gradientShardings = (m: SampleModel, isLocal = false): Sharding[] => {
  const partial = isLocal ? { partial: ["data", "sequence"] as const } : {};
  const specs = treePaths<ParameterSpec>(m.specs as Tree<ParameterSpec>);
  return [partial, ...specs.map(([, { split }]) => ({ ...(split ? { split } : {}), ...partial }))];
};

/** All meshes of two to so many ranks over some axes. */
export function sampleMeshes(ranks: number, axes: readonly (keyof MeshSizes)[]): Mesh[] {
  const walk = (i: number, sizes: MeshSizes, left: number): MeshSizes[] =>
    i === axes.length
      ? [sizes]
      : Array.from({ length: left }, (_, n) => n + 1).flatMap(n => walk(i + 1, { ...sizes, [axes[i]!]: n }, Math.floor(left / n)));
  return walk(0, {}, ranks)
    .map(sizes => meshOf(sizes))
    .filter(m => m.ranks > 1);
}

const seenWhole = new Set(opKinds.filter(k => k !== "call" && k !== "custom" && k !== "matmulAdd"));
/** A program as sharding sees it: constants that simplification joins are rounded in it already. */
export const canonicalGraph = (graph: Graph): Graph => simplify(graph, seenWhole);

export const exactValues = (graph: Graph, values: readonly Float64Array[]): Float64Array[] =>
  evaluate(graph.outputs, new Map<Tensor, Float64Array>(graph.inputs.map((t, i) => [t, values[i]!])), { exact: true });

/** The whole results of all ranks' programs. */
export function exactSharded(sharded: ShardedGraph, values: readonly Float64Array[]): Float64Array[] {
  const { mesh, inputs, outputs } = sharded;
  const programs = Array.from({ length: mesh.ranks }, (_, rank) => {
    const { graph } = sharded.rank(rank);
    const given = graph.inputs.map((t, i) => [t, partOfValues(values[i]!, inputs[i]!, mesh, rank)] as const);
    return { outputs: graph.outputs, given: new Map<Tensor, Float64Array>(given) };
  });
  const found = evaluateRanks(mesh, programs, { exact: true });
  return outputs.map((layout, i) =>
    joinValues(
      found.map(f => f[i]!),
      layout,
      mesh,
    ),
  );
}

export interface DeviceRun {
  readonly device: Device;
  readonly mesh: Mesh;
  readonly rows: number;
  readonly axes: readonly MeshAxis[];
}
/** The whole results of all ranks' programs on a device, the ranks side by side in this process. */
export async function deviceSharded(
  m: SampleModel,
  graph: Graph,
  values: readonly Float64Array[],
  { device, mesh, rows, axes }: DeviceRun,
): Promise<Float64Array[]> {
  const options = { mesh, inputs: sampleShardings(m), outputs: gradientShardings(m), sequence: { rows, lengths: m.lengths, axes } };
  const sharded = shardGraph(graph, options);
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const program = sharded.rank(rank);
      const executable = openRankProgram(program, { device, fuse: true });
      const arrays: DeviceArray[] = [];
      for (const [i, t] of program.graph.inputs.entries()) {
        const part = partOfValues(values[i]!, sharded.inputs[i]!, mesh, rank);
        arrays.push(await device.array(fromNumbers(part, t.dtype), t.dtype, t.shape));
      }
      const made = await executable.run(arrays, port);
      const read = await Promise.all(made.map(a => a.numbers()));
      for (const a of [...arrays, ...made]) a.dispose();
      executable.dispose();
      return read;
    }),
  );
  return sharded.outputs.map((layout, i) =>
    joinValues(
      found.map(f => f[i]!),
      layout,
      mesh,
    ),
  );
}

/**
 * The largest difference between two lists of arrays, each by its own largest number, or by a share of the largest of all where that is more: gradients of
 * biases of keys are 0 but for rounding.
 */
export function largestError(want: readonly ArrayLike<number>[], found: readonly ArrayLike<number>[], share = 1e-3): number {
  const most = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  const least = share * Math.max(...want.map(most));
  let worst = 0;
  for (const [i, w] of want.entries()) {
    const scale = Math.max(most(w), least);
    for (const [at, x] of Array.from(w).entries()) {
      const off = Math.abs(found[i]![at]! - x) / scale;
      if (!(off <= worst)) worst = off;
    }
  }
  return worst;
}
