/** project: the application as a library. Composes the modules; the command line, the console and fine-tuning jobs call it. */

export { type Call, type CallOptions, callOf, type Watch } from "./call.ts";
export { environmentOf } from "./environment.ts";
export { cliErrors } from "./errors.ts";
export { estimate, estimateLine } from "./estimate.ts";
export type { ProgressTold, ProjectEvent, StageTold, WarningTold } from "./events.ts";
export { checkKnown, neededByAll, type SharingProject, sharingLine, sharingProjects } from "./gc-projects.ts";
export { dataLinksOf, type Link, lazyDevice, lifeOf, type Made, planLink, runLink, stageNames } from "./life.ts";
export { type LooksReport, looksLines, looksReport } from "./looks.ts";
export { neededBy } from "./needs.ts";
export { openProject, Project } from "./open-project.ts";
export { ownPackage, packageFolder } from "./package.ts";
export type { ProjectConfig } from "./part.ts";
export {
  findProject,
  modelNameOf,
  openProjectStore,
  type ProjectFile,
  parseProject,
  projectFile,
  servedModelsOf,
  withProjectStore,
} from "./project-file.ts";
export { hasAbandoned, untilStopped } from "./until-stopped.ts";
