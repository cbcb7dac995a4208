/** serve: the inference engine of a model (queue, slots, scheduler) and its HTTP contracts. */
export { AdapterShelf, type ShelvedAdapter } from "./adapters/shelf.ts";
export type { AuthorizedRequest, AuthorizeRequest, ModelName, ModelUse, RouteEndpoint } from "./authorization.ts";
export { deadlineOver } from "./cancellation.ts";
export type {
  ConsoleDataSet,
  ConsoleEvaluation,
  ConsoleGraph,
  ConsoleMetricPoint,
  ConsoleModel,
  ConsoleRun,
  ConsoleSource,
  RecordRevisions,
  ServedMachine,
} from "./console-source.ts";
export { classifierPrograms } from "./embedding/classifier-program.ts";
export {
  createEmbeddingEngine,
  EmbeddingEngine,
  type EmbeddingEngineOptions,
  type EmbeddingState,
  type EmbeddingStats,
} from "./embedding/embedding-engine.ts";
export { type EncoderProgram, type EncoderProgramOptions, encoderPrograms, openEncoderProgram } from "./embedding/encoder-program.ts";
export { type BatchRoom, embeddingBatches } from "./embedding/pack.ts";
export { rowWidth, rowWidths } from "./embedding/row-widths.ts";
export {
  type ServedClassifier,
  type ServedEncoder,
  type ServedEncoderParts,
  type ServedReader,
  servedClassifier,
  servedEncoder,
  withPooling,
} from "./embedding/served-encoder.ts";
export { textTokens } from "./embedding/text-tokens.ts";
export { createEngine, type Engine, type EngineOptions, type EngineState, type EngineStats, type Generation } from "./engine.ts";
export { EngineHistory, type HistoryPoint } from "./engine-history.ts";
export { type AnyEngine, Engines } from "./engines.ts";
export { serveErrors } from "./errors.ts";
export type { EndEvent, GeneratedToken, GenerationEvent, GenerationRequest, TextEvent, Usage } from "./generation.ts";
export { type GrpcListening, listenGrpc } from "./grpc/listen-grpc.ts";
export { type App, type AppOptions, createApp } from "./http/app.ts";
export { type AskedClassifier, askClassifier } from "./http/asked-classifier.ts";
export { classifyTexts } from "./http/classify-texts.ts";
export { consoleLocation } from "./http/console-paths.ts";
export type { FineTuning, FineTuningRequest, KeepFile } from "./http/fine-tuning/port.ts";
export type { AllowedHosts } from "./http/hosts.ts";
export { tells } from "./http/models.ts";
export { moderateTexts } from "./http/moderations.ts";
export { type Caller, callerBehindGateway } from "./http/owner.ts";
export type { LabelGiven, LabelSource } from "./label-source.ts";
export { Fleet } from "./lifecycle/fleet.ts";
export type { FleetChange, FleetOptions } from "./lifecycle/fleet-options.ts";
export { giveMemoryBack } from "./lifecycle/give-memory-back.ts";
export { keepAliveMs } from "./lifecycle/keep-alive.ts";
export { pointedAt, type RulesData } from "./lifecycle/labels.ts";
export type { VersionInfo } from "./lifecycle/members.ts";
export { type VersionPolicy, wantedVersions } from "./lifecycle/policy.ts";
export type { OpenVersion, VersionSource } from "./lifecycle/version-source.ts";
export { Visit } from "./lifecycle/visit.ts";
export { limits as serveLimits } from "./limits.ts";
export { type DrainOptions, type Listening, type ListenOptions, listen, withoutPort } from "./listen.ts";
export type { ServedRequestRecord } from "./metrics.ts";
export type { EngineObserver, Observed, RequestOutcome } from "./observer.ts";
export { type OptionalEndpoint, optionalEndpoints } from "./optional-endpoints.ts";
export { type Pooling, poolings } from "./poolings.ts";
export { type Draft, openProgram, type Program, type ProgramOptions } from "./program.ts";
export {
  type EndedAnswer,
  type EndedReading,
  type EndedResponse,
  eachObserver,
  type ResponseObserver,
  type ResponseOutcome,
} from "./response-observer.ts";
export type { RunTableSource } from "./run-table-source.ts";
export { planStep, type SchedulerLimits, type SchedulerView, type StepPlan } from "./scheduler.ts";
export {
  type DecoderForm,
  type FormCost,
  type LoadedModel,
  type ServedChatTemplate,
  type ServedChatTurn,
  type ServedModel,
  type ServedModelParts,
  type ServedTokenizer,
  servedModel,
} from "./served-model.ts";
export type { SpanGuard } from "./span-guard.ts";
export { openTelemetry, openTracing } from "./tracing/open-tracing.ts";
export type { ServedRequestTrace, ServedTracedRequest, TracedEnd, TracedOperation, Tracing } from "./tracing/tracing.ts";
export type { WatchSource } from "./watch-source.ts";
