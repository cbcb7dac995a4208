/** project: the application as a library. Composes the modules; the command line, the console and fine-tuning jobs call it. */
export { environmentOf } from "./environment.ts";
export { cliErrors } from "./errors.ts";
export { estimate, estimateLine } from "./estimate.ts";
export { checkKnown, neededByAll, type SharingProject, sharingLine, sharingProjects } from "./gc-projects.ts";
export { dataLinksOf, type Link, lazyDevice, lifeOf, type Made, planLink, runLink, stageNames } from "./life.ts";
export { type LooksReport, looksLines, looksReport } from "./looks.ts";
export { neededBy } from "./needs.ts";
export { ownPackage, packageFolder } from "./package.ts";
export {
  findProject,
  modelNameOf,
  openProjectStore,
  type Project,
  type ProjectConfig,
  parseProject,
  projectFile,
  servedModelsOf,
  withProjectStore,
} from "./project.ts";
export { hasAbandoned, untilStopped } from "./until-stopped.ts";
