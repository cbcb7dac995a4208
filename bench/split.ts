/**
 * Three families over every mesh of at most 4 ranks, beside one rank: gradients of the first step, and losses of 20 steps with clipping and accumulation. Ranks
 * run side by side in this process, on the processor in float32; what is measured is that they agree, and how often they meet.
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
  modelStages,
  type ParameterSpec,
  parameterShardings,
  startValues,
  targetLogits,
} from "../src/nn/index.ts";
import {
  add,
  coordinatesOf,
  cutStages,
  type DeviceArray,
  div,
  fromNumbers,
  type Graph,
  joinValues,
  type Mesh,
  memoryCollectives,
  meshOf,
  minimum,
  openDevice,
  openPipelineRank,
  openRankProgram,
  partOfValues,
  pipelineSchedule,
  type RankExecutable,
  rankAt,
  type ShardedGraph,
  type Sharding,
  shardGraph,
  showMesh,
  sizeOf,
  sqrt,
  sumCollectives,
  type Tensor,
  type TensorSpec,
  trace,
  valueAndGrad,
} from "../src/tensor/index.ts";
import { decoderLoss } from "../src/train/decoder-training.ts";
import {
  adamw,
  muonWithAdamw,
  type Optimizer,
  optimizerStateShapes,
  single,
  squaredNorm,
  stepScalars,
  updateAll,
} from "../src/train/optimizer.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const [rows, length, layers, vocab, micro, steps] = [12, 12, 4, 96, 2, 20];
const small = { vocab, width: 96, layers, heads: 24, context: length, hidden: 192 };
const device = openDevice("cpu", { threads: 1 });

type Batch = Readonly<Record<string, Tensor>>;
interface Family {
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
const families: readonly Family[] = [
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

const scalar: TensorSpec = { shape: [], dtype: "f32" };
const leavesOf = (f: Family) => treePaths<ParameterSpec>(f.specs as Tree<ParameterSpec>);
const splitOf = (spec: ParameterSpec): Sharding => (spec.split ? { split: spec.split } : {});

const gradientGraph = (f: Family): Graph =>
  // trees of specifications stand for trees of tensors
  trace(
    ((p: never, b: Batch, s: Tensor) => valueAndGrad(f.loss)(p, b, s)) as never,
    f.specs as never,
    f.batch as never,
    scalar as never,
  ) as Graph;

/** A whole step: gradients of micro-batches added up, clipped by their global norm, applied. */
function stepGraph(f: Family, optimizer: Optimizer): Graph {
  const gradient = valueAndGrad(f.loss as (p: Tree<Tensor>, b: Batch, s: Tensor) => Tensor);
  const step = (p: Tree<Tensor>, state: Record<string, Record<string, Tensor>>, batches: readonly Batch[], s: Record<string, Tensor>) => {
    const made = batches.map(b => gradient(p, b, s.scale!));
    const loss = made.map(m => m[0]).reduce((a, b) => add(a, b));
    const gradients = made.map(m => m[1]).reduce((a, b) => treeMap<Tensor, Tensor>((x, _, y) => add(x, y!), a, b));
    const gradientScale = minimum(1, div(1, sqrt(squaredNorm(treeLeaves<Tensor>(gradients)))));
    const next = updateAll(optimizer, f.specs, { parameters: p, gradients, state, scalars: s, gradientScale });
    return [loss, next.parameters, next.state];
  };
  const scalars = Object.fromEntries(["scale", ...Object.keys(stepScalars(optimizer, { rate: 0, step: 1 }))].map(name => [name, scalar]));
  const batches = Array.from({ length: micro }, () => f.batch);
  return trace(
    step as never,
    f.specs as never,
    optimizerStateShapes(optimizer, f.specs) as never,
    batches as never,
    scalars as never,
  ) as Graph;
}

const batchSharding: Sharding = { split: { data: 0, sequence: 1 } };
const batchShardings = (f: Family, prefix: string): Record<string, Sharding> =>
  Object.fromEntries(Object.entries(f.batch).flatMap(([name, s]) => (s.shape.length === 2 ? [[`${prefix}${name}`, batchSharding]] : [])));

const sequenceOf = (f: Family, mesh: Mesh) => ({ rows, lengths: f.lengths, axes: mesh.sizes.tensor > 1 ? (["tensor"] as const) : [] });

const shardedGradient = (f: Family, graph: Graph, mesh: Mesh): ShardedGraph =>
  shardGraph(graph, {
    mesh,
    inputs: { ...parameterShardings(f.specs, "0."), ...batchShardings(f, "1.") },
    outputs: [{}, ...leavesOf(f).map(([, spec]) => splitOf(spec))],
    sequence: sequenceOf(f, mesh),
  });

function shardedStep(f: Family, optimizer: Optimizer, graph: Graph, mesh: Mesh): ShardedGraph {
  const states = treePaths<ParameterSpec>(optimizerStateShapes(optimizer, f.specs) as Tree<ParameterSpec>);
  const specs = new Map(leavesOf(f));
  const ofState = (path: string) => splitOf(specs.get(path.slice(0, path.lastIndexOf(".")))!);
  return shardGraph(graph, {
    mesh,
    inputs: {
      ...parameterShardings(f.specs, "0."),
      ...Object.fromEntries(states.map(([path]) => [`1.${path}`, ofState(path)])),
      ...Array.from({ length: micro }, (_, i) => batchShardings(f, `2.${i}.`)).reduce((a, b) => Object.assign(a, b)),
    },
    outputs: [{}, ...leavesOf(f).map(([, spec]) => splitOf(spec)), ...states.map(([path]) => ofState(path))],
    sequence: sequenceOf(f, mesh),
  });
}

/** Values of an input by its name, at a step. */
function valuesOf(f: Family, t: Tensor<"input">, step: number): Float64Array {
  const [argument, ...path] = t.attributes.name.split(".");
  if (argument === "0") {
    const spec = new Map(leavesOf(f)).get(path.join("."))!;
    return startValues(spec, path.join("."), 1).map(Math.fround);
  }
  const row = f.batch[path.at(-1)!];
  const r = random(`${t.attributes.name}/${step}`);
  return row ? Float64Array.from({ length: sizeOf(t.shape) }, (_, i) => row.draw(r, i)) : new Float64Array(sizeOf(t.shape));
}

const arrayOf = (values: Float64Array, t: Tensor) => device.array(fromNumbers(values, t.dtype), t.dtype, t.shape);
const disposeAll = (arrays: readonly DeviceArray[]): void => {
  for (const a of arrays) a.dispose();
};

/** The whole results of all ranks' programs. */
async function results(f: Family, graph: Graph, sharded: ShardedGraph): Promise<Float64Array[]> {
  const { mesh } = sharded;
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const program = sharded.rank(rank);
      const executable = openRankProgram(program, { device, fuse: true });
      const given: DeviceArray[] = [];
      for (const [i, t] of program.graph.inputs.entries()) {
        const whole = t.attributes.name === "2" ? Float64Array.of(Math.fround(1 / 100)) : valuesOf(f, graph.inputs[i]!, 0);
        given.push(await arrayOf(partOfValues(whole, sharded.inputs[i]!, mesh, rank), t));
      }
      const made = await executable.run(given, port);
      const read = await Promise.all(made.map(a => a.numbers()));
      disposeAll([...given, ...made]);
      executable.dispose();
      return read;
    }),
  );
  return sharded.outputs.map((layout, i) =>
    joinValues(
      found.map(q => q[i]!),
      layout,
      mesh,
    ),
  );
}

const most = (x: Float64Array): number => x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
/** The largest difference of an element, by the largest of its array, or by a thousandth of the largest of all where that is more. */
function errorOf(want: readonly Float64Array[], found: readonly Float64Array[]): number {
  const least = 1e-3 * Math.max(...want.map(most));
  return Math.max(...want.map((w, i) => w.reduce((m, x, at) => Math.max(m, Math.abs(x - found[i]![at]!)), 0) / Math.max(most(w), least)));
}

/** Loss and gradients through a pipeline, its stages sharded over what else the mesh has; one micro-batch. */
async function pipelineResults(f: Family, graph: Graph, mesh: Mesh): Promise<Float64Array[]> {
  const count = mesh.sizes.pipeline;
  const stageOfPath = modelStages(f.model, count);
  const loss = trace(f.loss as never, f.specs as never, f.batch as never, scalar as never) as Graph;
  const { stages } = cutStages(loss, { stages: count, stageOf: name => (name.startsWith("0.") ? stageOfPath(name.slice(2)) : undefined) });
  const plan = pipelineSchedule("1f1b", { ranks: count, microBatches: 1 });
  const parameters = parameterShardings(f.specs, "0.");
  // states pass as [B, T, C] or as rows [B T, C]
  const passedSharding = (t: Tensor): Sharding => {
    if (t.shape.length >= 2 && t.shape[0] === rows && t.shape[1] === length) return batchSharding;
    return t.shape[0] === rows * length ? { split: { data: 0 } } : {};
  };
  const sharded = stages.map(stage => {
    const inputs = Object.fromEntries(
      stage.graph.inputs.flatMap(t => {
        const { name } = t.attributes;
        return [[name, name.startsWith("0.") ? (parameters[name] ?? {}) : passedSharding(t)]];
      }),
    );
    const sent = stage.graph.outputs.slice(stage.results.length, stage.results.length + stage.sent.length);
    const outputs: Sharding[] = [
      ...stage.results.map(() => ({})),
      ...sent.map(passedSharding),
      ...stage.parameters.map(name => parameters[name] ?? {}),
      ...stage.receivedFloats.map(name => passedSharding(stage.graph.inputs.find(t => t.attributes.name === name)!)),
    ];
    return shardGraph(stage.graph, { mesh, inputs, outputs, sequence: sequenceOf(f, mesh) });
  });
  const gradients = new Map<string, Float64Array>();
  let value = Number.NaN;
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (collectives, rank) => {
      const at = coordinatesOf(mesh, rank);
      const stage = stages[at.pipeline]!;
      const own = sharded[at.pipeline]!;
      const program = own.rank(rank).graph;
      const executable = openPipelineRank({
        device,
        place: at.pipeline,
        stages: new Map([[at.pipeline, { stage, graph: program }]]),
        rankAt: pipeline => rankAt(mesh, { ...at, pipeline }),
        fuse: true,
      });
      const arrays = async (names: readonly string[]) => {
        const made: Record<string, DeviceArray> = {};
        for (const name of names) {
          const i = stage.graph.inputs.findIndex(t => t.attributes.name === name);
          const whole = name === "2" ? Float64Array.of(Math.fround(1 / 100)) : valuesOf(f, stage.graph.inputs[i]!, 0);
          made[name] = await arrayOf(partOfValues(whole, own.inputs[i]!, mesh, rank), program.inputs[i]!);
        }
        return made;
      };
      const given = { plan, parameters: await arrays(stage.parameters), batches: [await arrays(stage.batch)], collectives };
      const made = await executable.run(given);
      if (made.results.get(0)) value = await made.results.get(0)![0]!.item();
      const read = new Map(await Promise.all(Object.entries(made.gradients).map(async ([n, a]) => [n, await a.numbers()] as const)));
      disposeAll([...Object.values(given.parameters), ...Object.values(given.batches[0]!), ...Object.values(made.gradients)]);
      executable.dispose();
      return { stage: at.pipeline, read };
    }),
  );
  for (const [n, stage] of stages.entries())
    for (const [i, name] of stage.parameters.entries()) {
      // ranks of other stages have none of it
      const layout = sharded[n]!.outputs[stage.results.length + stage.sent.length + i]!;
      const parts = found.map(q => (q.stage === n ? q.read.get(name)! : new Float64Array()));
      const first = parts.findIndex(p => p.length > 0);
      const own = joinValues(parts.slice(first, first + mesh.ranks / count), layout, meshOf({ ...mesh.sizes, pipeline: 1 }));
      const before = gradients.get(name);
      gradients.set(name, before ? before.map((x, at) => x + own[at]!) : own);
    }
  return [
    Float64Array.of(value),
    ...graph.inputs.filter(t => t.attributes.name.startsWith("0.")).map(t => gradients.get(t.attributes.name)!),
  ];
}

/** All meshes of two to four ranks over the axes. */
function meshes(): Mesh[] {
  const found: Mesh[] = [];
  for (let pipeline = 1; pipeline <= 4; pipeline++)
    for (let data = 1; data * pipeline <= 4; data++)
      for (let sequence = 1; sequence * data * pipeline <= 4; sequence++)
        for (let tensor = 1; tensor * sequence * data * pipeline <= 4; tensor++)
          if (tensor * sequence * data * pipeline > 1) found.push(meshOf({ pipeline, data, sequence, tensor }));
  return found;
}

/** Losses of some steps on a mesh. */
async function losses(f: Family, optimizer: Optimizer, graph: Graph, mesh: Mesh): Promise<number[]> {
  const sharded = shardedStep(f, optimizer, graph, mesh);
  const states = treePaths(optimizerStateShapes(optimizer, f.specs) as Tree<ParameterSpec>).length;
  const kept = leavesOf(f).length + states;
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const program = sharded.rank(rank);
      const executable: RankExecutable = openRankProgram(program, { device, fuse: true });
      const partAt = (i: number, whole: Float64Array) =>
        arrayOf(partOfValues(whole, sharded.inputs[i]!, mesh, rank), program.graph.inputs[i]!);
      let held: DeviceArray[] = [];
      for (let i = 0; i < kept; i++) held.push(await partAt(i, valuesOf(f, graph.inputs[i]!, 0)));
      const seen: number[] = [];
      for (let step = 1; step <= steps; step++) {
        const scalars: Record<string, number> = { scale: 1 / 200, ...stepScalars(optimizer, { rate: 3e-3, step }) };
        const given: DeviceArray[] = [];
        for (const [i, t] of graph.inputs.entries())
          if (i >= kept) {
            const { name } = t.attributes;
            given.push(await partAt(i, name.startsWith("3.") ? Float64Array.of(scalars[name.slice(2)]!) : valuesOf(f, t, step)));
          }
        const [loss, ...next] = await executable.run([...held, ...given], port);
        seen.push(await loss!.item());
        disposeAll([loss!, ...held, ...given]);
        held = next;
      }
      disposeAll(held);
      executable.dispose();
      return seen;
    }),
  );
  return found[0]!;
}

const optimizers: Readonly<Record<string, Optimizer>> = { AdamW: single(adamw()), Muon: muonWithAdamw() };
const trained = [{ data: 2 }, { tensor: 2 }, { sequence: 2 }, { data: 2, tensor: 2 }].map(sizes => meshOf(sizes));

export async function run({ say, only, scale }: BenchContext): Promise<BenchResult> {
  const wanted = families.filter(f => only.length === 0 || only.includes(f.name));
  const gradients: Record<string, Record<string, number>> = {};
  const collectives: Record<string, unknown> = {};
  const histories: Record<string, Record<string, number>> = {};
  for (const f of wanted) {
    const graph = gradientGraph(f);
    const want = await results(f, graph, shardedGradient(f, graph, meshOf({})));
    const own: Record<string, number> = {};
    gradients[f.name] = own;
    for (const mesh of meshes().filter((_, i) => i % Math.max(1, Math.round(1 / scale)) === 0)) {
      const isPipeline = mesh.sizes.pipeline > 1;
      const sharded = isPipeline ? undefined : shardedGradient(f, graph, mesh);
      own[showMesh(mesh)] = digits(errorOf(want, sharded ? await results(f, graph, sharded) : await pipelineResults(f, graph, mesh)), 2);
      say(`${f.name} over ${showMesh(mesh)}: gradients ${own[showMesh(mesh)]}`);
      if (sharded) collectives[`${f.name} over ${showMesh(mesh)}`] = sumCollectives(sharded.rank(0).report);
    }
    for (const [name, optimizer] of Object.entries(optimizers)) {
      const step = stepGraph(f, optimizer);
      const alone = await losses(f, optimizer, step, meshOf({}));
      const apart: Record<string, number> = { first: digits(alone[0]!, 4), last: digits(alone.at(-1)!, 4) };
      for (const mesh of trained) {
        const found = await losses(f, optimizer, step, mesh);
        apart[showMesh(mesh)] = digits(Math.max(...alone.map((x, i) => Math.abs(found[i]! - x) / x)), 2);
        say(`${f.name}, ${steps} steps of ${name} over ${showMesh(mesh)}: losses ${apart[showMesh(mesh)]}`);
      }
      histories[`${f.name}, ${name}`] = apart;
    }
  }
  const worst = Math.max(...Object.values(gradients).flatMap(g => Object.values(g)));
  const apart = Math.max(
    ...Object.values(histories).flatMap(h => Object.entries(h).flatMap(([k, x]) => (k === "first" || k === "last" ? [] : [x]))),
  );
  return {
    method: `${layers} layers, width ${small.width}, ${rows} rows of ${length} tokens in two documents, dropout 0.1, a quarter of the targets without weight; float32 on one thread, ranks side by side in one process. Gradients: largest difference of an element from one rank's, by the largest of its array. Losses: ${steps} steps of ${micro} micro-batches, clipped at 1, largest relative difference from one rank`,
    ours: { gradients, losses: histories, collectives },
    peers: {},
    ratios: {},
    bars: [
      { name: "gradients of step 1, every mesh of at most 4 ranks", want: "<= 1e-5", got: worst, holds: worst <= 1e-5 },
      { name: `losses over ${steps} steps`, want: "<= 1e-3", got: apart, holds: apart <= 1e-3 },
    ],
    notes: ["XLA's own partitioning is not compared yet: that needs the program on a PJRT device."],
  };
}
