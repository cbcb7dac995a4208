/** Keys to work on: each at most once at a time, again where it changed meanwhile, later where it failed. Idea: client-go's workqueue. */
import { retryBackoffMs } from "../../kubernetes/index.ts";

export interface WorkQueue {
  add(key: string): void;
  /** At a time of its own; an earlier one stands. */
  addAfter(key: string, ms: number): void;
  /** Keys that wait or are worked on. */
  readonly size: number;
}

interface WorkQueueOptions {
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Resolves to the time after which it is due again; null: at the next change. A rejection is a failure: it comes back with backoff. */
  work(key: string): Promise<number | null>;
  /** True: not a failure to wait for, it is due at once (a conflict). */
  failed(key: string, error: unknown, delayMs: number): void;
  /** Default 60,000. */
  readonly longestDelayMs?: number | undefined;
}

export function openWorkQueue({ workers, signal, work, failed, longestDelayMs = 60_000 }: WorkQueueOptions): WorkQueue {
  const waiting = new Set<string>();
  const working = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly dueMs: number }>();
  const addAfter = (key: string, ms: number): void => {
    if (signal.aborted) return;
    const dueMs = performance.now() + ms;
    const old = timers.get(key);
    if (old && old.dueMs <= dueMs) return;
    if (old) clearTimeout(old.timer);
    const timer = setTimeout(() => {
      timers.delete(key);
      add(key);
    }, ms);
    timers.set(key, { timer, dueMs });
  };
  const run = async (key: string): Promise<void> => {
    try {
      const again = await work(key);
      failures.delete(key);
      if (again !== null) addAfter(key, again);
    } catch (error) {
      if (signal.aborted) return;
      const times = failures.get(key) ?? 0;
      failures.set(key, times + 1);
      const delay = retryBackoffMs(times, Math.random(), longestDelayMs);
      failed(key, error, delay);
      addAfter(key, delay);
    }
  };
  const next = (): void => {
    if (signal.aborted) return;
    for (const key of waiting) {
      if (working.size >= workers) return;
      if (working.has(key)) continue;
      waiting.delete(key);
      working.add(key);
      void run(key).finally(() => {
        working.delete(key);
        next();
      });
    }
  };
  const add = (key: string): void => {
    waiting.add(key);
    next();
  };
  signal.addEventListener("abort", () => {
    for (const { timer } of timers.values()) clearTimeout(timer);
    waiting.clear();
  });
  return {
    add,
    addAfter,
    get size() {
      return waiting.size + working.size;
    },
  };
}
