/**
 * The series of llama.cpp's server (`tools/server`, README, "GET /metrics"), beside our own: without labels, over all models that are served. The two
 * rates are those since the page was last read, as there.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Engine } from "./engine.ts";
import type { Engines } from "./engines.ts";
import type { Observed } from "./observer.ts";

/** Tokens and seconds since the page was last read. */
class Rate {
  #tokens = 0;
  #seconds = 0;

  add(tokens: number, seconds: number): void {
    this.#tokens += tokens;
    this.#seconds += seconds;
  }
  /** Tokens per second; begins anew. */
  take(): number {
    const perSecond = this.#seconds > 0 ? this.#tokens / this.#seconds : 0;
    this.#tokens = 0;
    this.#seconds = 0;
    return perSecond;
  }
}

const counters = {
  prompt_tokens_total: "Prompt tokens that were computed.",
  prompt_tokens_cached_total: "Prompt tokens that were found in the cache.",
  prompt_seconds_total: "Time from the end of the queue to the first token, summed.",
  tokens_predicted_total: "Tokens generated, of completions that ended.",
  tokens_predicted_seconds_total: "Time from the first token to the end, summed.",
  n_decode_total: "Steps of the engines, and batches of the encoders.",
  n_tokens_max: "Tokens of the longest sequence so far, prompt and completion.",
  spec_decode_num_draft_tokens_total: "Tokens that were guessed and verified.",
  spec_decode_num_accepted_tokens_total: "Guessed tokens that were right.",
  spec_decode_num_drafts_total: "Rounds of guesses that were verified.",
} as const;

class LlamaCppSeries {
  readonly #counters: ReadonlyMap<string, Counter>;
  readonly promptRate = new Rate();
  readonly predictedRate = new Rate();
  #longest = 0;
  #steps = 0;
  #sequenceSteps = 0;

  constructor(registers: Registry[]) {
    this.#counters = new Map(
      Object.entries(counters).map(([name, help]) => [name, new Counter({ name: `llamacpp:${name}`, help, registers })]),
    );
  }

  #add(name: keyof typeof counters, by: number): void {
    this.#counters.get(name)!.inc(by);
  }

  /** Sequences that decoded, in the mean of all steps; one that only reads its prompt counts too. */
  get sequencesPerStep(): number {
    return this.#steps > 0 ? this.#sequenceSteps / this.#steps : 0;
  }

  prompt(computed: number, seconds: number, cached = 0): void {
    this.#add("prompt_tokens_cached_total", cached);
    this.#add("prompt_tokens_total", computed);
    this.#add("prompt_seconds_total", seconds);
    this.promptRate.add(computed, seconds);
  }
  predicted(tokens: number, seconds: number): void {
    this.#add("tokens_predicted_total", tokens);
    this.#add("tokens_predicted_seconds_total", seconds);
    // the first token comes with the prompt
    this.predictedRate.add(tokens - 1, seconds);
  }
  ended(tokens: number): void {
    this.#add("n_tokens_max", Math.max(0, tokens - this.#longest));
    this.#longest = Math.max(this.#longest, tokens);
  }
  verified(guessed: number, right: number): void {
    this.#add("spec_decode_num_drafts_total", 1);
    this.#add("spec_decode_num_draft_tokens_total", guessed);
    this.#add("spec_decode_num_accepted_tokens_total", right);
  }
  step(sequences: number): void {
    this.#add("n_decode_total", 1);
    this.#steps++;
    this.#sequenceSteps += sequences;
  }
}

function watch(engine: Engine, series: LlamaCppSeries): void {
  /** When it was last known to go on, in milliseconds since it was submitted. */
  const since = new WeakMap<Observed, number>();
  const secondsUntil = (ms: number, of: Observed) => Math.max(0, ms - (since.get(of) ?? 0)) / 1000;
  engine.observe({
    started: (ms, of) => since.set(of, ms),
    firstToken: (ms, of) => {
      const { promptTokens, cachedTokens = 0 } = of.usage;
      series.prompt(promptTokens - cachedTokens, secondsUntil(ms, of), cachedTokens);
      since.set(of, ms);
    },
    verified: (guessed, right) => series.verified(guessed, right),
    finished: (_outcome, { promptTokens, completionTokens }, ms, of) => {
      if (completionTokens > 0) series.predicted(completionTokens, secondsUntil(ms, of));
      series.ended(promptTokens + completionTokens);
    },
    step: decoded => series.step(Math.max(1, decoded)),
  });
}

export function llamaCppMetrics(engines: Engines, registers: Registry[]): void {
  const series = new LlamaCppSeries(registers);
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `llamacpp:${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("prompt_tokens_seconds", "Prompt tokens per second since the last scrape.", () => series.promptRate.take());
  gauge("predicted_tokens_seconds", "Generated tokens per second since the last scrape.", () => series.predictedRate.take());
  const total = (of: "running" | "queued") => engines.models().reduce((n, m) => n + ("room" in m ? m.stats()[of] : 0), 0);
  gauge("requests_processing", "Sequences that run.", () => total("running"));
  gauge("requests_deferred", "Sequences that wait.", () => total("queued"));
  gauge("n_busy_slots_per_decode", "Mean number of sequences in a step.", () => series.sequencesPerStep);
  engines.watch(engine => watch(engine, series));
  engines.watchEncoders(encoder =>
    encoder.observe((texts, tokens, _width, ms) => {
      series.step(texts);
      series.prompt(tokens, ms / 1000);
    }),
  );
}
