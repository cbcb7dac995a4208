/**
 * The ways in which `bench split` computes one thing: ranks side by side in this process with the programs of `shardGraph`, a pipeline of stages, and XLA's
 * own partitioning of the whole graph over devices of its CPU plugin. Each gives whole arrays, so that they can be compared.
 */
import { modelStages, parameterShardings } from "../src/nn/index.ts";
import {
  coordinatesOf,
  cutStages,
  type DeviceArray,
  fromNumbers,
  type Graph,
  joinValues,
  type Mesh,
  memoryCollectives,
  meshOf,
  openDevice,
  openPartitioned,
  openPipelineRank,
  openRankProgram,
  type PipelineRank,
  partOfValues,
  pipelineSchedule,
  rankAt,
  type ShardedGraph,
  type Sharding,
  shardGraph,
  sizeOf,
  type Tensor,
  type TypedArray,
  toNumbers,
} from "../src/tensor/index.ts";
import type { Optimizer } from "../src/train/optimizer.ts";
import {
  batchSharding,
  batchValues,
  type Family,
  gradientGraph,
  gradientShardings,
  leavesOf,
  length,
  lossGraph,
  micro,
  rows,
  scalarsOf,
  sequenceOf,
  startOf,
  statesOf,
  stepShardings,
  updateGraph,
} from "./split-models.ts";

export type Products = "f32" | "bf16";
const device = openDevice("cpu", { threads: 1 });

const arrayOf = (values: Float64Array, t: Tensor) => device.array(fromNumbers(values, t.dtype), t.dtype, t.shape);
const disposeAll = (arrays: readonly DeviceArray[]): void => {
  for (const a of arrays) a.dispose();
};

/** Scale of the loss where gradients are looked at. */
const gradientScale = Float64Array.of(Math.fround(1 / 100));

/** An input of the gradient graph, by its name. */
function gradientInput(f: Family, name: string): Float64Array {
  const [argument, ...path] = name.split(".");
  return argument === "0" ? startOf(f, path.join(".")) : argument === "1" ? batchValues(f, path.join("."), 0) : gradientScale;
}

export const shardedGradient = (f: Family, graph: Graph, mesh: Mesh): ShardedGraph =>
  shardGraph(graph, { mesh, ...gradientShardings(f), sequence: sequenceOf(f, mesh) });

/** Loss and gradients of all ranks' programs. */
export async function rankGradients(f: Family, graph: Graph, sharded: ShardedGraph, products: Products): Promise<Float64Array[]> {
  const { mesh } = sharded;
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const program = sharded.rank(rank);
      const executable = openRankProgram(program, { device, fuse: true, products });
      const given: DeviceArray[] = [];
      for (const [i, t] of program.graph.inputs.entries())
        given.push(await arrayOf(partOfValues(gradientInput(f, graph.inputs[i]!.attributes.name), sharded.inputs[i]!, mesh, rank), t));
      const made = await executable.run(given, port);
      const read = await Promise.all(made.map(a => a.numbers()));
      disposeAll([...given, ...made]);
      executable.dispose();
      return read;
    }),
  );
  const parts = (i: number) => found.map(q => q[i]!);
  return sharded.outputs.map((layout, i) => joinValues(parts(i), layout, mesh));
}

const numbersOf = (made: readonly TypedArray[], graph: Graph): Float64Array[] => made.map((a, i) => toNumbers(a, graph.outputs[i]!.dtype));

/** The same by XLA, which knows no pipeline: rows are parted over that axis too, so that every device has work. */
export async function xlaGradients(f: Family, graph: Graph, mesh: Mesh, products: Products): Promise<Float64Array[]> {
  const batch: Sharding = { split: { ...batchSharding.split, pipeline: 0 } };
  const program = await openPartitioned(graph, { mesh, ...gradientShardings(f, batch), products });
  try {
    const given = graph.inputs.map(t => fromNumbers(gradientInput(f, t.attributes.name), t.dtype));
    return numbersOf(await program.run(given), graph);
  } finally {
    program.dispose();
  }
}

/** Values of parameters by their paths. */
type Values = ReadonlyMap<string, Float64Array>;
interface PipelineRun {
  readonly run: StepGradients;
  dispose(): void;
}

/** A model's loss through a pipeline (1F1B), its stages sharded over what else the mesh has. */
function openPipeline(f: Family, mesh: Mesh, microBatches: number): PipelineRun {
  const count = mesh.sizes.pipeline;
  const stageOfPath = modelStages(f.model, count);
  const { stages } = cutStages(lossGraph(f), {
    stages: count,
    stageOf: name => (name.startsWith("0.") ? stageOfPath(name.slice(2)) : undefined),
  });
  const plan = pipelineSchedule("1f1b", { ranks: count, microBatches });
  const parameters = parameterShardings(f.specs, "0.");
  // states pass as [B, T, C] or as rows [B T, C]
  const passedSharding = (t: Tensor): Sharding => {
    if (t.shape.length >= 2 && t.shape[0] === rows && t.shape[1] === length) return batchSharding;
    return t.shape[0] === rows * length ? { split: { data: 0 } } : {};
  };
  const inner = meshOf({ ...mesh.sizes, pipeline: 1 });
  const sharded = stages.map(stage => {
    const inputs = Object.fromEntries(
      stage.graph.inputs.map(t => {
        const { name } = t.attributes;
        return [name, name.startsWith("0.") ? (parameters[name] ?? {}) : passedSharding(t)];
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
  const ports = memoryCollectives(mesh);
  const ranks: readonly PipelineRank[] = ports.map((_, rank) => {
    const at = coordinatesOf(mesh, rank);
    return openPipelineRank({
      device,
      place: at.pipeline,
      stages: new Map([[at.pipeline, { stage: stages[at.pipeline]!, graph: sharded[at.pipeline]!.rank(rank).graph }]]),
      rankAt: pipeline => rankAt(mesh, { ...at, pipeline }),
      fuse: true,
    });
  });

  return {
    async run(parameterOf, batchOf, scale) {
      let loss = 0;
      const found = await Promise.all(
        ports.map(async (collectives, rank) => {
          const at = coordinatesOf(mesh, rank).pipeline;
          const [stage, own] = [stages[at]!, sharded[at]!];
          const program = own.rank(rank).graph;
          const arrays = async (names: readonly string[], wholeOf: (name: string) => Float64Array) => {
            const made: Record<string, DeviceArray> = {};
            for (const name of names) {
              const i = stage.graph.inputs.findIndex(t => t.attributes.name === name);
              made[name] = await arrayOf(partOfValues(wholeOf(name), own.inputs[i]!, mesh, rank), program.inputs[i]!);
            }
            return made;
          };
          const own0 = await arrays(stage.parameters, name => parameterOf(name.slice(2)));
          const batches: Record<string, DeviceArray>[] = [];
          for (let m = 0; m < microBatches; m++)
            batches.push(await arrays(stage.batch, name => (name === "2" ? scale : batchOf(name.slice(2), m))));
          const made = await ranks[rank]!.run({ plan, parameters: own0, batches, collectives });
          // each rank of a stage has the whole sum
          const losses = await Promise.all((made.results.get(0) ?? []).map(a => a.item()));
          if (losses.length > 0) loss = losses.reduce((a, b) => a + b);
          const read = new Map<string, Float64Array>();
          for (const [name, a] of Object.entries(made.gradients)) read.set(name, await a.numbers());
          disposeAll([own0, ...batches, made.gradients].flatMap(of => Object.values(of)).concat([...made.results.values()].flat()));
          return { stage: at, read };
        }),
      );
      const gradients = new Map<string, Float64Array>();
      for (const [n, stage] of stages.entries())
        for (const [i, name] of stage.parameters.entries()) {
          const layout = sharded[n]!.outputs[stage.results.length + stage.sent.length + i]!;
          const parts = found.filter(q => q.stage === n).map(q => q.read.get(name)!);
          const own = joinValues(parts, layout, inner);
          // a tied table is a parameter of both ends
          const before = gradients.get(name.slice(2));
          gradients.set(name.slice(2), before ? before.map((x, at) => x + own[at]!) : own);
        }
      return { loss, gradients };
    },
    dispose: () => {
      for (const r of ranks) r.dispose();
    },
  };
}

/** Loss and gradients through a pipeline of one micro-batch, in the order of the gradient graph. */
export async function pipelineGradients(f: Family, mesh: Mesh): Promise<Float64Array[]> {
  const pipeline = openPipeline(f, mesh, 1);
  const { loss, gradients } = await pipeline.run(
    path => startOf(f, path),
    name => batchValues(f, name, 0),
    gradientScale,
  );
  pipeline.dispose();
  return [Float64Array.of(loss), ...leavesOf(f).map(([path]) => gradients.get(path)!)];
}

/** What a step graph is given beside parameters and state, by the inputs' names. */
const stepInput = (f: Family, optimizer: Optimizer, name: string, step: number): Float64Array => {
  const [argument, ...path] = name.split(".");
  if (argument === "2") return batchValues(f, path[1]!, step, Number(path[0]));
  return Float64Array.of(scalarsOf(optimizer, step)[path.join(".")]!);
};
/** What it starts with: parameters, and zeros as state. */
const stepStart = (f: Family, t: Tensor<"input">): Float64Array =>
  t.attributes.name.startsWith("0.") ? startOf(f, t.attributes.name.slice(2)) : new Float64Array(sizeOf(t.shape));

/** Inputs of a step graph that its outputs behind the loss are the next values of. */
const keptInputs = (f: Family, optimizer: Optimizer): number => leavesOf(f).length + statesOf(f, optimizer).length;

/** Losses of some steps of all ranks' programs. */
export async function rankLosses(
  f: Family,
  optimizer: Optimizer,
  graph: Graph,
  mesh: Mesh,
  steps: number,
  products: Products,
): Promise<number[]> {
  const sharded = shardGraph(graph, { mesh, ...stepShardings(f, optimizer), sequence: sequenceOf(f, mesh) });
  const kept = keptInputs(f, optimizer);
  const found = await Promise.all(
    memoryCollectives(mesh).map(async (port, rank) => {
      const program = sharded.rank(rank);
      const executable = openRankProgram(program, { device, fuse: true, products });
      const partAt = (i: number, whole: Float64Array) =>
        arrayOf(partOfValues(whole, sharded.inputs[i]!, mesh, rank), program.graph.inputs[i]!);
      let held: DeviceArray[] = [];
      for (let i = 0; i < kept; i++) held.push(await partAt(i, stepStart(f, graph.inputs[i]!)));
      const seen: number[] = [];
      for (let step = 1; step <= steps; step++) {
        const given: DeviceArray[] = [];
        for (const [i, t] of graph.inputs.entries())
          if (i >= kept) given.push(await partAt(i, stepInput(f, optimizer, t.attributes.name, step)));
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

/** Loss and gradients, by path, of a step's micro-batches. */
type StepGradients = (
  parameterOf: (path: string) => Float64Array,
  batchOf: (name: string, microBatch: number) => Float64Array,
  scale: Float64Array,
) => Promise<{ readonly loss: number; readonly gradients: Values }>;

/** Losses of some steps whose gradients are made elsewhere; one rank applies them. */
async function appliedLosses(f: Family, optimizer: Optimizer, steps: number, gradientsOf: StepGradients): Promise<number[]> {
  const graph = updateGraph(f, optimizer);
  const update = openRankProgram({ graph }, { device, fuse: true });
  const [port] = memoryCollectives(meshOf({}));
  const [paths, kept] = [leavesOf(f).map(([path]) => path), keptInputs(f, optimizer)];
  let held = graph.inputs.slice(0, kept).map(t => stepStart(f, t));
  const seen: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const scalars = scalarsOf(optimizer, step);
    const made = await gradientsOf(
      path => held[paths.indexOf(path)]!,
      (name, m) => batchValues(f, name, step, m),
      Float64Array.of(scalars.scale!),
    );
    seen.push(made.loss);
    const values = (t: Tensor<"input">, i: number): Float64Array => {
      const [argument, ...path] = t.attributes.name.split(".");
      if (i < kept) return held[i]!;
      return argument === "2" ? made.gradients.get(path.join("."))! : Float64Array.of(scalars[path.join(".")]!);
    };
    const given = await Promise.all(graph.inputs.map((t, i) => arrayOf(values(t, i), t)));
    const next = await update.run(given, port!);
    held = await Promise.all(next.map(a => a.numbers()));
    disposeAll([...given, ...next]);
  }
  update.dispose();
  return seen;
}

/** Losses of some steps through a pipeline of several micro-batches. */
export async function pipelineLosses(f: Family, optimizer: Optimizer, mesh: Mesh, steps: number): Promise<number[]> {
  const pipeline = openPipeline(f, mesh, micro);
  const seen = await appliedLosses(f, optimizer, steps, pipeline.run);
  pipeline.dispose();
  return seen;
}

/** Losses of some steps whose gradients are made by XLA, micro-batch by micro-batch. */
export async function xlaLosses(f: Family, optimizer: Optimizer, mesh: Mesh, steps: number, products: Products): Promise<number[]> {
  const graph = gradientGraph(f);
  const program = await openPartitioned(graph, { mesh, ...gradientShardings(f), products });
  const paths = leavesOf(f).map(([path]) => path);
  const seen = await appliedLosses(f, optimizer, steps, async (parameterOf, batchOf, scale) => {
    const sums: Float64Array[] = [];
    for (let m = 0; m < micro; m++) {
      const valuesOf = ([argument, ...path]: readonly string[]): Float64Array =>
        argument === "0" ? parameterOf(path.join(".")) : argument === "1" ? batchOf(path.join("."), m) : scale;
      const given = graph.inputs.map(t => fromNumbers(valuesOf(t.attributes.name.split(".")), t.dtype));
      for (const [i, x] of numbersOf(await program.run(given), graph).entries()) sums[i] = sums[i]?.map((y, at) => y + x[at]!) ?? x;
    }
    return { loss: sums[0]![0]!, gradients: new Map(paths.map((path, i) => [path, sums[i + 1]!])) };
  });
  program.dispose();
  return seen;
}
