/** The statistics extension: how many texts a model has answered since the server started, and where their time went. */

import type { EmbeddingEngine } from "../../embedding/embedding-engine.ts";
import type { Engine } from "../../engine.ts";
import type { Engines } from "../../engines.ts";
import type { ListedMetadata } from "../../model-metadata.ts";
import { versionOf } from "../tensorflow/versions.ts";

/** How often, and nanoseconds in all. */
interface Duration {
  count: number;
  ns: number;
}
const none = (): Duration => ({ count: 0, ns: 0 });
const add = (to: Duration, ms: number): void => {
  to.count++;
  to.ns += Math.round(ms * 1e6);
};

/** What a model did; the same for its next engine, when it sleeps and wakes. */
class ModelCounts {
  lastInferenceMs = 0;
  inferences = 0;
  executions = 0;
  readonly success = none();
  readonly fail = none();
  readonly queue = none();
  readonly compute = none();
}

export class InferenceStatistics {
  readonly #counts = new Map<string, ModelCounts>();
  readonly #now: () => number;

  constructor(engines: Engines, now: () => number) {
    this.#now = now;
    engines.watch(engine => this.#watchDecoder(engine));
    engines.watchEncoders(encoder => this.#watchEncoder(encoder));
  }

  #of(id: string): ModelCounts {
    const known = this.#counts.get(id) ?? new ModelCounts();
    this.#counts.set(id, known);
    return known;
  }

  #watchDecoder(engine: Engine): void {
    const counts = this.#of(engine.model.id);
    const queued = new WeakMap<object, number>();
    engine.observe({
      started: (ms, of) => {
        queued.set(of, ms);
        add(counts.queue, ms);
      },
      finished: (outcome, _, ms, of) => {
        const isFailure = outcome === "error";
        add(isFailure ? counts.fail : counts.success, ms);
        if (isFailure) return;
        counts.inferences++;
        counts.lastInferenceMs = this.#now();
        add(counts.compute, ms - (queued.get(of) ?? 0));
      },
      step: () => {
        counts.executions++;
      },
    });
  }

  #watchEncoder(encoder: EmbeddingEngine): void {
    const counts = this.#of(encoder.model.id);
    encoder.observe((texts, _tokens, _width, ms) => {
      counts.inferences += texts;
      counts.executions++;
      counts.lastInferenceMs = this.#now();
      counts.success.count += texts;
      counts.success.ns += Math.round(ms * 1e6);
      add(counts.compute, ms);
    });
  }

  /** As Triton has it. Times of the steps that it has and Loam has not are 0. */
  of(engine: ListedMetadata, name: string) {
    const { lastInferenceMs, inferences, executions, success, fail, queue, compute } = this.#of(engine.model.id);
    return {
      name,
      version: String(versionOf(engine)),
      last_inference: lastInferenceMs,
      inference_count: inferences,
      execution_count: executions,
      inference_stats: {
        success,
        fail,
        queue,
        compute_input: none(),
        compute_infer: compute,
        compute_output: none(),
        cache_hit: none(),
        cache_miss: none(),
      },
      batch_stats: [],
      memory_usage: [],
      response_stats: {},
    };
  }
}
