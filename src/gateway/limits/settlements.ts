/**
 * Settlements on their way to the store, and whether it answers. After a failure it is left alone for a second; settlements that could not be written
 * are kept and written later. They are idempotent, so one whose answer was lost may be sent again.
 */
import { batched } from "./batches.ts";
import type { BucketStore, SettleAsk } from "./bucket-store.ts";

/** Decisions or settlements in one call. */
export const mostInCall = 64;
/** How long the store is left alone after it failed. */
export const pauseMs = 1_000;
/** Settlements kept while the store is lost: about 20 MB. */
const mostPending = 50_000;

interface SettlementsOptions {
  readonly buckets: BucketStore;
  /** Calls to the store at the same time. */
  readonly atOnce: number;
  /** Told once when the store stops answering, and once when it answers again. */
  readonly onStore?: (state: "lost" | "back", error: unknown) => void;
  /** How often this process shows that it lives. */
  readonly sweepEveryMs: number;
}

export class Settlements {
  readonly #options: SettlementsOptions;
  readonly #settleBatch: (ask: SettleAsk) => Promise<void>;
  readonly #pending: SettleAsk[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #timers: readonly NodeJS.Timeout[];
  #lostUntilMs = Number.NEGATIVE_INFINITY;
  #isLost = false;
  #dropped = 0;

  constructor(options: SettlementsOptions) {
    const { buckets, atOnce, sweepEveryMs } = options;
    this.#options = options;
    this.#settleBatch = batched<SettleAsk, void>(
      async asks => {
        await buckets.settle(asks);
        return asks.map(() => undefined);
      },
      // nobody waits for a settlement
      { most: mostInCall, atOnce, gathers: true },
    );
    const sweeps = setInterval(() => void this.#tracked(this.#sweep()), sweepEveryMs);
    // sooner than a sweep where something waits to be written
    const retries = setInterval(
      () => void (this.#pending.length > 0 && !this.isResting ? this.#tracked(this.#sweep()) : undefined),
      pauseMs,
    );
    this.#timers = [sweeps, retries];
    for (const timer of this.#timers) timer.unref();
  }

  get pending(): number {
    return this.#pending.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** The store has failed a short time ago. */
  get isResting(): boolean {
    return performance.now() < this.#lostUntilMs;
  }

  /** The store did not answer. */
  failed(error: unknown): void {
    this.#lostUntilMs = performance.now() + pauseMs;
    if (!this.#isLost) this.#options.onStore?.("lost", error);
    this.#isLost = true;
  }

  /** The store did. */
  answered(): void {
    if (this.#isLost) this.#options.onStore?.("back", undefined);
    this.#isLost = false;
    this.#lostUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Ends when it is written, or kept for later. */
  settle(ask: SettleAsk): Promise<void> {
    const { buckets } = this.#options;
    if (buckets.settleNow === undefined) return this.#tracked(this.#write(ask));
    buckets.settleNow(ask);
    return Promise.resolve();
  }

  keep(ask: SettleAsk): void {
    this.#pending.push(ask);
    if (this.#pending.length > mostPending) {
      this.#pending.shift();
      this.#dropped++;
    }
  }

  async #write(ask: SettleAsk): Promise<void> {
    if (this.isResting) return this.keep(ask);
    try {
      await this.#settleBatch(ask);
    } catch (error) {
      this.failed(error);
      this.keep(ask);
    }
  }

  #tracked(work: Promise<void>): Promise<void> {
    this.#underWay.add(work);
    return work.finally(() => this.#underWay.delete(work));
  }

  async #sweep(): Promise<void> {
    const { buckets } = this.#options;
    try {
      await buckets.sweep();
      this.answered();
    } catch (error) {
      return this.failed(error);
    }
    while (this.#pending.length > 0) {
      const group = this.#pending.splice(0, mostInCall);
      try {
        await buckets.settle(group);
      } catch (error) {
        this.failed(error);
        this.#pending.unshift(...group);
        return;
      }
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#underWay);
    if (this.#pending.length > 0) await this.#sweep();
  }
}
