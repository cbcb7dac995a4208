/** The stages of a rank on its device: micro-batches go through them, and come out as losses and gradients of the rank's parts. */
import { defined } from "../../base/index.ts";
import {
  add,
  coordinatesOf,
  type Device,
  type DeviceArray,
  localShape,
  openPipelineRank,
  type PipelineRank,
  type PipelineStage,
  partOfValues,
  pipelineSchedule,
  type RankCollectives,
  rankAt,
  type ShardLayout,
  type Tensor,
  type TypedArray,
} from "../../tensor/index.ts";
import type { HostBatch } from "../batch.ts";
import type { ComputedPrecision } from "../part.ts";
import { treeProgram } from "../tree-program.ts";
import { type BatchSpecs, innerRank, type ModelSplit, type SplitLoss, shardedStages } from "./model-split.ts";

type Arrays = Readonly<Record<string, DeviceArray>>;

export interface StageRunnerOptions {
  readonly device: Device;
  readonly split: ModelSplit;
  readonly rank: number;
  readonly collectives: RankCollectives;
  readonly loss: SplitLoss;
  readonly batch: BatchSpecs;
  readonly precision?: ComputedPrecision | undefined;
  /** The loss alone is wanted. */
  readonly isForward?: boolean;
  readonly onNative?: (ms: number) => void;
}

export interface StageRunner {
  /**
   * Takes micro-batches through the rank's stage. `parameters` are its parts by path. Losses are known to ranks of the last stage, and are empty on others;
   * gradients are sums over the micro-batches, by path, the caller's. Every rank of the split runs as many micro-batches of the same shapes.
   */
  run(
    parameters: Arrays,
    batches: readonly Pick<HostBatch, "arrays" | "shapes">[],
    scale: number,
  ): Promise<{ readonly losses: readonly number[]; readonly gradients: Arrays }>;
  dispose(): void;
}

/** What a rank computes batches of one set of shapes with. */
interface OpenStage {
  readonly stage: PipelineStage;
  readonly rank: PipelineRank;
  /** Of a batch's arrays, by their names in the program. */
  readonly layouts: ReadonlyMap<string, ShardLayout>;
}

const disposeAll = (arrays: Arrays): void => {
  for (const a of Object.values(arrays)) a.dispose();
};

const pathOf = (name: string): string => name.slice(2);

export function openStageRunner(o: StageRunnerOptions): StageRunner {
  const { device, split, collectives } = o;
  const at = coordinatesOf(split.mesh, o.rank);
  const inner = innerRank(split, o.rank);
  const opened = new Map<string, OpenStage>();
  const sum = treeProgram<Record<string, DeviceArray>>(
    (sofar: Record<string, Tensor>, more: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(sofar).map(([path, x]) => [path, add(x, more[path]!)])),
    { device, donate: [0], name: "gradients" },
  );

  function open(key: string, shapes: HostBatch["shapes"]): OpenStage {
    const known = opened.get(key);
    if (known) return known;
    const batch = Object.fromEntries(Object.entries(o.batch).map(([name, s]) => [name, { ...s, shape: shapes?.[name] ?? s.shape }]));
    const { stage, sharded } = shardedStages(split, o.loss, batch)[at.pipeline]!;
    const { graph } = sharded.rank(inner);
    const rank = openPipelineRank({
      device,
      place: at.pipeline,
      stages: new Map([[at.pipeline, { stage, graph }]]),
      rankAt: pipeline => rankAt(split.mesh, { ...at, pipeline }),
      fuse: true,
      ...defined({ products: o.precision, isForward: o.isForward, onNative: o.onNative }),
    });
    const layouts = new Map(graph.inputs.map((t, i) => [t.attributes.name, sharded.inputs[i]!]));
    const made = { stage, rank, layouts };
    opened.set(key, made);
    return made;
  }

  async function arraysOf({ stage, layouts }: OpenStage, { arrays }: Pick<HostBatch, "arrays">, scale: number): Promise<Arrays> {
    const made: Record<string, DeviceArray> = {};
    for (const name of stage.batch) {
      const layout = layouts.get(name)!;
      const whole: TypedArray = name === "2" ? Float32Array.of(scale) : arrays[pathOf(name)]!;
      const dtype = name === "2" ? "f32" : o.batch[pathOf(name)]!.dtype;
      made[name] = await device.array(partOfValues(whole, layout, split.inner, inner), dtype, localShape(layout, split.inner));
    }
    return made;
  }

  async function runAlike(open: OpenStage, parameters: Arrays, batches: readonly Pick<HostBatch, "arrays">[], scale: number) {
    const given: Arrays[] = [];
    try {
      for (const b of batches) given.push(await arraysOf(open, b, scale));
      const made = await open.rank.run({
        plan: pipelineSchedule("1f1b", { ranks: split.mesh.sizes.pipeline, microBatches: batches.length }),
        parameters: Object.fromEntries(open.stage.parameters.map(name => [name, parameters[pathOf(name)]!])),
        batches: given,
        collectives,
      });
      const losses: number[] = [];
      for (const array of made.results.get(0) ?? []) losses.push(await array.item());
      for (const array of [...made.results.values()].flat()) array.dispose();
      return { losses, gradients: Object.fromEntries(Object.entries(made.gradients).map(([name, a]) => [pathOf(name), a])) };
    } finally {
      for (const arrays of given) disposeAll(arrays);
    }
  }

  async function run(parameters: Arrays, batches: readonly Pick<HostBatch, "arrays" | "shapes">[], scale: number) {
    const keys = batches.map(b => JSON.stringify(b.shapes ?? {}));
    const losses: number[] = [];
    let gradients: Record<string, DeviceArray> | undefined;
    for (let from = 0, to = 0; from < batches.length; from = to) {
      while (to < batches.length && keys[to] === keys[from]) to++;
      const made = await runAlike(open(keys[from]!, batches[from]!.shapes), parameters, batches.slice(from, to), scale);
      losses.push(...made.losses);
      if (!gradients) gradients = made.gradients;
      else {
        gradients = await sum.with({}, gradients, made.gradients);
        disposeAll(made.gradients);
      }
    }
    return { losses, gradients: gradients ?? {} };
  }

  return {
    run,
    dispose() {
      for (const { rank } of opened.values()) rank.dispose();
      sum.dispose();
    },
  };
}
