/**
 * What an answer's prompt and tokens took, as its engine tells it: `timings` of llama.cpp and `metrics` of vLLM. The first token comes with the prompt and
 * is no step.
 */
import type { Clock } from "../../base/index.ts";
import type { Engine, Generation } from "../engine.ts";
import type { Usage } from "../generation.ts";
import type { Observed } from "../observer.ts";

interface Moments {
  /** Milliseconds in the queue. */
  queuedMs?: number;
  startedMs?: number;
  firstMs?: number;
  endMs?: number;
}

const each = (ms: number, count: number): number => (count > 0 ? ms / count : 0);
const perSecond = (count: number, ms: number): number => (ms > 0 ? (1e3 * count) / ms : 0);

/** Watches the engine until all of these generations are over, or until `close`. */
export class Timings {
  readonly #clock: Clock;
  readonly #moments: ReadonlyMap<number, Moments>;
  /** Watches no more. */
  readonly close: () => void;

  constructor(engine: Engine, generations: readonly Generation[], clock: Clock) {
    this.#clock = clock;
    const moments = new Map(generations.map(g => [g.id, {} as Moments]));
    this.#moments = moments;
    let left = generations.length;
    const note = (of: Observed, name: keyof Moments) => {
      const known = moments.get(of.id);
      if (known) known[name] ??= clock.monotonic();
      return known;
    };
    this.close = engine.observe({
      started: (ms, of) => {
        const known = note(of, "startedMs");
        if (known) known.queuedMs ??= ms;
      },
      firstToken: (_, of) => void note(of, "firstMs"),
      finished: (_outcome, _usage, _ms, of) => {
        if (note(of, "endMs") && --left === 0) this.close();
      },
    });
  }

  /** Of one answer, now or at its end. */
  of({ id }: Generation, { promptTokens, cachedTokens = 0, completionTokens, draftedTokens, acceptedTokens }: Usage) {
    const { startedMs, firstMs, endMs = this.#clock.monotonic() } = this.#moments.get(id) ?? {};
    const promptMs = startedMs === undefined ? 0 : (firstMs ?? endMs) - startedMs;
    const predictedMs = firstMs === undefined ? 0 : endMs - firstMs;
    const computed = promptTokens - cachedTokens;
    const steps = Math.max(0, completionTokens - 1);
    return {
      cache_n: cachedTokens,
      prompt_n: computed,
      prompt_ms: promptMs,
      prompt_per_token_ms: each(promptMs, computed),
      prompt_per_second: perSecond(computed, promptMs),
      predicted_n: completionTokens,
      predicted_ms: predictedMs,
      predicted_per_token_ms: each(predictedMs, steps),
      predicted_per_second: perSecond(steps, predictedMs),
      ...(draftedTokens === undefined ? {} : { draft_n: draftedTokens, draft_n_accepted: acceptedTokens ?? 0 }),
    };
  }

  /** The same in vLLM's words. The time between tokens is left out of an answer with one token. */
  metrics({ id }: Generation, { completionTokens }: Usage) {
    const { queuedMs = 0, startedMs, firstMs, endMs = this.#clock.monotonic() } = this.#moments.get(id) ?? {};
    const firstTokenMs = startedMs === undefined ? 0 : queuedMs + (firstMs ?? endMs) - startedMs;
    const generationMs = firstMs === undefined ? 0 : endMs - firstMs;
    const steps = Math.max(0, completionTokens - 1);
    return {
      queue_time_ms: queuedMs,
      time_to_first_token_ms: firstTokenMs,
      generation_time_ms: generationMs,
      ...(steps > 0 ? { mean_itl_ms: each(generationMs, steps) } : {}),
      tokens_per_second: perSecond(steps, generationMs),
    };
  }
}
