/**
 * Stops that come while a model loads. A native call (a session that is created) and a blocked read cannot be interrupted, and nothing is
 * acknowledged while a model loads: the load is abandoned, and the process ends without it.
 */

let isAbandoned = false;

/** Whether a load was left behind: the process has to be ended, for the load may hold it. */
export const hasAbandoned = (): boolean => isAbandoned;

/** The result of a load. Errors: those of the load, and the signal's reason as soon as it aborts. */
export async function untilStopped<T>(signal: AbortSignal | undefined, load: Promise<T>): Promise<T> {
  if (!signal) return load;
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
    if (signal.aborted && isLoading) isAbandoned = true;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
