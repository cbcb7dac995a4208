/** train: from shards to a model; optimisers, schedules, the loop, checkpoints, logs. */
export type { BatchArraySpec, HostBatch } from "./batch.ts";
export { type LoadedCheckpoint, latestCheckpoint, saveCheckpoint } from "./checkpoint.ts";
export { decoderConfigOf } from "./decoder-config.ts";
export { trainErrors } from "./errors.ts";
export {
  type BatchSource,
  endsEpoch,
  type KeptValues,
  type LoopOptions,
  type LoopPlace,
  type LoopResult,
  runLoop,
  type ValidationPoint,
  type ValidationScores,
} from "./loop.ts";
export {
  crc32c,
  type MetricLog,
  type MetricPoint,
  metricLine,
  metricsFile,
  openMetricLog,
  readMetrics,
  tensorboardEvent,
  tensorboardHeader,
} from "./metrics.ts";
export {
  type AdamWOptions,
  adamw,
  frozen,
  grouped,
  likeParameter,
  type MuonOptions,
  muon,
  muonWithAdamw,
  type Optimizer,
  optimizerStateShapes,
  orthogonalised,
  type ParameterGroup,
  type Rule,
  type StateSpec,
  type StepScalars,
  single,
  squaredNorm,
  stepScalars,
  updateAll,
} from "./optimizer.ts";
export { type OwnMetrics, openMetrics } from "./own-metrics.ts";
export {
  checkShards,
  documentCount,
  type PackedBatch,
  type Packer,
  type PackingOptions,
  type PackingState,
  packer,
  packingStart,
  type TokenShards,
} from "./packing.ts";
export {
  count,
  type ModelPart,
  modelPart,
  type Precision,
  type PretrainRecipe,
  type PretrainRecipeInput,
  precisions,
  recipeSchema,
  type ScheduleKind,
  scheduleKinds,
} from "./part.ts";
export { decoderLoss, type PretrainOptions, type PretrainResult, pretrain } from "./pretrain.ts";
export { type ProfileOptions, profileTraining } from "./profile/profile-training.ts";
export {
  type KernelTime,
  type ProfileSpan,
  type ProgramSpan,
  profileFile,
  readTrainingProfile,
  type TrainingProfile,
} from "./profile/training-profile.ts";
export { keyOptionsOfRecipe, optimizerOf, stepsOf, tokensPerStep, withoutHabits } from "./recipe.ts";
export { type Schedule, scheduleAt } from "./schedule.ts";
export {
  type CutDocuments,
  documentTokens,
  endOf,
  readShards,
  readTokenizer,
  type ShardSide,
  type Shards,
  shardsStage,
  writeShards,
} from "./shards.ts";
export { type TrainSurroundings, trainStage } from "./stage.ts";
export { createTrainer, type MeasuredLoss, type StepReport, type Trainer, type TrainerOptions, type TrainerState } from "./trainer.ts";
export { type TreeProgram, treeProgram } from "./tree-program.ts";
