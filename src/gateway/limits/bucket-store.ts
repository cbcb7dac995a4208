/** Where buckets live: one interface, four stores (`memory.ts`, `sqlite.ts`, `postgres.ts`, `redis.ts`), one contract suite (`bucket-store.laws.ts`). */
import type { UsageRow } from "../contract.ts";
import type { BucketLine, BucketState } from "./bucket.ts";

export interface ReserveAsk {
  readonly id: string;
  /** After this the store gives back what is held even if its process lives. */
  readonly lifeMs: number;
  /** Of different buckets. */
  readonly lines: readonly BucketLine[];
}

export interface LineOutcome {
  /** After the decision: with this request where it was granted, without where it was not. */
  readonly level: number;
  readonly held: number;
  readonly fits: boolean;
}

export interface ReserveOutcome {
  /** Every enforced line fits, and all that fit were taken; otherwise none was and nothing has changed. */
  readonly granted: boolean;
  /** The store's clock. */
  readonly nowMs: number;
  readonly lines: readonly LineOutcome[];
}

export interface SettleAsk {
  readonly id: string;
  /** What is added to the level of each bucket that was taken; one not named gets nothing. "cancel": what was charged is taken back. */
  readonly deltas: Readonly<Record<string, number>> | "cancel";
  /** Whether it took any line: then it is settled while its rows are there, and a second time changes nothing. */
  readonly tookLines: boolean;
  /** Counted in the same transaction. */
  readonly usage: UsageRow | null;
}

/** A bucket as it is kept: its level is true at its own moment, and leaks from there. */
export interface BucketRow extends BucketState {
  readonly id: string;
}

export interface BucketPage {
  /** The store's clock. */
  readonly nowMs: number;
  readonly rows: readonly BucketRow[];
  /** Behind which the next page is; null: there is none. */
  readonly next: string | null;
}

/** A full page may have one behind it. */
export const bucketPage = (nowMs: number, rows: readonly BucketRow[], most: number): BucketPage => ({
  nowMs,
  rows,
  next: rows.length < most ? null : rows.at(-1)!.id,
});

/** Asks as a server's own functions read them. */
export const askText = (asks: readonly ReserveAsk[]): string =>
  JSON.stringify(
    asks.map(ask => ({
      id: ask.id,
      t: ask.lifeMs,
      l: ask.lines.map(line => ({
        b: line.bucket,
        c: line.capacity,
        r: line.leakPerMs,
        g: line.charge,
        h: line.hold,
        e: line.enforce,
        z: line.endsMs,
      })),
    })),
  );

export interface BucketStore {
  /** All asks, one after the other, in one transaction (one statement in PostgreSQL, one script in Redis). Errors: stateLost. */
  reserve(asks: readonly ReserveAsk[]): Promise<readonly ReserveOutcome[]>;
  /** One ask, decided at once: where nothing has to be waited for. */
  reserveNow?(ask: ReserveAsk): ReserveOutcome;
  settleNow?(ask: SettleAsk): void;
  /** Settling a reservation again, or one that was never made, changes nothing. Errors: stateLost. */
  settle(asks: readonly SettleAsk[]): Promise<void>;
  /** Says that this process lives, and gives back what dead ones hold and what is past its life; forgets empty buckets. Errors: stateLost. */
  sweep(): Promise<void>;
  /** Buckets behind `after` ("": from the beginning), about `most`, in an order that stays. Errors: stateLost. */
  list(after: string, most: number): Promise<BucketPage>;
  close(): Promise<void>;
}

export interface BucketStoreOptions {
  /** Names this process among those that share the store. */
  readonly owner: string;
  /** A process that has not swept for so long is taken for dead. */
  readonly leaseMs: number;
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
  /** Tests own time; the store's own clock when absent. */
  readonly now?: () => number;
}

/** How long a reservation that its process lost can still be settled late (a process that was paused): then its rows go. */
export const lateMs = 24 * 3_600_000;
