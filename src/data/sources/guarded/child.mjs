/**
 * The process in which foreign files are taken apart: one job at a time, its pieces handed over one by one. Plain JavaScript, because a
 * process of its own cannot be started from TypeScript on Node 20. A thread beside the work watches the memory: what a file unpacks to is
 * outside the engine's heap, so no limit of the engine's holds it; and it ends the process when its parent is gone.
 */
import { Worker } from "node:worker_threads";

/** How often memory is looked at, ms: between two looks a fast decoder makes some 50 MB. */
const watchMs = 25;

const watcher = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => {
    if (process.memoryUsage.rss() > workerData.memoryBytes || process.ppid !== workerData.parent) process.kill(process.pid, "SIGKILL");
  }, ${watchMs});`;

const [kind, memoryBytes] = process.argv.slice(2);
new Worker(watcher, { eval: true, workerData: { memoryBytes: Number(memoryBytes), parent: process.ppid } }).unref();

const { job } = await import(`./${kind}-job.mjs`);

/** @type {Map<number, (bytes: Uint8Array) => void>} */
const reads = new Map();
let numReads = 0;
let goOn = () => {};

const say = message => process.send?.(message);

/** Asked for at once: no message is larger than this. */
const askBytes = 2 ** 23;

const ask = (start, end) =>
  new Promise(resolve => {
    const id = numReads++;
    reads.set(id, resolve);
    say({ read: id, start, end });
  });

/** The file, whose bytes the parent reads: it knows where they are and whether they are still the same. Fewer come where it ends. */
const fileOf = sizeBytes => ({
  sizeBytes,
  async read(start, end) {
    if (end - start <= askBytes) return ask(start, end);
    const all = new Uint8Array(end - start);
    for (let at = start; at < end; at += askBytes) {
      const bytes = await ask(at, Math.min(end, at + askBytes));
      all.set(bytes, at - start);
      if (bytes.length < Math.min(askBytes, end - at)) return all.subarray(0, at - start + bytes.length);
    }
    return all;
  },
});

async function run({ sizeBytes, options }) {
  try {
    for await (const item of job(fileOf(sizeBytes), options)) {
      const next = new Promise(resolve => {
        goOn = resolve;
      });
      say({ item });
      await next;
    }
    say({ end: true, sizeBytes: process.memoryUsage.rss() });
  } catch (error) {
    say({ bad: { reason: error?.reason ?? kind, message: String(error?.message ?? error) }, sizeBytes: process.memoryUsage.rss() });
  }
}

process.on("message", message => {
  if (message.bytes) {
    const resolve = reads.get(message.read);
    reads.delete(message.read);
    resolve?.(message.bytes);
  } else if (message.next) goOn();
  else void run(message);
});
process.on("disconnect", () => process.exit());
// Libraries start work that nobody waits for; what is wrong with it shows in what they answer.
process.on("unhandledRejection", () => {});
