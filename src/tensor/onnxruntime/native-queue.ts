/**
 * Limits how many native calls sit on Node's thread pool at once, first come first served. The pool (UV_THREADPOOL_SIZE, 4 by default)
 * also serves files, DNS and compression: filled with runs, a file read in the same process takes seconds.
 */

/** Threads of Node's pool that runs never take. */
const threadsForOthers = 2;
const defaultPoolSize = 4;

/** How many native calls may be on the pool together, given the pool's size. */
export const nativeSlots = (poolSize: string | undefined): number =>
  Math.max(1, (Number(poolSize) > 0 ? Math.floor(Number(poolSize)) : defaultPoolSize) - threadsForOthers);

interface NativeQueue {
  /** Starts `task` when a slot is free. Its promise settles with the task's. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

export function createNativeQueue(slots: number): NativeQueue {
  let free = slots;
  const waiting: (() => void)[] = [];
  return {
    async run(task) {
      if (free > 0) free--;
      else await new Promise<void>(resolve => waiting.push(resolve)); // the slot is handed over, never returned in between
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else free++;
      }
    },
  };
}

/** Of the process: its libraries share Node's thread pool. */
export const nativeQueue = createNativeQueue(nativeSlots(process.env.UV_THREADPOOL_SIZE));
