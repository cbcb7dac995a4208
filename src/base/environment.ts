/**
 * The environment variables that a command sees. Several commands of one process (a library call, tests) may each have their own, so code reads
 * `environment()` rather than `process.env`. What concerns the process as a whole (machine code, native libraries) still reads `process.env`.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export type Environment = Readonly<Record<string, string | undefined>>;

const current = new AsyncLocalStorage<Environment>();

/** Variables of the command that calls; default: those of the process. */
export const environment = (): Environment => current.getStore() ?? process.env;

/** Runs `work`, and everything that it starts, with these variables. */
export const withEnvironment = <T>(variables: Environment, work: () => T): T => current.run(variables, work);
