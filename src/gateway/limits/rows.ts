/**
 * The decisions over rows that are read and written at once: shared by the stores in memory and in SQLite, which differ only in where rows
 * are. Each function is one transaction's work.
 */
import type { UsageRow } from "../contract.ts";
import { type BucketState, emptyBucket, emptyMs, fits, levelAt, settled, taken } from "./bucket.ts";
import { type LineOutcome, lateMs, type ReserveAsk, type ReserveOutcome, type SettleAsk } from "./bucket-store.ts";

/** A line that a reservation took. */
export interface TakenRow {
  readonly reservation: string;
  readonly bucket: string;
  readonly hold: number;
  readonly charge: number;
  readonly leakPerMs: number;
  readonly endsMs: number | null;
  readonly owner: string;
  readonly expiresMs: number;
}

export interface Rows {
  bucket(id: string): BucketState | undefined;
  putBucket(id: string, state: BucketState, emptyMs: number): void;
  addTaken(row: TakenRow): void;
  takenOf(reservation: string): readonly TakenRow[];
  dropTaken(reservation: string): void;
  /** Rows that hold something and are past their life, or whose owner is dead. */
  lapsed(nowMs: number): readonly TakenRow[];
  /** Keeps the row, holding nothing, so that a late settlement still counts once. */
  lapse(row: TakenRow): void;
  beat(owner: string, expiresMs: number): void;
  /** Empty buckets, rows past `beforeMs`, dead owners. */
  forget(nowMs: number, beforeMs: number): void;
  addUsage(row: UsageRow): void;
}

export function reserveOn(rows: Rows, ask: ReserveAsk, owner: string, nowMs: number): ReserveOutcome {
  const before: BucketState[] = [];
  let granted = true;
  for (const line of ask.lines) {
    const state = rows.bucket(line.bucket) ?? emptyBucket;
    before.push(state);
    if (line.enforce && !fits(state, line, nowMs)) granted = false;
  }
  const lines: LineOutcome[] = [];
  for (const [i, line] of ask.lines.entries()) {
    const state = before[i]!;
    const { bucket, hold, charge, leakPerMs, endsMs } = line;
    const isFit = fits(state, line, nowMs);
    if (!granted || !isFit) {
      lines.push({ level: levelAt(state, leakPerMs, nowMs), held: state.held, fits: isFit });
      continue;
    }
    const after = taken(state, line, nowMs);
    rows.putBucket(bucket, after, emptyMs(after.level, leakPerMs, endsMs, nowMs));
    rows.addTaken({ reservation: ask.id, bucket, hold, charge, leakPerMs, endsMs, owner, expiresMs: nowMs + ask.lifeMs });
    lines.push({ level: after.level, held: after.held, fits: true });
  }
  return { granted, nowMs, lines };
}

export function settleOn(rows: Rows, ask: SettleAsk, nowMs: number): void {
  const lines = rows.takenOf(ask.id);
  for (const line of lines) {
    const delta = ask.deltas === "cancel" ? -line.charge : (ask.deltas[line.bucket] ?? 0);
    const after = settled(rows.bucket(line.bucket) ?? emptyBucket, line.leakPerMs, line.hold, delta, nowMs);
    rows.putBucket(line.bucket, after, emptyMs(after.level, line.leakPerMs, line.endsMs, nowMs));
  }
  rows.dropTaken(ask.id);
  if (ask.usage && (lines.length > 0 || !ask.tookLines)) rows.addUsage(ask.usage);
}

export function sweepOn(rows: Rows, owner: string, leaseMs: number, nowMs: number): void {
  rows.beat(owner, nowMs + leaseMs);
  for (const row of rows.lapsed(nowMs)) {
    const after = settled(rows.bucket(row.bucket) ?? emptyBucket, row.leakPerMs, row.hold, 0, nowMs);
    rows.putBucket(row.bucket, after, emptyMs(after.level, row.leakPerMs, row.endsMs, nowMs));
    rows.lapse(row);
  }
  rows.forget(nowMs, nowMs - lateMs);
}
