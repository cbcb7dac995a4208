/**
 * Turns for everything else: what a program is made of takes the processor for tenths of a second, and signals, probes and sockets must not wait
 * for the whole of it.
 */

/** Milliseconds of work without a turn. */
const longestMs = 10;

/** To be awaited where work can be paused: lets signals, timers and sockets in, where the last turn was long enough ago. */
export type Pause = () => Promise<void> | undefined;

export function pauses(): Pause {
  let last = performance.now();
  return () =>
    performance.now() - last < longestMs
      ? undefined
      : new Promise(resolve =>
          setImmediate(() => {
            last = performance.now();
            resolve();
          }),
        );
}

/** The result of work that yields where it can be paused. */
export async function inTurns<T>(work: Generator<undefined, T, undefined>, pause: Pause): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await pause();
  }
}
