/** Where answers are kept, as a contract: in memory, in a SQLite file, in PostgreSQL. One suite of laws holds for all (`store.laws.ts`). */
import type { TokenUsage } from "../../protocols/index.ts";

/** An answer as it was given: the text of a whole one, or all events of a stream. */
export interface KeptAnswer {
  /** Whose it is: `key:ID`, `organisation:NAME`, `all`. */
  readonly tenant: string;
  /** Public name of the model. */
  readonly model: string;
  /** `upstream/model` that gave it. */
  readonly target: string;
  readonly isStream: boolean;
  readonly body: string;
  readonly usage: TokenUsage;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly expiresMs: number;
}

/** Which answers are meant; all where nothing is said. */
export interface KeptFilter {
  readonly tenant?: string | undefined;
  readonly model?: string | undefined;
}

export interface StoreBounds {
  readonly entries: number;
  /** Of bodies and what belongs to them (`storedSize`). */
  readonly bytes: number;
}

export interface StoreSize {
  readonly entries: number;
  readonly bytes: number;
}

/** Errors of all: stateLost. The cache takes a failure for a miss. */
export interface CacheStore {
  readonly kind: "memory" | "sqlite" | "postgres";
  /** One that has not expired; it counts as used. */
  get(key: string, nowMs: number): Promise<KeptAnswer | undefined>;
  /** Keeps it in the place of one with the same key. The bounds hold when it returns. Gives how many others had to go, and how many had expired. */
  put(key: string, answer: KeptAnswer, nowMs: number): Promise<{ readonly evicted: number; readonly expired: number }>;
  /** Gives how many. */
  clear(filter: KeptFilter): Promise<number>;
  size(): Promise<StoreSize>;
  close(): Promise<void>;
}

/** Names, times and the place in an index. */
const overheadBytes = 512;

export const storedSize = (answer: KeptAnswer): number => Buffer.byteLength(answer.body) + overheadBytes;

/** What a store does that is over its bounds: it goes down to this share of them, so that the next answers need not clear again. */
export const keptShare = 0.9;
