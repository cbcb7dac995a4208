/** Programs over many ranks: meshes, layouts, and the passes that make a program of one rank those of many. */
export { memoryCollectives, type RankCollectives, type ReducedNumbers } from "./collectives.ts";
export { type CutGraph, cutGraph, type GraphStep, type PassedValue } from "./cut-graph.ts";
export { evaluateRanks, type RankEvaluation } from "./evaluate-ranks.ts";
export { keepStages, type StageKeepOptions } from "./keep-stages.ts";
export { localShape, type Sharding, type ShardLayout, shardLayoutOf } from "./layout.ts";
export {
  checkMeshFits,
  coordinatesOf,
  groupsAlong,
  type Mesh,
  type MeshAxis,
  type MeshCoordinates,
  type MeshNeed,
  type MeshSizes,
  meshAxes,
  meshGroupOf,
  meshOf,
  rankAt,
  showMesh,
} from "./mesh.ts";
export {
  type PipelineAction,
  type PipelineKind,
  type PipelineOptions,
  type PipelinePlan,
  pipelineKinds,
  pipelineSchedule,
} from "./pipeline-schedule.ts";
export { balancedStages, cutStages, type PipelineStage, type PipelineStages, stagePasses } from "./pipeline-stages.ts";
export type { ShardedCollective } from "./rank-builder.ts";
export { openPartitioned, type PartitionedProgram, type PartitionOptions } from "./run-partitioned.ts";
export {
  type OwnStage,
  openPipelineRank,
  type PipelineRank,
  type PipelineRankOptions,
  type PipelineResult,
  type StageParameters,
} from "./run-pipeline.ts";
export { openRankProgram, type RankExecutable, type RankProgramOptions } from "./run-sharded.ts";
export { type RankProgram, type ShardedGraph, type ShardOptions, type ShardReport, shardGraph, sumCollectives } from "./shard-graph.ts";
export { joinValues, partOfValues, splitValues } from "./shard-values.ts";
