/**
 * How the ranks of a mesh part a model among them: the stages of its loss, over `pipeline`; of a stage, which rank has which part of a matrix, over `tensor`
 * and `sequence`; and who owns a parameter. An owner has the whole of it beside its part, with the optimiser's state, so rules that need whole matrices
 * (Muon) update the same on any mesh, and checkpoints are of whole arrays.
 */
import { type Tree, treePaths } from "../../base/index.ts";
import { checkModelMesh, type ModelConfig, modelStages, type ParameterSpec } from "../../nn/index.ts";
import {
  bytesOf,
  checkMeshFits,
  coordinatesOf,
  cutStages,
  type Graph,
  type Mesh,
  meshOf,
  type PipelineKind,
  type PipelineStage,
  rankAt,
  type ShardedGraph,
  type Sharding,
  type ShardLayout,
  shardGraph,
  shardLayoutOf,
  type Tensor,
  type TensorSpec,
  trace,
} from "../../tensor/index.ts";
import type { BatchArraySpec } from "../batch.ts";
import { trainErrors } from "../errors.ts";
import type { PipelinePart } from "../part.ts";

/** A parameter and where it is. */
export interface SplitParameter {
  readonly path: string;
  readonly spec: ParameterSpec;
  /** Over `inner` of the split. */
  readonly layout: ShardLayout;
  /** Parts over `tensor`; 1 where each rank has all of it. */
  readonly parts: number;
  /** Stages that read it: more than one where it is tied. */
  readonly stages: readonly number[];
  readonly owner: number;
}

/** Shapes of a batch's arrays. */
export type BatchSpecs = Readonly<Record<string, BatchArraySpec>>;
/** A loss over parameters, batch and scale, as trainers have it. */
export type SplitLoss = (parameters: never, batch: never, scale: Tensor, frozen: never) => unknown;

export interface ModelSplit {
  readonly mesh: Mesh;
  /** The ranks that compute one stage of one part of the rows. */
  readonly inner: Mesh;
  readonly model: ModelConfig;
  readonly specs: unknown;
  /** Stages of the loss, as many on each rank of the axis pipeline: stage s is on rank s mod ranks. */
  readonly stageCount: number;
  readonly schedule: PipelineKind;
  /**
   * ZeRO-3: a rank goes through all stages with its own rows, and has of a stage's parameters those that it owns, but for the time of its passes. Else it has
   * the parts of its own stage all the time.
   */
  readonly isGathered: boolean;
  /** In the order of the specifications. */
  readonly parameters: readonly SplitParameter[];
}

interface ShardedStage {
  readonly stage: PipelineStage;
  readonly sharded: ShardedGraph;
}

const leavesOf = (specs: unknown) => treePaths<ParameterSpec>(specs as Tree<ParameterSpec>);
const shardingOf = ({ split }: ParameterSpec): Sharding => (split ? { split } : {});

/** The stage of a parameter: blocks of further tokens stand behind the last block. */
function stageOfPath(model: ModelConfig, stages: number): (path: string) => number {
  const own = modelStages(model, stages);
  return path => (path.startsWith("further.") ? stages - 1 : own(path));
}

function cutLoss({ stageCount, model, specs }: Pick<ModelSplit, "stageCount" | "model" | "specs">, loss: SplitLoss, batch: BatchSpecs) {
  const scalar: TensorSpec = { shape: [], dtype: "f32" };
  const f = (p: never, b: never, scale: Tensor): Tensor => {
    // nothing is frozen
    const made = loss(p, b, scale, {} as never) as Tensor | { readonly measures: unknown };
    if (!("measures" in made)) return made;
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: "the axis data alone with a loss that measures more than itself",
      received: "others",
      hint: "Train on a mesh of data alone.",
    });
  };
  // trees of specifications stand for trees of tensors
  const graph = trace(f as never, specs as never, batch as never, scalar as never) as Graph;
  const stageOf = stageOfPath(model, stageCount);
  return cutStages(graph, {
    stages: stageCount,
    stageOf: name => (name.startsWith("0.") ? stageOf(name.slice(2)) : undefined),
  });
}

/** The place of a stage along the axis pipeline. */
const placeOf = (mesh: Mesh, stage: number): number => stage % mesh.sizes.pipeline;

/** Does a rank compute a stage? */
export const computesStage = ({ mesh }: Pick<ModelSplit, "mesh">, rank: number, stage: number): boolean =>
  coordinatesOf(mesh, rank).pipeline === placeOf(mesh, stage);

/** Largest first, each to the rank with the least so far, among the ranks of its first stage. */
function ownersOf(
  { mesh, isGathered }: Pick<ModelSplit, "mesh" | "isGathered">,
  parameters: readonly Omit<SplitParameter, "owner">[],
): Map<string, number> {
  const held = new Array<number>(mesh.ranks).fill(0);
  const bytes = ({ spec }: Omit<SplitParameter, "owner">) => bytesOf(spec.shape, spec.dtype);
  const owners = new Map<string, number>();
  for (const p of [...parameters].sort((a, b) => bytes(b) - bytes(a) || (a.path < b.path ? -1 : 1))) {
    const able = held.flatMap((n, rank) => (isGathered || computesStage({ mesh }, rank, p.stages[0]!) ? [{ n, rank }] : []));
    const { rank } = able.reduce((a, b) => (b.n < a.n ? b : a));
    owners.set(p.path, rank);
    held[rank]! += bytes(p);
  }
  return owners;
}

interface SplitOptions {
  readonly mesh: Mesh;
  readonly model: ModelConfig;
  readonly specs: unknown;
  readonly loss: SplitLoss;
  readonly batch: BatchSpecs;
  /** Tokens of a row. */
  readonly length: number;
  /** ZeRO-3, on a mesh of data alone: a stage a block. */
  readonly isGathered?: boolean;
  readonly pipeline?: PipelinePart | undefined;
  /** Micro-batches of a step. */
  readonly accumulate: number;
}

/** Blocks of a model, each of which can be a stage. */
const blocksOf = ({ family, config }: ModelConfig): number =>
  family === "encoder-decoder" ? config.encoderLayers + config.decoderLayers : config.layers;

/** Stages that the ranks of a pipeline have together, and their order. Errors: train/mesh. */
function pipelineOf({ mesh, model, pipeline, accumulate }: Pick<SplitOptions, "mesh" | "model" | "pipeline" | "accumulate">) {
  const ranks = mesh.sizes.pipeline;
  const { schedule = "1f1b", stages } = pipeline ?? {};
  const wrong = (key: string, expected: string, received: string, hint: string) =>
    trainErrors.fail("mesh", { place: `train.${key}`, expected, received, hint });
  if (stages !== undefined && schedule !== "interleaved")
    throw wrong("pipeline.stages", "a pipeline with the schedule interleaved", schedule, "Remove stages, or write schedule: interleaved.");
  if (schedule !== "interleaved" || ranks === 1) return { stageCount: ranks, schedule };
  const stageCount = ranks * (stages ?? 2);
  const blocks = blocksOf(model);
  if (stageCount > blocks)
    throw wrong(
      "pipeline.stages",
      `at most ${Math.floor(blocks / ranks)} for ${blocks} blocks on ${ranks} ranks`,
      `${stageCount / ranks}`,
      "Use fewer stages or ranks, or another schedule.",
    );
  if (accumulate % ranks)
    throw wrong(
      "accumulate",
      `a multiple of the ${ranks} ranks of the pipeline with interleaved stages`,
      `${accumulate}`,
      "Change accumulate, or use another schedule.",
    );
  return { stageCount, schedule };
}

/** Errors: tensor/mesh where the mesh does not divide the model or the rows' length; train/mesh for a schedule that the recipe cannot have. */
export function splitModel(o: SplitOptions): ModelSplit {
  const { mesh, model, specs, loss, batch, length, isGathered = false } = o;
  // the stages of gathered parameters go one after another on each rank
  const { stageCount, schedule } = isGathered ? ({ stageCount: blocksOf(model), schedule: "interleaved" } as const) : pipelineOf(o);
  checkModelMesh(meshOf({ ...mesh.sizes, data: 1, sequence: 1 }), model, undefined, "train.mesh");
  checkMeshFits(mesh, [{ name: "train.length", size: length, axis: "sequence" }], "train.mesh");
  const inner = meshOf({ tensor: mesh.sizes.tensor, sequence: mesh.sizes.sequence });
  const { stages } = cutLoss({ stageCount, model, specs }, loss, batch);
  const placed = leavesOf(specs).map(([path, spec]) => ({
    path,
    spec,
    layout: shardLayoutOf(inner, spec.shape, shardingOf(spec), path),
    parts: spec.split ? inner.sizes.tensor : 1,
    stages: stages.flatMap((s, i) => (s.parameters.includes(`0.${path}`) ? [i] : [])),
  }));
  const unread = placed.find(p => p.stages.length === 0);
  if (unread)
    throw trainErrors.fail("mesh", {
      place: "train.mesh",
      expected: "a loss that reads every parameter",
      received: `none that reads ${unread.path}`,
    });
  const owners = ownersOf({ mesh, isGathered }, placed);
  return {
    mesh,
    inner,
    model,
    specs,
    stageCount,
    schedule,
    isGathered,
    parameters: placed.map(p => ({ ...p, owner: owners.get(p.path)! })),
  };
}

/** The programs of a loss's stages, for batches of these shapes. Gradients stay sums over `sequence`. */
export function shardedStages(split: ModelSplit, loss: SplitLoss, batch: BatchSpecs): ShardedStage[] {
  const { mesh, inner, specs } = split;
  const rowed = Object.values(batch).filter(({ shape }) => shape.length === 2);
  const rows = rowed[0]?.shape[0] ?? 1;
  const lengths = [...new Set(rowed.map(({ shape }) => shape[1]!))];
  const axes = mesh.sizes.tensor > 1 ? (["tensor"] as const) : [];
  const parameters = new Map(leavesOf(specs).map(([path, spec]) => [`0.${path}`, shardingOf(spec)]));
  /** States pass between stages as [B, T, C], and batches come as [B, T]: parted by their positions. */
  const passed = ({ shape }: TensorSpec): Sharding =>
    shape.length >= 2 && shape[0] === rows && lengths.includes(shape[1]!) ? { split: { sequence: 1 } } : {};
  return cutLoss(split, loss, batch).stages.map(stage => {
    const inputs = new Map(stage.graph.inputs.map(t => [t.attributes.name, t]));
    const sent = stage.graph.outputs.slice(stage.results.length, stage.results.length + stage.sent.length);
    const sharded = shardGraph(stage.graph, {
      mesh: inner,
      inputs: Object.fromEntries(Array.from(inputs, ([name, t]) => [name, parameters.get(name) ?? passed(t)])),
      outputs: [
        ...stage.results.map(() => ({})),
        ...sent.map(passed),
        ...stage.parameters.map(name => ({ ...parameters.get(name), partial: ["sequence"] as const })),
        ...stage.receivedFloats.map(name => passed(inputs.get(name)!)),
      ],
      sequence: { rows, lengths, axes },
    });
    return { stage, sharded };
  });
}

/** Does a rank have a part of a parameter between steps? */
export const holdsPart = (split: ModelSplit, { stages, owner }: SplitParameter, rank: number): boolean =>
  split.isGathered ? rank === owner : stages.some(stage => computesStage(split, rank, stage));

/** A rank's number among those that share its stage and its rows. */
export function innerRank({ mesh, inner }: ModelSplit, rank: number): number {
  const { tensor, sequence } = coordinatesOf(mesh, rank);
  return rankAt(inner, { pipeline: 0, data: 0, expert: 0, sequence, tensor });
}

/** The rank beside the owner that has a part. */
export const partHolder = ({ mesh }: ModelSplit, { owner, parts }: SplitParameter, part: number): number =>
  parts === 1 ? owner : rankAt(mesh, { ...coordinatesOf(mesh, owner), tensor: part });

/** All ranks that have a part, in order. */
export const partHolders = (split: ModelSplit, p: SplitParameter, part: number): number[] =>
  ranksOf(split.mesh).filter(rank => holdsPart(split, p, rank) && (p.parts === 1 || coordinatesOf(split.mesh, rank).tensor === part));

/** The ranks whose summands make a part's gradient, in order. What each rank of `tensor` has whole, each comes to the same gradient of. */
export const partSummands = (split: ModelSplit, p: SplitParameter, part: number): number[] => {
  const tensor = p.parts === 1 ? coordinatesOf(split.mesh, p.owner).tensor : part;
  return ranksOf(split.mesh).filter(rank => holdsPart(split, p, rank) && coordinatesOf(split.mesh, rank).tensor === tensor);
};

const ranksOf = (mesh: Mesh): number[] => Array.from({ length: mesh.ranks }, (_, rank) => rank);
