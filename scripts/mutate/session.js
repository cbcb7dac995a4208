/**
 * One warm Vitest for all mutants of a file. The text with mutants exists in memory only: a plugin of Vite hands it out where the file is asked for, so
 * nothing on the disk has to be put back, however the check ends. A process of tests tries mutants one after the other; one that hangs takes its
 * process with it, and the next process goes on behind it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfigFromFile } from "vite";
import { BaseSequencer, createVitest } from "vitest/node";

const inside = fileURLToPath(new URL("inside.js", import.meta.url));

/** Vitest's configuration with one of its projects made the whole: a plugin given to `createVitest` reaches no project. */
async function configurationOf(configFile, projectName) {
  const { config } = await loadConfigFromFile({ command: "serve", mode: "test" }, configFile);
  const { projects = [], ...common } = config.test ?? {};
  const project = projects.find(p => p.test?.name === projectName)?.test ?? {};
  return { vite: { ...config, test: undefined }, test: { ...common, ...project } };
}

/** Messages by the file whose tests failed. */
function failuresOf({ testModules, unhandledErrors }) {
  const failures = new Map();
  const add = (file, message) => failures.set(file, [...(failures.get(file) ?? []), message]);
  for (const module of testModules) {
    for (const e of module.errors()) add(module.moduleId, e.message);
    for (const t of module.children.allTests("failed")) add(module.moduleId, `${t.fullName}: ${t.result().errors?.[0]?.message ?? ""}`);
    if (module.state() === "failed" && !failures.has(module.moduleId)) add(module.moduleId, "failed");
  }
  for (const e of unhandledErrors) add(e.VITEST_TEST_PATH ?? "", e.message ?? String(e));
  return failures;
}

/** Opens the session: what `measure` and `check` give stands above them. */
export async function openSession({ file, configFile, project }) {
  const folder = mkdtempSync(join(tmpdir(), "loam-mutate-"));
  const report = join(folder, "report.jsonl");
  let text = readFileSync(file, "utf8");
  let order = new Map();
  const { vite, test } = await configurationOf(configFile, project);
  class Ordered extends BaseSequencer {
    sort(files) {
      return [...files].sort((a, b) => (order.get(a.moduleId) ?? 0) - (order.get(b.moduleId) ?? 0));
    }
  }
  const options = {
    ...test,
    config: false,
    root: dirname(resolve(configFile)),
    watch: false,
    related: [file],
    reporters: [{}],
    maxWorkers: 1,
    isolate: false,
    passWithNoTests: true,
    // A wait is ended by `inside.js`, which reads the processor's time and not the clock.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: [inside],
    sequence: { sequencer: Ordered },
  };
  const vitest = await createVitest("test", options, {
    ...vite,
    configFile: false,
    plugins: [
      ...(vite.plugins ?? []),
      { name: "loam:mutants", enforce: "pre", load: id => (id.split("?")[0] === file ? text : undefined) },
    ],
    server: { ...vite.server, watch: null, fs: { strict: false } },
  });
  const written = process.exitCode;

  async function run(specifications, plan) {
    order = new Map(specifications.map((s, i) => [s.moduleId, i]));
    writeFileSync(report, "");
    process.env.LOAM_MUTATE = JSON.stringify({ report, file, ...plan });
    const result = await vitest.runTestSpecifications(specifications);
    // Vitest counts failed tests for its own exit.
    process.exitCode = written;
    const lines = readFileSync(report, "utf8")
      .split("\n")
      .filter(Boolean)
      .map(line => JSON.parse(line));
    return { lines, failures: failuresOf(result) };
  }

  return {
    /** Test files that import `file`, over any number of files; with `within` only those in that folder. */
    related: within => vitest.getRelevantTestSpecifications(within ? [within] : undefined),

    /** Runs the tests with no mutant: `lines` of what each file reaches and costs, and what failed. */
    async measure(next, specifications) {
      text = next;
      vitest.invalidateFile(file);
      const { lines, failures } = await run(specifications);
      return { lines, failures: [...failures].flatMap(([path, messages]) => messages.map(m => `${path}: ${m}`)) };
    },

    /** The text whose condition for a mutant is `__loam.id`. */
    use(next) {
      text = next;
      vitest.invalidateFile(file);
    },

    /**
     * Tries mutants (`{ id, tests, limitMs }`) one after the other in one process. Gives, by id, why it was detected (`"failed"`, or the limit that it
     * broke) or undefined for one that survived. Ids that are missing were not tried, because a mutant before them ended the process.
     */
    async check(mutants, limits) {
      const files = mutants.map(m => [join(folder, `mutant-${m.id}.test.js`), m]);
      for (const [path, m] of files) writeFileSync(path, `await globalThis.__loamCheck(${JSON.stringify(m)});\n`);
      const { lines, failures } = await run(
        files.map(([path]) => vitest.projects[0].createSpecification(path)),
        { limits },
      );
      for (const [path] of files) vitest.clearSpecificationsCache(path);
      const began = lines.flatMap(l => l.began ?? []);
      const finished = new Set(lines.flatMap(l => l.finished ?? []));
      const ended = lines.find(l => l.ended)?.ended ?? "crash";
      return new Map(
        files
          .filter(([, m]) => began.includes(m.id))
          .map(([path, m]) => [m.id, !finished.has(m.id) && m.id === began.at(-1) ? ended : failures.has(path) ? "failed" : undefined]),
      );
    },

    async close() {
      await vitest.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
