/**
 * Runs in the process of the tests, before each file: says which mutants the file reaches and what it costs, or makes a mutant the program, and ends the
 * process when a mutant hangs. Time is the processor's, so a busy machine changes nothing: a mutant that computes for ever spends it, and one that
 * waits for ever spends none.
 */
import { appendFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeEach, expect } from "vitest";

/** `{ report, file, limits? }`; without limits the run measures the tests without a mutant. */
const plan = JSON.parse(process.env.LOAM_MUTATE);
const report = line => appendFileSync(plan.report, `${JSON.stringify(line)}\n`);
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const placesIn = seen => [...seen.keys()].filter(id => seen[id]);

/** A thread of its own sees a loop that never yields. It ends the process by force: nothing else would stop native code. */
const watcher = `
const { parentPort, workerData: { report, limits: { idleMs, memoryBytes } } } = require("node:worker_threads");
const { appendFileSync } = require("node:fs");
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const end = ended => { appendFileSync(report, JSON.stringify({ ended }) + "\\n"); process.kill(process.pid, "SIGKILL"); };
let endMs = Number.POSITIVE_INFINITY;
let last = { at: performance.now(), cpu: cpuMs() };
parentPort.on("message", limitMs => {
  last = { at: performance.now(), cpu: cpuMs() };
  endMs = last.cpu + limitMs;
});
setInterval(() => {
  const now = { at: performance.now(), cpu: cpuMs() };
  if (now.cpu > endMs) end("processor time");
  else if (process.memoryUsage.rss() > memoryBytes) end("memory");
  // Less than a hundredth of a core, this watcher included, is waiting.
  else if (now.at - last.at > idleMs) {
    if (now.cpu - last.cpu < idleMs / 100) end("idle time");
    last = now;
  }
}, 250);`;

/** What the text with mutants asks: `id` is the mutant that is the program, -1 none; `seen` takes note of the places that run. */
globalThis.__loamMutant ??= {
  id: -1,
  seen: new Uint8Array(2 ** 16),
  loading: [],
  loaded() {
    this.loading = [...new Set([...this.loading, ...placesIn(this.seen)])];
    this.seen.fill(0);
  },
};
const mutant = globalThis.__loamMutant;

/** Every module that imports the file, over any number of others, is evaluated anew; the others, with what they have opened, stay. */
function forget(file) {
  const modules = globalThis.__vitest_worker__.evaluatedModules;
  const seen = new Set();
  const visit = node => {
    if (!node || seen.has(node)) return;
    seen.add(node);
    for (const importer of node.importers) visit(modules.getModuleById(importer));
    node.promise = undefined;
    node.exports = undefined;
    node.evaluated = false;
  };
  for (const node of modules.getModulesByFile(file) ?? []) visit(node);
}

/** The file of one mutant: its tests run with it, until one fails. */
globalThis.__loamCheck = async ({ id, tests, limitMs }) => {
  if (!globalThis.__loamWatcher) {
    globalThis.__loamWatcher = new Worker(watcher, { eval: true, workerData: plan });
    globalThis.__loamWatcher.unref();
  }
  report({ began: id });
  globalThis.__loamWatcher.postMessage(limitMs);
  let hasFailed = false;
  beforeEach(context => {
    if (hasFailed) context.skip();
  });
  afterEach(({ task }) => {
    hasFailed ||= task.result?.state === "fail";
  });
  afterAll(() => {
    mutant.id = -1;
    globalThis.__loamWatcher.postMessage(Number.POSITIVE_INFINITY);
    report({ finished: id });
  });
  forget(plan.file);
  mutant.id = id;
  for (const test of tests) await import(/* @vite-ignore */ test);
};

if (!plan.limits) {
  mutant.seen.fill(0);
  const began = cpuMs();
  let loaded;
  beforeEach(() => {
    loaded ??= cpuMs();
  });
  afterAll(() => {
    const now = cpuMs();
    const { testPath } = expect.getState();
    report({
      file: testPath,
      loadMs: (loaded ?? now) - began,
      testsMs: now - (loaded ?? now),
      loading: mutant.loading,
      running: placesIn(mutant.seen),
    });
  });
}
