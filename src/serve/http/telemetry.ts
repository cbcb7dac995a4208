/**
 * Figures beside the answers of chats: llama.cpp's where a request asks for them (`timings` of what was done so far, the prompt's progress), and vLLM's
 * `metrics` where the server tells them.
 */
import type { Clock } from "../../base/index.ts";
import type { Engine, Generation } from "../engine.ts";
import type { GenerationEvent, Usage } from "../generation.ts";
import { merged } from "./answers.ts";
import { PromptProgress, progressTimings, wireProgress } from "./prompt-progress.ts";
import { Timings } from "./timings.ts";

interface TelemetryWish {
  readonly timings_per_token?: boolean | null | undefined;
  readonly return_progress?: boolean | null | undefined;
  /** The server's own wish. */
  readonly tellsMetrics?: boolean | undefined;
}

/** What comes of several generations: an event of one of them, or fields that say how far the prompt of one is. */
type Told = { readonly index: number; readonly event: GenerationEvent } | { readonly index: number; readonly progress: object };

export class Telemetry {
  readonly #generations: readonly Generation[];
  readonly #timings: Timings | undefined;
  readonly #progress: PromptProgress | undefined;
  readonly #tells: { readonly timings: boolean; readonly metrics: boolean };

  /** Watches the engine from now on, until the answers are over or `close`. */
  constructor(engine: Engine, generations: readonly Generation[], clock: Clock, wish: TelemetryWish) {
    this.#generations = generations;
    this.#tells = { timings: wish.timings_per_token === true, metrics: wish.tellsMetrics === true };
    this.#timings = this.#tells.timings || this.#tells.metrics ? new Timings(engine, generations, clock) : undefined;
    this.#progress = wish.return_progress ? new PromptProgress(engine, generations, clock) : undefined;
  }

  close(): void {
    this.#timings?.close();
    this.#progress?.close();
  }

  /** The events of all answers as they come. */
  async *events(): AsyncGenerator<Told, void, undefined> {
    const events = merged(this.#generations);
    try {
      if (!this.#progress) return yield* events;
      for await (const told of this.#progress.beside(events)) {
        if ("event" in told) yield told;
        else
          yield {
            index: told.index,
            progress: { prompt_progress: wireProgress(told), ...(this.#tells.timings ? { timings: progressTimings(told) } : {}) },
          };
      }
    } finally {
      this.close();
    }
  }

  /** The field `timings` of one answer, where it was asked for. */
  timings(index: number, usage: Usage): { readonly timings?: object } {
    return this.#timings && this.#tells.timings ? { timings: this.#timings.of(this.#generations[index]!, usage) } : {};
  }

  /** The field `metrics` of the first answer, where the server tells it. */
  metrics(usage: Usage): { readonly metrics?: object } {
    return this.#timings && this.#tells.metrics ? { metrics: this.#timings.metrics(this.#generations[0]!, usage) } : {};
  }
}
