/** A new project's files. */
export { type WrittenProject, writeProject } from "./write-project.ts";
