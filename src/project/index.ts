/** project: the application as a library. Composes the modules; the command line, the console and fine-tuning jobs call it. */

export { type Call, type CallOptions, callOf, progressFor, type Watch } from "./call.ts";
export { type CollectedGarbage, type CollectOptions, collectGarbage } from "./collect-garbage.ts";
export { environmentOf } from "./environment.ts";
export { checkFree, nearestHint, projectErrors, wrongArgument } from "./errors.ts";
export { estimateLine } from "./estimate.ts";
export type { EvaluateOptions, TasksEvaluation, TasksReport } from "./evaluations.ts";
export {
  type EventContent,
  eventVersion,
  type LossPoint,
  type ModelEvent,
  type NoteEvent,
  type ProjectEvent,
  type QuantizedEvent,
  type RebuiltEvent,
  type StageEvent,
} from "./events.ts";
export { administerGateway, startGateway } from "./gateway/gateway-calls.ts";
export type { SharingProject } from "./gc-projects.ts";
export { type CheckedKeys, KeyCalls, type ProjectKeys } from "./keys/key-calls.ts";
export { dataLinksOf, link } from "./life.ts";
export { type TraceOptions, traceServed, traceSubject, verifyRecord } from "./lineage.ts";
export { type LooksReport, looksLines, looksReport } from "./looks.ts";
export { type CreateProjectOptions, createProject, type OpenProjectOptions, openProject, Project } from "./open-project.ts";
export { ownPackage, packageFolder } from "./package.ts";
export type { ProjectConfig } from "./part.ts";
export { thisUser } from "./person.ts";
export type { ModelProfile, ProfileModelOptions } from "./profile-model.ts";
export {
  findProject,
  openProjectStore,
  type ProjectFile,
  parseProject,
  projectFile,
  servedModelsOf,
  withProjectStore,
} from "./project-file.ts";
export { type RanLinks, type RunLinksOptions, runLinks } from "./run-links.ts";
export { type RunPlan, type RunReport, runLife } from "./runs.ts";
export { type SearchReport, type StudyReport, type StudyWork, workOnSearch } from "./searches.ts";
export type { BaseCandidate, BaseSelection } from "./selections.ts";
export type { ContextChoice, ContextReason, ServedContext } from "./serving/default-context.ts";
export type { ProjectServer } from "./serving/serve-options.ts";
export type * from "./types.ts";
export { untilStopped } from "./until-stopped.ts";
export { type Workplace, Workspace } from "./workspace.ts";
export { type WrittenDashboards, writeDashboards } from "./write-dashboards.ts";
