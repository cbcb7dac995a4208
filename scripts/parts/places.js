/** Where things are in a clone. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const inRoot = (...path) => join(root, ...path);
/** Packages' programs as JavaScript files, so that they start the same way on every platform. */
export const programs = {
  tsc: inRoot("node_modules/typescript/bin/tsc"),
  vite: inRoot("node_modules/vite/bin/vite.js"),
  biome: inRoot("node_modules/@biomejs/biome/bin/biome"),
  vitest: inRoot("node_modules/vitest/vitest.mjs"),
};

/**
 * Arguments of tsc: one checker for two cores. Each one reads types that others have read too: on two cores its own four take 1.6 times the processor time
 * and 1.3 times the memory of one, and are not sooner done.
 */
export const checkers = ["--checkers", `${Math.min(4, Math.ceil(availableParallelism() / 2))}`];
