import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** `loam` and `loam/<room>` name the source itself, so examples run in tests exactly as a user writes them. */
const alias = [
  { find: /^loam$/, replacement: source("./src/index.ts") },
  { find: /^loam\/([a-z]+)$/, replacement: `${source("./src")}/$1/index.ts` },
  { find: /^fast-check$/, replacement: source("./test/laws.ts") },
];

export default defineConfig({
  resolve: { alias },
  test: {
    // Native code (ONNX Runtime through FFI) wants whole processes, not worker threads: a crash then names its file.
    pool: "forks",
    projects: [
      // every core has a worker, where Vitest would leave one free: nobody edits while tests run, and on two cores it halves the wait
      {
        extends: true,
        test: {
          name: "unit",
          maxWorkers: "100%",
          include: ["src/**/*.test.ts", "console/**/*.test.ts"],
          exclude: ["**/*.life.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: { name: "life", include: ["test/**/*.test.ts", "src/**/*.life.test.ts"], testTimeout: 300_000, hookTimeout: 120_000 },
      },
    ],
  },
});
