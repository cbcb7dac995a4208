/** Prometheus metrics of a server and its engines. Names and units follow Prometheus' rules (base units, `_total`); labels are few and bounded. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import {
  type HostOptions,
  hostMetrics,
  latencyHistogram,
  openMetricsText,
  openMetricsType,
  type ReadWatchFigures,
  watchMetrics,
} from "../tracing/index.ts";
import { adapterMetrics } from "./adapters/metrics.ts";
import { costMetrics } from "./cost-metrics.ts";
import type { Engine } from "./engine.ts";
import type { Engines } from "./engines.ts";
import type { Fleet } from "./lifecycle/fleet.ts";
import { llamaCppMetrics } from "./llama-cpp-metrics.ts";
import type { DecoderMetadata } from "./model-metadata.ts";
import type { Observed } from "./observer.ts";
import { requestMetrics } from "./request-metrics.ts";
import { renamedMetrics, vllmNames } from "./vllm-names.ts";

/** Seconds: from a token of a small model to an answer of a large one. */
const tokenBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const waitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const requestBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface ServedRequestRecord {
  readonly id: string;
  readonly method: string;
  /** The route's pattern, never the path itself. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** The code of the error that ended it. */
  readonly error?: string;
}

export interface ServeMetricsOptions extends HostOptions {
  readonly fleet?: Fleet | undefined;
  /** What monitors say; no series of them when absent. */
  readonly watchFigures?: ReadWatchFigures | undefined;
  /** What an hour of a core costs; no series of money when absent. */
  readonly usdPerCoreHour?: number | undefined;
  /** The trace of a request under way, where it is sampled. */
  readonly traceOf?: ((requestId: string) => string | undefined) | undefined;
}

interface Metrics {
  readonly contentType: string;
  /** The page that Prometheus reads. */
  text(): Promise<string>;
  /** The same series as OpenMetrics, with exemplars. */
  openText(): Promise<string>;
  readonly openContentType: string;
  request(record: ServedRequestRecord): void;
}

/** Seconds: from a toy to a model of many gigabytes. */
const loadBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Tokens: by doubling, from a word to the longest contexts. */
const lengthBuckets = [1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 32_768, 131_072];

/** `model` in labels is a version's id, `mail-small@3`; `loam_model_version_info` says its name and number apart. */
export function createServeMetrics(engines: Engines, version: string, options: ServeMetricsOptions = {}): Metrics {
  const { fleet, traceOf } = options;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `loam_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: readonly number[]) =>
    new Histogram({ name: `loam_${name}`, help, labelNames: [...labelNames], buckets: [...buckets], registers });

  /** Of latencies, each with the last request of every bucket. */
  const latency = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: readonly number[]) => {
    const observe = latencyHistogram({ name: `loam_${name}`, help, labelNames, buckets, registry });
    return (labels: Readonly<Record<L, string>>, seconds: number, requestId: string | undefined) =>
      observe(labels, seconds, requestId, requestId === undefined ? undefined : traceOf?.(requestId));
  };

  new Gauge({ name: "loam_build_info", help: "Loam's version, as a label; always 1.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const requests = counter("http_requests_total", "HTTP requests by route and status.", ["method", "route", "status"]);
  const requestSeconds = latency("http_request_seconds", "Time from a request to the end of its answer.", ["route"], requestBuckets);
  const errors = counter("errors_total", "Requests that ended with an error, by its code.", ["code"]);

  const queueSeconds = latency("queue_seconds", "Time in the queue before a sequence runs.", ["model"], waitBuckets);
  const firstToken = latency("time_to_first_token_seconds", "Time from submission to the first token.", ["model"], waitBuckets);
  const nextToken = histogram("inter_token_seconds", "Time between two tokens of one answer.", ["model"], tokenBuckets);
  const prefillSeconds = histogram("prefill_seconds", "Time from the start of a sequence to the first token.", ["model"], waitBuckets);
  const decodeSeconds = histogram("decode_seconds", "Time from the first token to the end of an answer.", ["model"], requestBuckets);
  const promptLength = histogram("prompt_tokens", "Tokens of one prompt.", ["model"], lengthBuckets);
  const answerLength = histogram("completion_tokens", "Tokens of one answer.", ["model"], lengthBuckets);
  const answerSeconds = latency("answer_seconds", "Time from submission to the end of an answer.", ["model"], requestBuckets);
  const stepSeconds = histogram("step_seconds", "Time of one engine step.", ["model"], tokenBuckets);
  const stepRows = histogram("step_decoded_rows", "Sequences that decoded in one step.", ["model"], [0, 1, 2, 4, 8, 16, 32, 64]);
  const stepTokens = histogram(
    "step_tokens",
    "Tokens of one engine step: those of prompts that it read and those that it generated.",
    ["model"],
    lengthBuckets,
  );
  const promptTokens = counter("prompt_tokens_total", "Prompt tokens of answers that ended.", ["model"]);
  const completionTokens = counter("completion_tokens_total", "Tokens generated, of answers that ended.", ["model"]);
  const generated = counter("generated_tokens_total", "Tokens generated.", ["model"]);
  const prefixHits = counter("prefix_hits_total", "Times that a prompt's beginning was found in the cache.", ["model"]);
  const prefixQueried = counter("prefix_queried_tokens_total", "Prompt tokens that were looked for in the cache.", ["model"]);
  const prefixTokens = counter("prefix_cached_tokens_total", "Prompt tokens that were found in the cache and not computed.", ["model"]);
  const guessed = counter("speculative_drafted_tokens_total", "Tokens that were guessed and verified.", ["model"]);
  const preempted = counter("preemptions_total", "Sequences that were preempted because the KV cache was full.", ["model"]);
  const refusedSpans = counter("refused_spans_total", "Spans of responses that were refused and taken back.", ["model"]);
  const right = counter("speculative_accepted_tokens_total", "Guessed tokens that were right.", ["model"]);
  const rightAt = counter("speculative_accepted_tokens_per_position_total", "Of them, by their place among the guesses of a round.", [
    "model",
    "position",
  ]);
  const texts = counter("embedded_texts_total", "Texts that were embedded.", ["model"]);
  const batchTexts = histogram("embedding_batch_texts", "Texts in one batch of an encoder.", ["model"], [1, 2, 4, 8, 16, 32, 64]);
  const batchSeconds = histogram("embedding_batch_seconds", "Time of one batch of an encoder.", ["model"], tokenBuckets);
  const loads = counter("model_changes_total", "Versions that were loaded, unloaded or put to sleep, or failed to load.", [
    "name",
    "change",
  ]);
  const loadSeconds = histogram("model_load_seconds", "Time from asking for a version to its being warm.", ["name"], loadBuckets);
  const finished = counter("answers_total", "Answers that ended, by how.", ["model", "outcome"]);

  adapterMetrics(engines, registers);
  costMetrics(engines, registers, options);
  hostMetrics(registry, options);
  watchMetrics(registry, options.watchFigures);
  llamaCppMetrics(engines, registers);
  requestMetrics(engines, registers, { seconds: requestBuckets, tokens: lengthBuckets });
  engines.watch((engine: Engine) => {
    const model = engine.model.id;
    let generatedInStep = 0;
    /** When it was last known to go on, in milliseconds since it was submitted. */
    const since = new WeakMap<Observed, number>();
    engine.observe({
      started: (ms, of) => {
        since.set(of, ms);
        queueSeconds({ model }, ms / 1000, of.requestId);
        prefixQueried.inc({ model }, of.usage.promptTokens);
      },
      firstToken: (ms, of) => {
        generated.inc({ model });
        generatedInStep++;
        firstToken({ model }, ms / 1000, of.requestId);
        prefillSeconds.observe({ model }, (ms - (since.get(of) ?? 0)) / 1000);
        since.set(of, ms);
      },
      nextToken: ms => {
        generated.inc({ model });
        generatedInStep++;
        nextToken.observe({ model }, ms / 1000);
      },
      reused: tokens => {
        prefixHits.inc({ model });
        prefixTokens.inc({ model }, tokens);
      },
      spanRefused: () => refusedSpans.inc({ model }),
      preempted: () => preempted.inc({ model }),
      verified: (all, accepted) => {
        for (let position = 0; position < accepted; position++) rightAt.inc({ model, position });
        guessed.inc({ model }, all);
        right.inc({ model }, accepted);
      },
      finished: (outcome, usage, ms, of) => {
        promptLength.observe({ model }, usage.promptTokens);
        answerLength.observe({ model }, usage.completionTokens);
        if (usage.completionTokens > 0) decodeSeconds.observe({ model }, (ms - (since.get(of) ?? 0)) / 1000);
        finished.inc({ model, outcome });
        promptTokens.inc({ model }, usage.promptTokens);
        completionTokens.inc({ model }, usage.completionTokens);
        answerSeconds({ model }, ms / 1000, of.requestId);
      },
      step: (decoded, read, ms) => {
        stepSeconds.observe({ model }, ms / 1000);
        stepTokens.observe({ model }, read + generatedInStep);
        generatedInStep = 0;
        stepRows.observe({ model }, decoded);
      },
    });
  });

  engines.watchEncoders(encoder => {
    const model = encoder.model.id;
    encoder.observe((count, _tokens, _width, ms) => {
      texts.inc({ model }, count);
      batchTexts.observe({ model }, count);
      batchSeconds.observe({ model }, ms / 1000);
    });
  });
  fleet?.observe(({ kind, name, ms }) => {
    loads.inc({ name, change: kind });
    if (kind === "loaded") loadSeconds.observe({ name }, ms / 1000);
  });
  new Gauge({
    name: "loam_model_version_info",
    help: "Versions that there are and what they do; always 1.",
    labelNames: ["model", "name", "version", "state"],
    registers,
    collect() {
      this.reset();
      const fixed = [...engines.all(), ...engines.encoders()].map(({ model, state }) => ({
        id: model.id,
        name: model.name ?? model.id,
        version: model.version ?? 1,
        state,
      }));
      for (const v of fleet?.list() ?? fixed) this.set({ model: v.id, name: v.name, version: String(v.version), state: v.state }, 1);
    },
  });

  type Stats = ReturnType<DecoderMetadata["stats"]>;
  const gauge = (name: string, help: string, of: (s: Stats) => number) =>
    new Gauge({
      name: `loam_${name}`,
      help,
      labelNames: ["model"],
      registers,
      collect() {
        this.reset();
        // one that sleeps stays: whoever scales by a series must not lose it
        for (const model of engines.models()) if ("room" in model) this.set({ model: model.model.id }, of(model.stats()));
      },
    });
  gauge("running_requests", "Sequences that are running.", s => s.running);
  gauge("queued_requests", "Sequences that wait in the queue.", s => s.queued);
  gauge("blocked_requests", "Answers whose client is behind.", s => s.blocked);
  gauge("slots", "Answers that can run at once.", s => s.slots);
  gauge("kv_cache_utilisation_ratio", "Share of the KV cache that is in use.", s => (s.cacheRoom ? s.cacheTokens / s.cacheRoom : 0));
  gauge("kv_cache_bytes", "Memory of the cache.", s => s.cacheBytes);
  gauge("engine_uniform", "1 when programs agree to the bit, so that prefixes are shared and guesses verified.", s =>
    s.isUniform ? 1 : 0,
  );
  new Gauge({
    name: "loam_queued_texts",
    help: "Texts that wait to be embedded.",
    labelNames: ["model"],
    registers,
    collect() {
      this.reset();
      for (const m of engines.models()) if ("dimensions" in m) this.set({ model: m.model.id }, m.stats().queued);
    },
  });
  // under vLLM's name alone: all that waits here waits for capacity
  new Gauge({
    name: "vllm:num_requests_waiting_by_reason",
    help: "Answers that wait, under vLLM's name: for capacity.",
    labelNames: ["model_name", "reason"],
    registers,
    collect() {
      this.reset();
      for (const m of engines.models()) if ("room" in m) this.set({ model_name: m.model.id, reason: "capacity" }, m.stats().queued);
    },
  });
  new Gauge({
    name: "loam_cache_config_info",
    help: "KV-cache tokens, maximum concurrent sequences, and sequences of a full context that fit, as labels; always 1.",
    labelNames: ["model", "cache_tokens", "max_sequences", "full_contexts"],
    registers,
    collect() {
      this.reset();
      for (const m of engines.models()) {
        if (!("room" in m)) continue;
        const { cacheRoom, slots: most } = m.stats();
        const full = (cacheRoom / m.room).toFixed(2);
        this.set({ model: m.model.id, cache_tokens: String(cacheRoom), max_sequences: String(most), full_contexts: full }, 1);
      }
    },
  });
  gauge("engine_ready", "1 when the engine takes work.", s => (s.state === "ready" ? 1 : 0));

  return {
    contentType: registry.contentType,
    text: async () => {
      const again = Object.entries(vllmNames).map(async ([name, alias]) =>
        renamedMetrics(await registry.getSingleMetricAsString(name), name, alias),
      );
      return `${await registry.metrics()}\n${(await Promise.all(again)).join("\n\n")}\n`;
    },
    openText: () => openMetricsText(registry, vllmNames),
    openContentType: openMetricsType,
    request: ({ id, method, route, status, ms, error }) => {
      requests.inc({ method, route, status });
      requestSeconds({ route }, ms / 1000, id);
      if (error !== undefined) errors.inc({ code: error });
    },
  };
}
