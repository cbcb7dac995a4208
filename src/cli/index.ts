/** cli: the command line. Composes the modules; nothing imports it but bin/. */

export { findProject, type ProjectConfig, type ProjectFile, parseProject } from "../project/index.ts";
export { main } from "./main.ts";
export { createOutput, type Output } from "./output.ts";
export { type CliRun, runCli } from "./run-cli.ts";
