/**
 * One bucket: what was used (`level`, which leaks at the limit's rate) and what is held for requests under way (`held`, which does not). A
 * request fits while level + held + what it brings is within the capacity. With nothing held this is GCRA, the leaky bucket as a meter (ITU-T
 * I.371, annex A): the level over the leak is its theoretical arrival time. Held amounts stay apart because a reservation that leaked away
 * before it is settled would be given back twice. Pure functions; every store applies them, PostgreSQL in its own words.
 */

export interface BucketState {
  readonly level: number;
  readonly held: number;
  /** When `level` was true, in milliseconds since 1970 by the store's clock. */
  readonly atMs: number;
}

/** What one limit asks of one bucket for one request. */
export interface BucketLine {
  readonly bucket: string;
  readonly capacity: number;
  /** Units a millisecond; 0 for budgets of a calendar period and for concurrency. */
  readonly leakPerMs: number;
  /** Added to the level at once: what is known. */
  readonly charge: number;
  /** Held until the request is settled: what it may come to. */
  readonly hold: number;
  /** False: shadow. It never stops a request, and takes nothing where it would have. */
  readonly enforce: boolean;
  /** When a bucket that does not leak may be forgotten; null: never. */
  readonly endsMs: number | null;
}

/** Room for the rounding of leaks; every amount is a whole number. */
export const slack = 1e-6;
/** A moment that does not come: what "never" is in a column. */
export const neverMs = 9e15;

export const emptyBucket: BucketState = { level: 0, held: 0, atMs: 0 };

/** The level at `nowMs`. A clock that went back leaks nothing. */
export const levelAt = (s: BucketState, leakPerMs: number, nowMs: number): number =>
  Math.max(0, s.level - Math.max(0, nowMs - s.atMs) * leakPerMs);

export const fits = (s: BucketState, line: BucketLine, nowMs: number): boolean =>
  levelAt(s, line.leakPerMs, nowMs) + s.held + line.charge + line.hold <= line.capacity + slack;

export const taken = (s: BucketState, line: BucketLine, nowMs: number): BucketState => ({
  level: levelAt(s, line.leakPerMs, nowMs) + line.charge,
  held: s.held + line.hold,
  atMs: Math.max(s.atMs, nowMs),
});

/** `delta` may be below 0: what was charged too much. */
export const settled = (s: BucketState, leakPerMs: number, hold: number, delta: number, nowMs: number): BucketState => ({
  level: Math.max(0, levelAt(s, leakPerMs, nowMs) + delta),
  held: Math.max(0, s.held - hold),
  atMs: Math.max(s.atMs, nowMs),
});

/** From when on the row says nothing any more, as long as nothing is held: GCRA's theoretical arrival time. */
export const emptyMs = (level: number, leakPerMs: number, endsMs: number | null, nowMs: number): number =>
  leakPerMs > 0 ? nowMs + level / leakPerMs : level <= 0 ? nowMs : (endsMs ?? neverMs);
