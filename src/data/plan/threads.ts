/**
 * The executor for one machine: worker threads that share a folder. A thread that dies takes its task along, and the run ends with its error;
 * tasks that were done stay done. Threads need compiled JavaScript (Node 20 loads no TypeScript), so from source there are none.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ErrorRow, LoamError, type Problem } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import type { Executor } from "./executor.ts";
import type { JobSpec } from "./shared.ts";
import type { TaskProgress } from "./tasks.ts";
import type { TaskId } from "./workspace.ts";

/** What a thread is given; plain data. */
export interface ThreadSetup extends JobSpec {
  /** The project's folder. */
  readonly folder: string;
  readonly workspace: string;
}

export type ThreadMessage =
  | { readonly kind: "progress"; readonly progress: TaskProgress }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly problem?: Problem; readonly row?: ErrorRow; readonly message: string };

const entry = new URL("./thread-worker.js", import.meta.url);
/** Messages live longer than most young objects: with room for more of them fewer are copied. Three semi-spaces of 32 MiB. */
const maxYoungGenerationSizeMb = 96;
/** Whether this program can start threads. */
export const canRunThreads = (): boolean => import.meta.url.endsWith(".js");

export function threads(setup: ThreadSetup, count: number): Executor {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const start = (): Worker => {
    const worker = new Worker(fileURLToPath(entry), { workerData: setup, resourceLimits: { maxYoungGenerationSizeMb } });
    all.add(worker);
    return worker;
  };
  /** One task on one thread. */
  const perform = (worker: Worker, id: TaskId, onProgress: ((p: TaskProgress) => void) | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const place = `wave ${id.wave + 1}, task ${id.task + 1}`;
      const settle = (error?: unknown) => {
        worker.off("message", heard).off("error", died).off("exit", left);
        if (error === undefined) resolve();
        else reject(error);
      };
      const heard = (m: ThreadMessage) => {
        if (m.kind === "progress") onProgress?.(m.progress);
        else if (m.kind === "done") settle();
        else settle(m.problem && m.row ? new LoamError(m.problem, m.row) : new Error(`${place}: ${m.message}`));
      };
      const died = (error: unknown) => settle(error);
      const left = (code: number) => {
        all.delete(worker);
        settle(
          dataErrors.fail("worker", {
            place,
            expected: "a thread that ends its task",
            received: `exit code ${code}`,
            hint: "Run the same command again: it goes on where it was. If memory was short, give --workers a smaller number.",
          }),
        );
      };
      worker.on("message", heard).on("error", died).on("exit", left);
      worker.postMessage(id);
    });
  return {
    isHere: false,
    async wave(tasks, { atOnce = count, signal, onProgress, onDone }) {
      const queue = [...tasks];
      const failed = new AbortController();
      const stop = AbortSignal.any(signal ? [signal, failed.signal] : [failed.signal]);
      const stopped = new Promise<never>((_, reject) => stop.addEventListener("abort", () => reject(stop.reason), { once: true }));
      stopped.catch(() => {});
      const work = async () => {
        for (let id = queue.shift(); id && !stop.aborted; id = queue.shift()) {
          const task = id;
          const worker = idle.pop() ?? start();
          await perform(worker, task, onProgress && (p => onProgress(task, p)));
          idle.push(worker);
          onDone?.(task);
        }
      };
      try {
        await Promise.race([Promise.all(Array.from({ length: Math.min(count, atOnce, tasks.length) }, work)), stopped]);
      } catch (error) {
        failed.abort(error);
        // What they were doing is thrown away with them.
        await Promise.all([...all].map(w => w.terminate()));
        all.clear();
        idle.length = 0;
        throw error;
      }
      signal?.throwIfAborted();
    },
    async close() {
      await Promise.all([...all].map(w => w.terminate()));
    },
  };
}
