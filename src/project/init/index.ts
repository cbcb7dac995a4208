/** A new project's files. */
export { linkPackage } from "./link.ts";
export { projectFiles } from "./project-files.ts";
