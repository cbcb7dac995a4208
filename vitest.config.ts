import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/sequencer.ts";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** `loam` and `loam/<room>` name the source itself, so examples run in tests exactly as a user writes them. */
const alias = [
  { find: /^loam$/, replacement: source("./src/index.ts") },
  { find: /^loam\/([a-z]+)$/, replacement: `${source("./src")}/$1/index.ts` },
  { find: /^fast-check$/, replacement: source("./test/laws.ts") },
];

/**
 * Every core has a worker, where Vitest would leave one free: nobody edits while tests run, and on two cores it halves the wait. End-to-end tests wait for
 * servers and processes a good part of their time: one worker more. Projects do not see the command line's own number, so it is left to it.
 */
const isLife = process.argv.includes("life");
const workers = process.argv.some(a => a.startsWith("--maxWorkers")) ? {} : { maxWorkers: availableParallelism() + (isLife ? 1 : 0) };

/** End-to-end tests that replace a module (`vi.mock`) or keep native memory of their own: a process a file. */
const alone = ["src/gateway/identity/same-work.life.test.ts", "test/tuning-kind.test.ts"];
const life = {
  // These end what hangs; they judge no speed, so a machine with ten times its work passes.
  testTimeout: 600_000,
  hookTimeout: 600_000,
  globalSetup: ["test/support/global-setup.ts"],
  // The built command line is loaded by Node itself, as bin/loam.js loads it.
  server: { deps: { external: [/\/dist\/src\//] } },
};

export default defineConfig({
  resolve: { alias },
  test: {
    // Native code (ONNX Runtime through FFI) wants whole processes, not worker threads: a crash then names its file.
    pool: "forks",
    ...workers,
    sequence: { sequencer: LongestFirst },
    // What comes in its time is waited for on a busy machine, too.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      // The files that a worker runs share its modules, which saves loading the code 400 times: files that replace a module belong to `life-alone`.
      {
        extends: true,
        test: {
          name: "unit",
          isolate: false,
          include: ["src/**/*.test.ts", "console/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "**/*.life.test.ts"],
          // These end what hangs; they judge no speed. At a load of 50 on two cores a test of two seconds takes a minute.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          ...life,
          name: "life",
          isolate: false,
          include: ["test/**/*.test.ts", "src/**/*.life.test.ts"],
          exclude: [...configDefaults.exclude, ...alone],
        },
      },
      { extends: true, test: { ...life, name: "life-alone", include: alone } },
    ],
  },
});
