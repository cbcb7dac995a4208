/** A new project's files. */

export { type TemplateName, templateNames, templateSummaries } from "./project-files.ts";
export { type ProposedProject, proposedYaml } from "./proposed-yaml.ts";
export { checkNewProject, writeProject } from "./write-project.ts";
