/** Buckets in this process's memory: for one process, and gone with it. Usage goes to the `sql` beside it, so that it is asked for in one way. */
import type { UsageRow } from "../contract.ts";
import { mergedUsage } from "../usage/usage.ts";
import type { BucketState } from "./bucket.ts";
import type { BucketRow, BucketStore, BucketStoreOptions } from "./bucket-store.ts";
import { type Rows, reserveOn, settleOn, sweepOn, type TakenRow } from "./rows.ts";

interface Kept {
  readonly state: BucketState;
  readonly emptyMs: number;
}

class MemoryRows implements Rows {
  readonly #buckets = new Map<string, Kept>();
  readonly #taken = new Map<string, TakenRow[]>();
  /** Of the settlements under way. */
  usage: UsageRow[] = [];
  bucket(id: string): BucketState | undefined {
    return this.#buckets.get(id)?.state;
  }
  all(): BucketRow[] {
    return [...this.#buckets].map(([id, { state }]) => ({ id, ...state }));
  }
  putBucket(id: string, state: BucketState, emptyMs: number): void {
    this.#buckets.set(id, { state, emptyMs });
  }
  addTaken(row: TakenRow): void {
    const rows = this.#taken.get(row.reservation);
    if (rows) rows.push(row);
    else this.#taken.set(row.reservation, [row]);
  }
  takenOf(reservation: string): readonly TakenRow[] {
    return this.#taken.get(reservation) ?? [];
  }
  dropTaken(reservation: string): void {
    this.#taken.delete(reservation);
  }
  lapsed(nowMs: number): readonly TakenRow[] {
    return [...this.#taken.values()].flat().filter(row => row.hold > 0 && row.expiresMs <= nowMs);
  }
  lapse(row: TakenRow): void {
    const rows = this.#taken.get(row.reservation);
    if (rows)
      this.#taken.set(
        row.reservation,
        rows.map(r => (r === row ? { ...r, hold: 0 } : r)),
      );
  }
  /** Memory dies with its owner. */
  beat(): void {}
  forget(nowMs: number, beforeMs: number): void {
    for (const [id, { state, emptyMs }] of this.#buckets) if (state.held <= 0 && emptyMs <= nowMs) this.#buckets.delete(id);
    for (const [id, rows] of this.#taken) if (rows.every(row => row.expiresMs <= beforeMs)) this.#taken.delete(id);
  }
  addUsage(row: UsageRow): void {
    this.usage.push(row);
  }
}

/** `count` gets the usage of every settled request. */
export function memoryBuckets(options: BucketStoreOptions, count: (row: UsageRow) => void): BucketStore {
  const rows = new MemoryRows();
  const now = options.now ?? Date.now;
  return {
    reserveNow: ask => reserveOn(rows, ask, options.owner, now()),
    settleNow(ask) {
      settleOn(rows, ask, now());
      for (const row of rows.usage) count(row);
      rows.usage.length = 0;
    },
    async reserve(asks) {
      const nowMs = now();
      return asks.map(ask => reserveOn(rows, ask, options.owner, nowMs));
    },
    async settle(asks) {
      const nowMs = now();
      for (const ask of asks) settleOn(rows, ask, nowMs);
      for (const row of mergedUsage(rows.usage)) count(row);
      rows.usage = [];
    },
    async sweep() {
      sweepOn(rows, options.owner, options.leaseMs, now());
    },
    // one page: they are here already
    list: async () => ({ nowMs: now(), rows: rows.all(), next: null }),
    async close() {},
  };
}
