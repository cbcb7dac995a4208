/** cli: the command line. Composes the rooms; nothing imports it but bin/. */

export { findProject, type Project, type ProjectConfig, parseProject } from "../project/index.ts";
export { main } from "./main.ts";
export { createOutput, type Output } from "./output.ts";
export { type CliRun, runCli } from "./run-cli.ts";
