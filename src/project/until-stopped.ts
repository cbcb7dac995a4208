/**
 * Stops that come while a model loads. A native call (a session that is created) and a blocked read cannot be interrupted: a program that ends when it is
 * stopped leaves the load behind, any other waits for it and closes what it gave.
 */
import type { Watch } from "./call.ts";

export type Stopping = Partial<Pick<Watch, "signal" | "abandon">>;

/** The load, or the signal's reason as soon as it aborts. */
async function orLeft<T>(load: Promise<T>, signal: AbortSignal, abandon: () => void): Promise<T> {
  let stop: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  let isLoading = true;
  const ended = () => {
    isLoading = false;
  };
  load.then(ended, ended);
  try {
    return await Promise.race([load, stopped]);
  } catch (error) {
    if (signal.aborted && isLoading) abandon();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The result of a load; a stop has `close` called with it. Errors: those of the load, and the signal's reason when it aborts. */
export async function untilStopped<T>(
  load: Promise<T>,
  { signal, abandon }: Stopping,
  close: (loaded: T) => unknown = () => {},
): Promise<T> {
  if (signal && abandon) return orLeft(load, signal, abandon);
  const loaded = await load.catch((error: unknown) => {
    throw signal?.aborted ? signal.reason : error;
  });
  if (!signal?.aborted) return loaded;
  await close(loaded);
  throw signal.reason;
}

/** What was loaded, to be closed; undefined where loading failed, or is left behind. */
export const loadedUnlessLeft = <T>(load: Promise<T>, { signal, abandon }: Stopping): Promise<T | undefined> =>
  (signal && abandon ? orLeft(load, signal, abandon) : load).catch(() => undefined);
