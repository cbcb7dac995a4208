/** Prometheus metrics of a server and its engines. Names and units follow Prometheus' rules (base units, `_total`); labels are few and bounded. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Engine } from "./engine.ts";
import type { Engines } from "./engines.ts";

/** Seconds: from a token of a small model to an answer of a large one. */
const tokenBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const waitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const requestBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** The route's pattern, never the path itself. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** The code of the error that ended it. */
  readonly error?: string;
}

export interface Metrics {
  readonly contentType: string;
  /** The page that Prometheus reads. */
  text(): Promise<string>;
  request(record: RequestRecord): void;
}

export function createMetrics(engines: Engines, version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `loam_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: readonly number[]) =>
    new Histogram({ name: `loam_${name}`, help, labelNames: [...labelNames], buckets: [...buckets], registers });

  new Gauge({ name: "loam_build_info", help: "Loam's version, as a label; always 1.", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  const requests = counter("http_requests_total", "HTTP requests by route and status.", ["method", "route", "status"]);
  const requestSeconds = histogram("http_request_seconds", "Time from a request to the end of its answer.", ["route"], requestBuckets);
  const errors = counter("errors_total", "Requests that ended with an error, by its code.", ["code"]);

  const queueSeconds = histogram("queue_seconds", "Time in the queue before a slot.", ["model"], waitBuckets);
  const firstToken = histogram("time_to_first_token_seconds", "Time from submission to the first token.", ["model"], waitBuckets);
  const nextToken = histogram("inter_token_seconds", "Time between two tokens of one answer.", ["model"], tokenBuckets);
  const answerSeconds = histogram("answer_seconds", "Time from submission to the end of an answer.", ["model"], requestBuckets);
  const stepSeconds = histogram("step_seconds", "Time of one engine step.", ["model"], tokenBuckets);
  const stepRows = histogram("step_decoded_rows", "Sequences that decoded in one step.", ["model"], [0, 1, 2, 4, 8, 16, 32, 64]);
  const promptTokens = counter("prompt_tokens_total", "Prompt tokens of answers that ended.", ["model"]);
  const completionTokens = counter("completion_tokens_total", "Tokens generated, of answers that ended.", ["model"]);
  const generated = counter("generated_tokens_total", "Tokens generated.", ["model"]);
  const finished = counter("answers_total", "Answers that ended, by how.", ["model", "outcome"]);

  engines.watch((engine: Engine) => {
    const model = engine.model.id;
    engine.observe({
      started: ms => queueSeconds.observe({ model }, ms / 1000),
      firstToken: ms => {
        generated.inc({ model });
        firstToken.observe({ model }, ms / 1000);
      },
      nextToken: ms => {
        generated.inc({ model });
        nextToken.observe({ model }, ms / 1000);
      },
      finished: (outcome, usage, ms) => {
        finished.inc({ model, outcome });
        promptTokens.inc({ model }, usage.promptTokens);
        completionTokens.inc({ model }, usage.completionTokens);
        answerSeconds.observe({ model }, ms / 1000);
      },
      step: (decoded, _, ms) => {
        stepSeconds.observe({ model }, ms / 1000);
        stepRows.observe({ model }, decoded);
      },
    });
  });

  type Stats = ReturnType<Engine["stats"]>;
  const gauge = (name: string, help: string, of: (s: Stats) => number) =>
    new Gauge({
      name: `loam_${name}`,
      help,
      labelNames: ["model"],
      registers,
      collect() {
        this.reset();
        for (const engine of engines.all()) this.set({ model: engine.model.id }, of(engine.stats()));
      },
    });
  gauge("running_requests", "Answers that have a slot.", s => s.running);
  gauge("queued_requests", "Answers that wait for a slot.", s => s.queued);
  gauge("blocked_requests", "Answers whose client is behind.", s => s.blocked);
  gauge("slots", "Answers that can run at once.", s => s.slots);
  gauge("kv_cache_utilisation_ratio", "Share of the cache's positions that is in use.", s =>
    s.cacheRoom ? s.cacheTokens / s.cacheRoom : 0,
  );
  gauge("kv_cache_bytes", "Memory of the cache.", s => s.cacheBytes);
  gauge("engine_ready", "1 when the engine takes work.", s => (s.state === "ready" ? 1 : 0));

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    request: ({ method, route, status, ms, error }) => {
      requests.inc({ method, route, status });
      requestSeconds.observe({ route }, ms / 1000);
      if (error !== undefined) errors.inc({ code: error });
    },
  };
}
