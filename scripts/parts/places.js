/** Where things are in a clone. */
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
