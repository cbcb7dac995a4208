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
    // What comes in its time is waited for on a busy machine, too.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      // Every core has a worker, where Vitest would leave one free: nobody edits while tests run, and on two cores it halves the wait. The files that
      // a worker runs share its modules, which saves loading the house 400 times: who replaces a module (`vi.mock`) belongs to `life`.
      {
        extends: true,
        test: {
          name: "unit",
          isolate: false,
          maxWorkers: "100%",
          include: ["src/**/*.test.ts", "console/**/*.test.ts"],
          exclude: ["**/*.life.test.ts"],
          // These end what hangs; they judge no speed. At a load of 50 on two cores a test of two seconds takes a minute.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "life",
          maxWorkers: "100%",
          include: ["test/**/*.test.ts", "src/**/*.life.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          // The built command line is loaded by Node itself, as bin/loam.js loads it.
          server: { deps: { external: [/\/dist\/src\//] } },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
