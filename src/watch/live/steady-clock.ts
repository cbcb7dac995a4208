/**
 * A wall clock that windows can be kept by although the machine's jumps. It runs by the monotonic clock and follows the wall clock: a jump forward (a machine that
 * slept) is taken at once; a small jump back is made good by running at half speed, so that time never goes back; a large one is taken at once, since windows that
 * are an hour ahead of other servers' would be of no use. Pure.
 */

export interface SteadyTime {
  /** Milliseconds since 1970, as windows count them. */
  readonly ms: number;
  readonly monotonicMs: number;
  /** How far the wall clock jumped just now: forward above 0, back below; 0 where nothing was taken. */
  readonly jumpMs: number;
}

/** The wall clock may differ by so much before it counts as a jump. */
const slackMs = 1_000;
/** Jumps back up to here are made good slowly: the time that windows wait for late ones. */
export const slowestBackMs = 600_000;

/** `nowMs` of the wall clock and `monotonicMs` are read together. */
export function steadyTime(last: SteadyTime | undefined, nowMs: number, monotonicMs: number): SteadyTime {
  if (!last) return { ms: nowMs, monotonicMs, jumpMs: 0 };
  const elapsed = Math.max(0, monotonicMs - last.monotonicMs);
  const ahead = last.ms + elapsed - nowMs;
  if (ahead < -slackMs || ahead > slowestBackMs) return { ms: nowMs, monotonicMs, jumpMs: -ahead };
  const ms = ahead > 0 ? last.ms + elapsed - Math.min(ahead, elapsed / 2) : nowMs;
  return { ms, monotonicMs, jumpMs: 0 };
}
