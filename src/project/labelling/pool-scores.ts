/**
 * What the current model says of the texts of a pool that nobody has labelled: asked in the background, few texts at a time, as long as people
 * label, and kept until the model or the pool is another one. What is known so far orders the pool (`pool-order.ts`).
 */
import { pause } from "../../base/index.ts";
import type { AskedClassifier } from "../../serve/index.ts";

/** Gives `use` the version that serves now. */
type AskClassifier = <T>(signal: AbortSignal, use: (classifier: AskedClassifier) => Promise<T>) => Promise<T>;

export interface AskedPool {
  /** Whatever makes it another pool. */
  readonly id: string;
  /** In the order in which they are asked about. */
  readonly texts: readonly { readonly id: string; readonly text: string }[];
}

export interface PoolScoresOptions {
  readonly ask: AskClassifier;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Texts asked about at once: a request of somebody else waits for no more. */
  readonly batchTexts?: number;
  /** Nobody has looked for so long: the rest is not asked about until somebody does. */
  readonly idleMs?: number;
}

/** Between two batches it rests as long as the last one took, so that half of the time is others'; no longer than this where a model had to wake. */
const longestRestMs = 10_000;
/** Somebody who looks while nothing is known waits so long for the first batch, which may have to wake the model. */
const patienceMs = 10_000;
const minutes = 60_000;

export class PoolScores {
  readonly #options: PoolScoresOptions;
  readonly #end = new AbortController();
  readonly #scores = new Map<string, Readonly<Record<string, number>>>();
  #pool: AskedPool = { id: "", texts: [] };
  /** The pool and the model that the scores are of. */
  #of = "";
  #version: string | null = null;
  #failure: string | null = null;
  #lookedMs = 0;
  #step: Promise<boolean> | undefined;

  constructor(options: PoolScoresOptions) {
    this.#options = options;
  }

  /** The version that said what is known; null before any has. */
  get version(): string | null {
    return this.#version;
  }
  /** Why the model could not be asked the last time. */
  get failure(): string | null {
    return this.#failure;
  }
  /** Whether there are texts of the pool that it has not been asked about, and it will be. */
  get isUnderWay(): boolean {
    return this.#step !== undefined;
  }
  get #isOfPool(): boolean {
    return this.#of.startsWith(`${this.#pool.id} `);
  }
  /** Probabilities by class; undefined where the model has not been asked. */
  of(id: string): Readonly<Record<string, number>> | undefined {
    return this.#isOfPool ? this.#scores.get(id) : undefined;
  }

  /** Begins, or goes on. Resolves when something is known of this pool by the version that serves now, or it cannot be had. */
  async look(pool: AskedPool): Promise<void> {
    this.#pool = pool;
    this.#lookedMs = this.#options.now();
    const isNew = this.#step === undefined;
    if (isNew) void this.#run();
    if (!isNew && this.#isOfPool && this.#scores.size > 0) return;
    const late = new AbortController();
    const known = this.#step?.catch(() => {}).finally(() => late.abort());
    await Promise.race([known, pause(patienceMs, late.signal).catch(() => {})]);
  }

  /** Asks nothing more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#step?.catch(() => {});
  }

  async #run(): Promise<void> {
    const { now, idleMs = 10 * minutes } = this.#options;
    try {
      for (;;) {
        const beganMs = now();
        this.#step = this.#batch();
        if (!(await this.#step) || now() - this.#lookedMs > idleMs) return;
        await pause(Math.min(longestRestMs, now() - beganMs), this.#end.signal);
      }
    } catch (error) {
      if (!this.#end.signal.aborted) this.#failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.#step = undefined;
    }
  }

  /** Asks about the next texts; false when there are none. */
  #batch(): Promise<boolean> {
    const { ask, batchTexts = 16 } = this.#options;
    return ask(this.#end.signal, async ({ version, fingerprint, classify }) => {
      const pool = this.#pool;
      const of = `${pool.id} ${version} ${fingerprint}`;
      if (of !== this.#of) this.#scores.clear();
      [this.#of, this.#version, this.#failure] = [of, version, null];
      const next = [];
      for (const text of pool.texts) {
        if (next.length === batchTexts) break;
        if (!this.#scores.has(text.id)) next.push(text);
      }
      if (next.length === 0) return false;
      const { labels, scores } = await classify(next.map(t => t.text));
      for (const [i, { id }] of next.entries()) this.#scores.set(id, Object.fromEntries(labels.map((label, k) => [label, scores[i]![k]!])));
      return true;
    });
  }
}
