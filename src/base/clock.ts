/** Time as a value that is passed in, so that tests own it. */

export interface Clock {
  /** Milliseconds since 1970 (may jump). */
  now(): number;
  /** Milliseconds that never go back. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A clock that stands still until it is moved. */
export function handClock(startMs = 0): Clock & { advance(ms: number): void } {
  let t = startMs;
  return {
    now: () => t,
    monotonic: () => t,
    advance: ms => {
      t += ms;
    },
  };
}
