/** What the cache has done, by model: for the metrics, the console and operators. */
import type { CacheOptions } from "./schema.ts";
import type { CacheStore } from "./store.ts";

export const cacheResults = ["hit", "semantic", "shared", "miss", "bypass"] as const;
/** `shared`: the answer of another request that was under way. */
export type CacheResult = (typeof cacheResults)[number];

export interface CacheCounts {
  readonly results: ReadonlyMap<string, Readonly<Record<CacheResult, number>>>;
  readonly kept: number;
  /** Answers that were asked for and may not be kept: errors, parts, filtered, too large. */
  readonly unfit: number;
  readonly evicted: number;
  readonly expired: number;
  /** Times that the store did not answer; each was a miss. */
  readonly storeErrors: number;
  readonly embedded: number;
  readonly embeddingErrors: number;
}

export class Counting implements CacheCounts {
  readonly results = new Map<string, Record<CacheResult, number>>();
  kept = 0;
  unfit = 0;
  evicted = 0;
  expired = 0;
  storeErrors = 0;
  embedded = 0;
  embeddingErrors = 0;

  result(model: string, result: CacheResult): void {
    let row = this.results.get(model);
    if (!row) {
      row = { hit: 0, semantic: 0, shared: 0, miss: 0, bypass: 0 };
      this.results.set(model, row);
    }
    row[result]++;
  }
}

export interface CacheState {
  readonly store: CacheStore["kind"];
  readonly scope: CacheOptions["scope"];
  readonly entries: number;
  readonly bytes: number;
  readonly mostEntries: number;
  readonly mostBytes: number;
  /** Questions that are under way to a server. */
  readonly underWay: number;
  /** Questions that are compared by meaning. */
  readonly questions: number;
  readonly results: Readonly<Record<string, Readonly<Record<CacheResult, number>>>>;
  readonly kept: number;
  readonly unfit: number;
  readonly evicted: number;
  readonly expired: number;
  readonly storeErrors: number;
}
