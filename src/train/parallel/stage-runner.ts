/** The stages of a rank on its device: micro-batches go through them, and come out as losses and gradients of the rank's parts. */
import { defined } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import {
  coordinatesOf,
  type Device,
  type DeviceArray,
  type KeptReport,
  keepStages,
  localShape,
  type OwnStage,
  openPipelineRank,
  type PipelinePlan,
  type PipelineRank,
  type PipelineStage,
  partOfValues,
  pipelineSchedule,
  rankAt,
  type ShardLayout,
  type TypedArray,
} from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import type { ComputedPrecision } from "../part.ts";
import { arraySums, gatheredParameters } from "./gathered-parameters.ts";
import { gradientNorm } from "./group-answers.ts";
import { joinedArrays } from "./joined-arrays.ts";
import { meshCollectives } from "./mesh-collectives.ts";
import { openMicroBatchNorm } from "./micro-batch-norms.ts";
import { type BatchSpecs, computesStage, innerRank, type ModelSplit, type SplitLoss, shardedStages } from "./model-split.ts";

type Arrays = Readonly<Record<string, DeviceArray>>;

interface StageRunnerOptions {
  readonly device: Device;
  readonly split: ModelSplit;
  readonly group: ProcessGroup;
  readonly loss: SplitLoss;
  readonly batch: BatchSpecs;
  readonly precision?: ComputedPrecision | undefined;
  /** The loss alone is wanted. */
  readonly isForward?: boolean;
  readonly onNative?: (ms: number) => void;
  /** Most micro-batches of a step (default 1), which tell how many wait for backward passes at once. */
  readonly microBatches?: number;
  /** Most memory for activations; absent: as much as they take. */
  readonly budgetBytes?: number;
  /** Micro-batches go through the stages one by one, and the norms of their gradients are told. */
  readonly measureNoise?: boolean | undefined;
}

interface StageSums {
  readonly losses: readonly number[];
  readonly gradients: Arrays;
  /** With `measureNoise`: this rank's part of the squared norm of each micro-batch's own gradient. */
  readonly own: readonly number[];
  /** Most bytes that waited for backward passes at once. */
  readonly waitingBytes: number;
  /** With gathered parameters: those whose gradient was no number on this rank before it went to its owner. */
  readonly notFinite: readonly string[];
}

interface StageRunner {
  /**
   * Takes micro-batches through the rank's stage. `parameters` are its parts by path. Losses are known to ranks of the last stage, and are empty on others;
   * gradients are sums over the micro-batches, by path, the caller's. Every rank of the split runs as many micro-batches of the same shapes.
   */
  run(parameters: Arrays, batches: readonly Pick<HostBatch, "arrays" | "shapes">[], scale: number): Promise<StageSums>;
  /** Builds the stages for batches of the usual shapes. Errors: tensor/memory. */
  prepare(): void;
  /** How activations of the usual shapes are kept, where some are narrowed or recomputed. */
  kept(): KeptReport | undefined;
  dispose(): void;
}

/** What a rank computes batches of one set of shapes with. */
interface OpenStage {
  /** The rank's stages by their numbers. */
  readonly stages: ReadonlyMap<number, PipelineStage>;
  readonly rank: PipelineRank;
  /** Of a batch's arrays, by their names in the program. */
  readonly layouts: ReadonlyMap<string, ShardLayout>;
  readonly kept: KeptReport | undefined;
}

/** In which order ranks take micro-batches through their stages. A few that interleaved stages cannot be for, evaluated ones or the last of a ramp, go all at once. */
function planOf({ mesh, stageCount, schedule }: ModelSplit, microBatches: number): PipelinePlan {
  const ranks = mesh.sizes.pipeline;
  const kind = schedule === "interleaved" && microBatches % ranks ? "gpipe" : schedule;
  return pipelineSchedule(kind, { ranks, microBatches, chunks: stageCount / ranks });
}

/** The stages in the forms that the options ask for, which is as they are for float32 without a limit. */
function keptStages(o: StageRunnerOptions, place: number, stages: ReadonlyMap<number, OwnStage>) {
  const { device, split, precision, budgetBytes, microBatches = 1, isForward } = o;
  const isNarrowed = precision !== undefined && precision !== "f32";
  if (isForward || !(isNarrowed || budgetBytes !== undefined)) return { stages, report: undefined };
  // what is gathered goes micro-batch by micro-batch
  const plan = planOf(split, split.isGathered ? 1 : microBatches);
  const keep = { plan, storage: precision, budgetBytes };
  return keepStages({ device, place, stages, fuse: true, ...defined({ products: precision }) }, keep);
}

const disposeAll = (arrays: Arrays): void => {
  for (const a of Object.values(arrays)) a.dispose();
};

const pathOf = (name: string): string => name.slice(2);

/** The rank's stages, compiled for each set of shapes when batches of them come first. */
function openedStages(o: StageRunnerOptions) {
  const { device, split, group } = o;
  const at = coordinatesOf(split.mesh, group.rank);
  const inner = innerRank(split, group.rank);
  const opened = new Map<string, OpenStage>();

  function open(key: string, shapes: HostBatch["shapes"]): OpenStage {
    const known = opened.get(key);
    if (known) return known;
    const batch = Object.fromEntries(Object.entries(o.batch).map(([name, s]) => [name, { ...s, shape: shapes?.[name] ?? s.shape }]));
    const own = Array.from(shardedStages(split, o.loss, batch).entries()).filter(([n]) => computesStage(split, group.rank, n));
    const graphs = own.map(([n, { stage, sharded }]) => [n, { stage, graph: sharded.rank(inner).graph }] as const);
    const { stages: forms, report } = keptStages(o, at.pipeline, new Map(graphs));
    const rank = openPipelineRank({
      device,
      place: at.pipeline,
      stages: forms,
      rankAt: pipeline => rankAt(split.mesh, { ...at, pipeline }),
      fuse: true,
      ...defined({ products: o.precision, isForward: o.isForward, onNative: o.onNative }),
    });
    const layouts = own.flatMap(([, { stage, sharded }]) =>
      stage.graph.inputs.map((t, i) => [t.attributes.name, sharded.inputs[i]!] as const),
    );
    const made = { stages: new Map(own.map(([n, { stage }]) => [n, stage])), rank, layouts: new Map(layouts), kept: report };
    opened.set(key, made);
    return made;
  }

  async function arraysOf({ stages, layouts }: OpenStage, { arrays }: Pick<HostBatch, "arrays">, scale: number): Promise<Arrays> {
    const made: Record<string, DeviceArray> = {};
    for (const name of new Set([...stages.values()].flatMap(s => s.batch))) {
      const layout = layouts.get(name)!;
      const whole: TypedArray = name === "2" ? Float32Array.of(scale) : arrays[pathOf(name)]!;
      const dtype = name === "2" ? "f32" : o.batch[pathOf(name)]!.dtype;
      made[name] = await device.array(partOfValues(whole, layout, split.inner, inner), dtype, localShape(layout, split.inner));
    }
    return made;
  }

  return {
    open,
    arraysOf,
    dispose() {
      for (const { rank } of opened.values()) rank.dispose();
    },
  };
}

/** Micro-batches that go through the stages in one plan, and what they are computed with. */
function planned(
  open: OpenStage,
  parameters: Arrays,
  microBatches: number,
  given: Omit<Parameters<typeof gatheredParameters>[0], "stages" | "owned">,
) {
  const plan = planOf(given.split, microBatches);
  if (given.split.isGathered) {
    const gathered = gatheredParameters({ ...given, stages: open.stages, owned: parameters });
    return { plan, parameters: gathered, gathered };
  }
  const names = [...open.stages.values()].flatMap(s => s.parameters);
  return { plan, parameters: Object.fromEntries(names.map(name => [name, parameters[pathOf(name)]!])) };
}

/** Every rank of the group opens its own. */
export async function openStageRunner(o: StageRunnerOptions): Promise<StageRunner> {
  const { device, split, group } = o;
  const collectives = await meshCollectives(group, split.mesh);
  const stages = openedStages(o);
  const sums = arraySums(device);
  const norm = gradientNorm(device, group);
  const ownNorm = o.measureNoise && !split.isGathered ? await openMicroBatchNorm({ device, group, split, norm }) : undefined;
  const taken = { device, split, group, joined: joinedArrays(group), sums, norm, measureNoise: o.measureNoise };

  async function runAlike(open: OpenStage, parameters: Arrays, batches: readonly Pick<HostBatch, "arrays">[], scale: number) {
    const arrays: Arrays[] = [];
    try {
      for (const b of batches) arrays.push(await stages.arraysOf(open, b, scale));
      const { gathered, ...given } = planned(open, parameters, batches.length, taken);
      const made = await open.rank.run({ ...given, batches: arrays, collectives });
      const losses: number[] = [];
      for (const array of made.results.get(0) ?? []) losses.push(await array.item());
      for (const array of [...made.results.values()].flat()) array.dispose();
      const own = Object.fromEntries(Object.entries(made.gradients).map(([name, a]) => [pathOf(name), a]));
      const squared = await (gathered?.squared() ?? ownNorm?.(own));
      return {
        losses,
        gradients: gathered?.gradients() ?? own,
        own: squared === undefined ? [] : [squared],
        notFinite: gathered?.notFinite() ?? [],
        waitingBytes: made.waitingBytes,
      };
    } finally {
      for (const own of arrays) disposeAll(own);
    }
  }

  async function run(parameters: Arrays, batches: readonly Pick<HostBatch, "arrays" | "shapes">[], scale: number) {
    const keys = batches.map(b => JSON.stringify(b.shapes ?? {}));
    // what is gathered is let go after each micro-batch, with its activations
    const isAlone = split.isGathered || o.measureNoise === true;
    const losses: number[] = [];
    const own: number[] = [];
    const notFinite = new Set<string>();
    let waitingBytes = 0;
    let gradients: Record<string, DeviceArray> | undefined;
    for (let from = 0, to = 0; from < batches.length; from = to) {
      while (to < batches.length && keys[to] === keys[from] && !(isAlone && to > from)) to++;
      const made = await runAlike(stages.open(keys[from]!, batches[from]!.shapes), parameters, batches.slice(from, to), scale);
      losses.push(...made.losses);
      own.push(...made.own);
      waitingBytes = Math.max(waitingBytes, made.waitingBytes);
      for (const path of made.notFinite) notFinite.add(path);
      // a rank may own nothing
      if (!gradients || Object.keys(gradients).length === 0) gradients = made.gradients;
      else {
        gradients = await sums.with({}, gradients, made.gradients);
        disposeAll(made.gradients);
      }
    }
    return { losses, gradients: gradients ?? {}, own, notFinite: [...notFinite], waitingBytes };
  }

  const usual = () => stages.open(JSON.stringify({}), undefined);
  return {
    run,
    prepare: () => void usual(),
    kept: () => usual().kept,
    dispose() {
      stages.dispose();
      sums.dispose();
      norm.dispose();
    },
  };
}
