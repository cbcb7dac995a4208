/** train: from shards to a model; optimisers, schedules, the loop, checkpoints, logs. */
export { type AdafactorOptions, adafactor } from "./adafactor.ts";
export { adamw8bit } from "./adamw-8bit.ts";
export {
  type AdversarialGradients,
  gradientOnly,
  projectedGradient,
  reversed,
} from "./adversary/adversarial-gradients.ts";
export { type AdversaryOptions, adversaryLoss, adversarySpecs, isOfAdversary } from "./adversary/adversary.ts";
export type { BatchArraySpec, HostBatch } from "./batch.ts";
export { type BatchPlan, batchPlan } from "./batch-plan.ts";
export { type LoadedCheckpoint, latestCheckpoint, saveCheckpoint } from "./checkpoint.ts";
export { packedArrays } from "./decoder-batches.ts";
export { decoderConfigOf } from "./decoder-config.ts";
export { decoderLoss } from "./decoder-training.ts";
export { trainErrors } from "./errors.ts";
export { type LionOptions, lion } from "./lion.ts";
export {
  type BatchSource,
  endsEpoch,
  type LoopOptions,
  type LoopPlace,
  type LoopResult,
  runLoop,
} from "./loop.ts";
export type { KeptValues, ValidationPoint, ValidationScores } from "./loop-position.ts";
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
export { type NoiseEstimate, suggestedRows } from "./noise-scale.ts";
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
  type RowShare,
  rowsOfShare,
  type TokenShards,
} from "./packing.ts";
export { launchHere } from "./parallel/launch-here.ts";
export { meshSize, ranksOfModel, withoutMesh } from "./parallel/mesh.ts";
export { onEveryRank } from "./parallel/on-every-rank.ts";
export { gatherNumbers } from "./parallel/rank-arrays.ts";
export { checkRankTask, type RankTask, rankInput, rankTaskContent, trainRank, writeRankTask } from "./parallel/rank-task.ts";
export type { AdversaryGoal, ComputedPrecision, DebiasMethod } from "./part.ts";
export {
  type AverageOptions,
  count,
  type MeshPart,
  type ModelPart,
  meshPart,
  modelPart,
  type OptimizerKind,
  optimizerKinds,
  type Precision,
  type PretrainRecipe,
  type PretrainRecipeInput,
  precisions,
  recipeSchema,
  type ScheduleKind,
  scheduleKinds,
  type UnlearnMethod,
  type UnlearnRecipe,
  type UnlearnRecipeInput,
  unlearnMethods,
  unlearnSchema,
  type ZeroLevel,
} from "./part.ts";
export { type Accelerator, accelerators } from "./plan/accelerators.ts";
export type { RankBytes } from "./plan/memory-model.ts";
export { type PlannedStep, type PlanRequest, planTraining, type TrainingPlan } from "./plan/plan.ts";
export type { ModelShape, Recompute, StepLayout, StepMethod, StepSecondsByPart } from "./plan/step-model.ts";
export { measureThisMachine } from "./plan/this-machine.ts";
export { type StepTimeline, stepTimeline, type TimelineSpan, timelineSvg, timelineTrace } from "./plan/timeline.ts";
export { type PrecisionChoices, type PrecisionConditions, withPrecisionChoices } from "./precision-choices.ts";
export { type PretrainOptions, type PretrainResult, pretrain, trainerOptions } from "./pretrain.ts";
export { newKey, type PrivateGenerator, privateGenerator } from "./private/generator.ts";
export { type PoissonSampling, type PrivateBatch, poissonBatches, poissonSource } from "./private/poisson-batches.ts";
export { clippedSum, type PrivateGradients } from "./private/private-gradients.ts";
export { type ProfileOptions, profileTraining } from "./profile/profile-training.ts";
export {
  type KernelTime,
  type ProfileSpan,
  type ProgramSpan,
  profileFile,
  readTrainingProfile,
  type TrainingProfile,
} from "./profile/training-profile.ts";
export { type RatePoint, type RateRange, type RateRangeOptions, rateRange } from "./rate-range.ts";
export { keyOptionsOfRecipe, optimizerOf, stepsOf, tokensPerStep, withoutHabits } from "./recipe.ts";
export { type LadderRun, ladderRuns, ladderSizes, tokenShares } from "./scale-ladder.ts";
export { type Schedule, scheduleAt } from "./schedule.ts";
export { type ScheduleFreeOptions, scheduleFree } from "./schedule-free.ts";
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
export { type LaunchRanks, type RankWatch, type TrainSurroundings, trainStage } from "./stage.ts";
export { type StepSeconds, stepSeconds } from "./step-seconds.ts";
export { createTrainer, type MeasuredLoss, type StepReport, type Trainer, type TrainerOptions, type TrainerState } from "./trainer.ts";
export { type TreeProgram, treeProgram } from "./tree-program.ts";
export { type Unlearned, type UnlearnOptions, unlearn } from "./unlearn/unlearn.ts";
