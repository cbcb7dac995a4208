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
export { checkMachine } from "./project/doctor/index.ts";
export {
  administerGateway,
  type Call,
  type CallOptions,
  createProject,
  eventVersion,
  openProject,
  type Project,
  type ProjectEvent,
  type ProjectServer,
  startGateway,
} from "./project/index.ts";
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
