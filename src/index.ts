/**
 * Loam from TypeScript or JavaScript: `import { ... } from "loam"`. What a model of one's own needs stands here by name; each room has its own
 * door for the rest: `import { ... } from "loam/tensor"`, `"loam/nn"`, `"loam/text"`, `"loam/train"`, `"loam/store"`, ...
 */
export { LoamError, type Random, random } from "./base/index.ts";
export {
  type ArraysOf,
  attention,
  attentionSpec,
  countParameters,
  crossEntropy,
  type Decoder,
  type DecoderConfig,
  decoderLogits,
  decoderSpec,
  defaultSampling,
  disposeTree,
  embedding,
  feedForward,
  feedForwardSpec,
  gpt2Config,
  initialise,
  linear,
  linearSpec,
  llamaConfig,
  loadModel,
  matrix,
  norm,
  normSpec,
  openSafetensors,
  repeat,
  sampleToken,
  saveTree,
  type TensorsOf,
  table,
} from "./nn/index.ts";
export { type AskOptions, type BaseSelection, type Call, type CallOptions, type ChatOptions, type EvaluateOptions, eventVersion, type OpenProjectOptions, openProject, type Project, type ProjectChat, type ProjectEvent, type ProjectServer, type RunOptions, type RunPlan, type RunReport, type SearchOptions, type SearchReport, type SelectOptions, type ServeOptions, type StudyReport, type StudyRow, type TasksEvaluation, type TasksReport, type TuneOptions, administerGateway, createProject, startGateway } from "./project/index.ts";
export { checkMachine } from "./project/doctor/index.ts";
export * from "./tensor/index.ts";
export { loadTokenizer, type Tokenizer, trainBpe } from "./text/index.ts";
export {
  adamw,
  createTrainer,
  frozen,
  grouped,
  likeParameter,
  muon,
  muonWithAdamw,
  type Optimizer,
  type OwnMetrics,
  openMetrics,
  type ParameterGroup,
  type Rule,
  type StateSpec,
  single,
  type Trainer,
  type TrainerOptions,
} from "./train/index.ts";
