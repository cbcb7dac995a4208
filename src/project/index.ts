/** project: the application as a library. Composes the modules; the command line, the console and fine-tuning jobs call it. */

export { type Call, type CallOptions, callOf, type Watch } from "./call.ts";
export { environmentOf } from "./environment.ts";
export { projectErrors } from "./errors.ts";
export { estimateLine } from "./estimate.ts";
export type { EvaluateOptions, TasksEvaluation, TasksReport } from "./evaluations.ts";
export { type EventContent, eventVersion, type LossPoint, type ModelTold, type ProjectEvent, type StageTold } from "./events.ts";
export { checkKnown, neededByAll, type SharingProject, sharingLine, sharingProjects } from "./gc-projects.ts";
export { dataLinksOf } from "./life.ts";
export { type LooksReport, looksLines, looksReport } from "./looks.ts";
export { neededBy } from "./needs.ts";
export { type OpenProjectOptions, openProject, Project } from "./open-project.ts";
export { ownPackage, packageFolder } from "./package.ts";
export {
  findProject,
  openProjectStore,
  type ProjectConfig,
  type ProjectFile,
  parseProject,
  projectFile,
  servedModelsOf,
  withProjectStore,
} from "./project-file.ts";
export { runLinks } from "./run-links.ts";
export { type RunOptions, type RunPlan, type RunReport, runLife, type TuneOptions } from "./runs.ts";
export type { SearchOptions, SearchReport, StudyReport, StudyRow } from "./searches.ts";
export type { BaseCandidate, BaseSelection, SelectOptions } from "./selections.ts";
export type { AskOptions, ChatOptions, ProjectChat } from "./serving/chat.ts";
export type { ProjectServer, ServeOptions } from "./serving/serve-options.ts";
export { Workspace } from "./workspace.ts";
