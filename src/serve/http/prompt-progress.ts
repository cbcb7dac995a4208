/** llama.cpp's `prompt_progress`: how much of a prompt is computed while its client waits for the first token. */
import type { Clock } from "../../base/index.ts";
import type { Engine, Generation } from "../engine.ts";
import type { Observed } from "../observer.ts";

/** Of the answer with this index: tokens of its prompt, of them those that were in the cache, and those that are computed or were there. */
export interface PromptProgressReport {
  readonly index: number;
  readonly total: number;
  readonly cache: number;
  readonly processed: number;
  /** Since it has a slot. */
  readonly timeMs: number;
}

export const wireProgress = ({ total, cache, processed, timeMs }: PromptProgressReport) => ({ total, cache, processed, time_ms: timeMs });

/** `timings` of a prompt that is not computed yet. */
export function progressTimings({ cache, processed, timeMs }: PromptProgressReport) {
  const computed = processed - cache;
  return {
    cache_n: cache,
    prompt_n: computed,
    prompt_ms: timeMs,
    prompt_per_token_ms: computed > 0 ? timeMs / computed : 0,
    prompt_per_second: timeMs > 0 ? (1e3 * computed) / timeMs : 0,
    predicted_n: 0,
    predicted_ms: 0,
    predicted_per_token_ms: 0,
    predicted_per_second: 0,
  };
}

/** Watches the engine from now on, until each of these generations has its first token, or until `close`. */
export class PromptProgress {
  /** Watches no more. */
  readonly close: () => void;
  readonly #reports: PromptProgressReport[] = [];
  #wake: () => void = () => {};

  constructor(engine: Engine, generations: readonly Generation[], clock: Clock) {
    const indices = new Map(generations.map((g, index) => [g.id, index]));
    const last = new Map<number, PromptProgressReport>();
    const startedMs = new Map<number, number>();
    const report = (of: Observed, index: number, processed: number) => {
      const { promptTokens: total, cachedTokens: cache = 0 } = of.usage;
      const before = last.get(index);
      const timeMs = clock.monotonic() - (startedMs.get(index) ?? clock.monotonic());
      if (!before) this.#reports.push({ index, total, cache, processed: cache, timeMs: 0 });
      if (processed > (before?.processed ?? cache)) this.#reports.push({ index, total, cache: before?.cache ?? cache, processed, timeMs });
      last.set(index, { index, total, cache: before?.cache ?? cache, processed, timeMs });
      this.#wake();
    };
    const on = (of: Observed, act: (index: number) => void) => {
      const index = indices.get(of.id);
      if (index !== undefined) act(index);
    };
    const leave = (of: Observed) => {
      indices.delete(of.id);
      if (indices.size === 0) this.close();
    };
    this.close = engine.observe({
      started: (_, of) => on(of, index => startedMs.set(index, clock.monotonic())),
      computed: (tokens, of) => on(of, index => report(of, index, tokens)),
      firstToken: (_, of) =>
        on(of, index => {
          report(of, index, of.usage.promptTokens);
          leave(of);
        }),
      finished: (_outcome, _usage, _ms, of) => on(of, () => leave(of)),
    });
  }

  /** Reports in order with what else comes; a report goes out before the token that it led to. */
  async *beside<E>(events: AsyncGenerator<E, void, undefined>): AsyncGenerator<E | PromptProgressReport, void, undefined> {
    const read = () => {
      const next = events.next();
      // whoever leaves waits for no event
      next.catch(() => {});
      return next;
    };
    try {
      for (let next = read(); ; ) {
        yield* this.#reports.splice(0);
        const woken = new Promise<undefined>(resolve => {
          this.#wake = () => resolve(undefined);
        });
        const result = await Promise.race([next, woken]);
        if (this.#reports.length > 0 || result === undefined) continue;
        if (result.done) return;
        next = read();
        yield result.value;
      }
    } finally {
      this.close();
      await events.return();
    }
  }
}
