/** serve: the inference engine of a model (queue, slots, scheduler) and its HTTP contracts. */
export type {
  ConsoleDataSet,
  ConsoleEvaluation,
  ConsoleGraph,
  ConsoleModel,
  ConsoleRun,
  ConsoleSource,
  Machine,
  MetricPoint,
} from "./console-source.ts";
export { createEngine, Engine, type EngineOptions, type EngineState, type EngineStats, type Generation } from "./engine.ts";
export { EngineHistory, type HistoryPoint } from "./engine-history.ts";
export { Engines } from "./engines.ts";
export { serveErrors } from "./errors.ts";
export { type App, type AppOptions, createApp } from "./http/app.ts";
export type { AllowedHosts } from "./http/hosts.ts";
export { limits as serveLimits } from "./limits.ts";
export { type DrainOptions, type Listening, type ListenOptions, listen } from "./listen.ts";
export type { RequestRecord } from "./metrics.ts";
export type { EngineObserver, Outcome } from "./observer.ts";
export { openProgram, type Program } from "./program.ts";
export { decide, type Plan, type SchedulerLimits, type SchedulerView } from "./scheduler.ts";
export type { EndEvent, GeneratedToken, GenerationEvent, GenerationRequest, TextEvent, Usage } from "./sequence.ts";
export {
  type ChatTurn,
  type LoadedModel,
  type ServedChatTemplate,
  type ServedModel,
  type ServedModelParts,
  type ServedTokenizer,
  servedModel,
} from "./served-model.ts";
