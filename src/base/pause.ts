/** Waiting that a signal ends. */
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves after `ms` milliseconds. Errors: the signal's reason, at once when it is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch {
    signal?.throwIfAborted();
  }
}
