/** A new project's files. */
export { type LookedProject, lookedYaml } from "./looked-yaml.ts";
export { type TemplateName, templateNames, templateSummaries } from "./project-files.ts";
export { checkNewProject, writeProject } from "./write-project.ts";
