/** The cache in Prometheus' words, read where it is asked for: nothing is counted twice. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { AnswerCache } from "./cache.ts";
import { type CacheCounts, cacheResults } from "./counts.ts";

/** `cache`: the one that runs; undefined where there is none, and then nothing is shown. */
export function cacheMetrics(registry: Registry, cache: () => AnswerCache | undefined): void {
  const registers = [registry];
  new Counter({
    name: "loam_gateway_cache_requests_total",
    help: "Requests by what the cache did: hit, semantic, shared (with one under way), miss, bypass.",
    labelNames: ["model", "result"],
    registers,
    collect() {
      this.reset();
      for (const [model, row] of cache()?.counts.results ?? []) for (const result of cacheResults) this.inc({ model, result }, row[result]);
    },
  });
  const counter = (name: string, help: string, value: (counts: CacheCounts) => number) =>
    new Counter({
      name: `loam_gateway_cache_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(cache() ? value(cache()!.counts) : 0);
      },
    });
  counter("kept_total", "Answers that were kept.", c => c.kept);
  counter("unfit_total", "Answers that may not be kept: errors, parts, filtered, too large.", c => c.unfit);
  counter("evicted_total", "Answers that had to go for others.", c => c.evicted);
  counter("store_errors_total", "Times that the store of answers failed; each is a miss.", c => c.storeErrors);
  counter("embeddings_total", "Questions whose vector was had.", c => c.embedded);
  counter("embedding_errors_total", "Questions whose vector could not be had in time; each is a miss.", c => c.embeddingErrors);
  const gauge = (name: string, help: string, value: (c: AnswerCache) => number | Promise<number>) =>
    new Gauge({
      name: `loam_gateway_cache_${name}`,
      help,
      registers,
      async collect() {
        const running = cache();
        this.set(running ? await value(running) : 0);
      },
    });
  gauge("entries", "Answers that are kept.", async c => (await c.size()).entries);
  gauge("bytes", "Bytes of them.", async c => (await c.size()).bytes);
  gauge("under_way", "Questions that are under way to a server.", c => c.state().underWay);
}
