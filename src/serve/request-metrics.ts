/**
 * Prometheus metrics of requests as wholes: how long one is computed, the time of each of its tokens, what it asked for, how often it was
 * preempted. The names are ours; vLLM's stand in `vllm-names.ts`.
 */
import { Counter, Histogram, type Registry } from "prom-client";
import type { Engines } from "./engines.ts";
import type { Observed } from "./observer.ts";
import type { Siblings } from "./siblings.ts";

/** What is known of a sequence that is running. */
interface Progress {
  /** Milliseconds from its submission until it left the queue, and until its first token. */
  readonly startedMs: number;
  firstMs: number;
  preemptions: number;
}

/** Answers to one prompt: those that have not ended, and the longest so far. */
interface Open {
  left: number;
  longest: number;
}

const tokenSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** The buckets of `metrics.ts`: seconds of requests, numbers of tokens. */
interface Buckets {
  readonly seconds: readonly number[];
  readonly tokens: readonly number[];
}

export function requestMetrics(engines: Engines, registers: Registry[], { seconds, tokens }: Buckets): void {
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    new Histogram({ name: `loam_${name}`, help, labelNames: ["model"], buckets: [...buckets], registers });
  const inference = histogram("inference_seconds", "Time from the queue to the end of an answer.", seconds);
  const perToken = histogram("time_per_output_token_seconds", "Mean time between the tokens of one answer.", tokenSeconds);
  const preemptions = histogram("request_preemptions", "Times that one answer was preempted.", [0, 1, 2, 5, 10]);
  const choices = histogram("request_choices", "Answers that one request asked for of a prompt (n).", [1, 2, 5, 10, 20]);
  const maxTokens = histogram("request_max_tokens", "Tokens that one answer was allowed.", tokens);
  const longest = histogram("longest_completion_tokens", "Tokens of the longest answer to one prompt.", tokens);
  const rejected = new Counter({
    name: "loam_admission_rejections_total",
    help: "Answers that were refused because the queue was full.",
    labelNames: ["model"],
    registers,
  });
  engines.watch(engine => {
    const model = engine.model.id;
    const known = new WeakMap<Observed, Progress>();
    const open = new WeakMap<Siblings, Open>();
    rejected.inc({ model }, 0);
    engine.observe({
      rejected: sequences => rejected.inc({ model }, sequences),
      started: (startedMs, of) => {
        // one that comes in again after a preemption has started already
        if (!known.has(of)) known.set(of, { startedMs, firstMs: Number.NaN, preemptions: 0 });
      },
      firstToken: (ms, of) => {
        const progress = known.get(of);
        if (progress) progress.firstMs = ms;
      },
      preempted: of => {
        const progress = known.get(of);
        if (progress) progress.preemptions++;
      },
      finished: (_outcome, { completionTokens }, ms, of) => {
        maxTokens.observe({ model }, of.maxTokens);
        const progress = known.get(of);
        if (progress) {
          inference.observe({ model }, (ms - progress.startedMs) / 1000);
          preemptions.observe({ model }, progress.preemptions);
          if (completionTokens > 1) perToken.observe({ model }, (ms - progress.firstMs) / 1000 / (completionTokens - 1));
        }
        const all = open.get(of.siblings) ?? { left: of.siblings.count, longest: 0 };
        all.left--;
        all.longest = Math.max(all.longest, completionTokens);
        if (all.left > 0) return void open.set(of.siblings, all);
        choices.observe({ model }, of.siblings.count);
        longest.observe({ model }, all.longest);
      },
    });
  });
}
