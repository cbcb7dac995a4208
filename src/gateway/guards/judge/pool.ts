/**
 * Threads that judge large inputs for all guards of the process. They start when first needed, end with the process, and take the callers (keys) in
 * turn, so that one with many large inputs does not hold up another's. An input whose client left ends at its next step; a thread that is in the
 * middle of a long one is ended and replaced.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Stop } from "../../upstreams/stop.ts";
import { GuardFailure } from "../failure.ts";
import type { JudgeInput, JudgeResult, JudgeSpec } from "./judge-types.ts";

/** What a thread is told, and says. `flag` is one word: not 0 when the input is not wanted any more. */
export type ToThread =
  | {
      readonly kind: "judge";
      readonly spec: JudgeSpec | undefined;
      readonly handle: number;
      readonly input: JudgeInput;
      readonly flag: Int32Array;
    }
  | { readonly kind: "forget"; readonly handle: number };
export type FromThread =
  | { readonly kind: "done"; readonly result: JudgeResult | undefined }
  | { readonly kind: "failed"; readonly message: string };

/** More threads only take turns on the same cores, and each has lists of its own in memory. */
const mostThreads = 4;
/** Inputs that wait, of all callers: with the largest bodies as much memory as the gateway's own bound on requests. */
const mostWaiting = 256;
const tooMany = `${mostWaiting} large requests wait for it already`;
/** How long a thread may go on with what is not wanted any more before it is replaced. */
const graceMs = 20;

interface Job {
  readonly handle: number;
  readonly input: JudgeInput;
  readonly key: string;
  readonly flag: Int32Array;
  settle(result: JudgeResult | undefined, error?: GuardFailure): void;
}

interface Thread {
  readonly worker: Worker;
  /** Handles whose spec it has. */
  readonly known: Set<number>;
  job: Job | undefined;
}

export interface JudgePool {
  add(spec: JudgeSpec): number;
  remove(handle: number): void;
  /** Undefined where the client left first. Errors: GuardFailure. */
  run(handle: number, input: JudgeInput, key: string, stop: Stop): Promise<JudgeResult | undefined>;
  close(): Promise<void>;
  /** Under way. */
  readonly running: number;
}

const entry = new URL("./thread.js", import.meta.url);
/** Whether this program can start threads. */
export const canThread = (): boolean => import.meta.url.endsWith(".js");
/** One core stays for the event loop. */
const usualThreads = (): number => Math.max(1, Math.min(mostThreads, availableParallelism() - 1));

export const threadPool = (size: number = usualThreads(), file: URL = entry): JudgePool => new ThreadPool(size, file);

class ThreadPool implements JudgePool {
  readonly #size: number;
  readonly #file: URL;
  readonly #specs = new Map<number, JudgeSpec>();
  readonly #threads = new Set<Thread>();
  /** Waiting, by caller; the first caller is next. */
  readonly #waiting = new Map<string, Job[]>();
  #handles = 0;
  #numWaiting = 0;
  /** Threads that one caller may hold while there are others. */
  readonly #mostOfOne: number;

  constructor(size: number, file: URL) {
    this.#size = size;
    this.#file = file;
    this.#mostOfOne = size === 1 ? 1 : Math.ceil(size / 2);
  }

  get running(): number {
    return [...this.#threads].filter(t => t.job).length;
  }

  add(spec: JudgeSpec): number {
    this.#specs.set(++this.#handles, spec);
    return this.#handles;
  }

  remove(handle: number): void {
    this.#specs.delete(handle);
    const message: ToThread = { kind: "forget", handle };
    for (const { worker, known } of this.#threads) if (known.delete(handle)) worker.postMessage(message);
  }

  run(handle: number, input: JudgeInput, key: string, stop: Stop): Promise<JudgeResult | undefined> {
    return new Promise((resolve, reject) => {
      if (stop.reason) {
        resolve(undefined);
        return;
      }
      if (this.#numWaiting >= mostWaiting && !this.#makeRoom(key)) {
        reject(new GuardFailure(tooMany));
        return;
      }
      const left = (): void => {
        this.#drop(job);
        resolve(undefined);
      };
      const job: Job = {
        handle,
        input,
        key,
        flag: new Int32Array(new SharedArrayBuffer(4)),
        settle: (result, error) => {
          stop.delete(left);
          if (error && !stop.reason) reject(error);
          else resolve(result);
        },
      };
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), job]);
      this.#numWaiting++;
      stop.add(left);
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map(t => t.worker.terminate()));
  }

  #finish(thread: Thread, result: JudgeResult | undefined, error?: GuardFailure): void {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    job?.settle(result, error);
    this.#next();
  }

  #start(): Thread {
    const worker = new Worker(fileURLToPath(this.#file));
    const thread: Thread = { worker, known: new Set(), job: undefined };
    this.#threads.add(thread);
    worker.unref();
    worker.on("message", (m: FromThread) =>
      m.kind === "done"
        ? this.#finish(thread, m.result)
        : this.#finish(thread, undefined, new GuardFailure(`its thread failed: ${m.message}`)),
    );
    const died = (why: string) => {
      this.#threads.delete(thread);
      this.#finish(thread, undefined, new GuardFailure(`its thread ended: ${why}`));
    };
    worker.on("error", error => died(error.message));
    worker.on("exit", code => died(`exit code ${code}`));
    return thread;
  }

  #heldBy(key: string): number {
    return [...this.#threads].filter(t => t.job?.key === key).length;
  }

  #next(): void {
    while (this.#numWaiting > 0) {
      const idle = [...this.#threads].find(t => !t.job) ?? (this.#threads.size < this.#size ? this.#start() : undefined);
      if (!idle) return;
      const keys = [...this.#waiting.keys()];
      const key = keys.find(k => this.#heldBy(k) < this.#mostOfOne) ?? keys[0]!;
      const list = this.#waiting.get(key)!;
      const job = list.shift()!;
      this.#numWaiting--;
      // to the end of the line
      this.#waiting.delete(key);
      if (list.length > 0) this.#waiting.set(key, list);
      idle.job = job;
      idle.worker.ref();
      const spec = idle.known.has(job.handle) ? undefined : this.#specs.get(job.handle);
      idle.known.add(job.handle);
      const message: ToThread = { kind: "judge", spec, handle: job.handle, input: job.input, flag: job.flag };
      idle.worker.postMessage(message);
    }
  }

  /** Ends the last input of the caller with the most of them; false where that is this caller. */
  #makeRoom(key: string): boolean {
    const own = this.#waiting.get(key)?.length ?? 0;
    const [longest] = [...this.#waiting.values()].sort((a, b) => b.length - a.length);
    if (!longest || longest.length <= own + 1) return false;
    this.#numWaiting--;
    longest.pop()!.settle(undefined, new GuardFailure(tooMany));
    return true;
  }

  #drop(job: Job): void {
    Atomics.store(job.flag, 0, 1);
    const list = this.#waiting.get(job.key);
    const at = list?.indexOf(job) ?? -1;
    if (list && at >= 0) {
      list.splice(at, 1);
      this.#numWaiting--;
      if (list.length === 0) this.#waiting.delete(job.key);
    }
    const thread = [...this.#threads].find(t => t.job === job);
    if (!thread) return;
    setTimeout(() => {
      if (thread.job === job) void thread.worker.terminate();
    }, graceMs).unref();
  }
}

let shared: JudgePool | undefined;
/** The process's one. */
export function sharedPool(): JudgePool {
  shared ??= threadPool();
  return shared;
}
