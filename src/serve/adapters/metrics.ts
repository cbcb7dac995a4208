/** Prometheus metrics of adapters. A name is a label only while its adapter is loaded, so that names that come and go do not pile up. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Engines } from "../engines.ts";

/** Names that may be known beside those that are loaded, until the next reading. */
const mostUnloaded = 100;

export function adapterMetrics(engines: Engines, registers: Registry[]): void {
  const answered = new Map<string, readonly { readonly model: string; readonly adapter: string; readonly outcome: string }[]>();
  const answers = new Counter({
    name: "loam_adapter_answers_total",
    help: "Answers with an adapter that ended, by how; of those that are loaded.",
    labelNames: ["model", "adapter", "outcome"],
    registers,
    collect: prune,
  });
  function prune(): void {
    const loaded = new Set(engines.adapters.list().map(a => a.name));
    for (const [name, all] of answered) {
      if (loaded.has(name)) continue;
      for (const labels of all) answers.remove(labels);
      answered.delete(name);
    }
  }
  const withRoom = () => engines.models().flatMap(m => ("room" in m && m.adapterRoom.count > 0 ? [m] : []));
  engines.watch(engine => {
    const model = engine.model.id;
    engine.observe({
      finished: (outcome, _usage, _ms, { adapterName: adapter }) => {
        if (adapter === undefined) return;
        const labels = { model, adapter, outcome };
        answers.inc(labels);
        const before = answered.get(adapter) ?? [];
        if (!before.some(l => l.model === model && l.outcome === outcome)) answered.set(adapter, [...before, labels]);
        if (answered.size > engines.adapters.list().length + mostUnloaded) prune();
      },
    });
  });
  new Gauge({
    name: "loam_adapters",
    help: "Adapters that a model has loaded.",
    labelNames: ["model"],
    registers,
    collect() {
      this.reset();
      for (const { model } of withRoom()) this.set({ model: model.id }, engines.adapters.list().filter(a => a.parent === model.id).length);
    },
  });
  new Gauge({
    name: "loam_adapter_info",
    help: "Loaded adapters, the model of each and its rank; always 1.",
    labelNames: ["adapter", "model", "rank"],
    registers,
    collect() {
      this.reset();
      for (const { name, parent, rank } of engines.adapters.list()) this.set({ adapter: name, model: parent, rank: String(rank) }, 1);
    },
  });
  // the Gateway API Inference Extension routes to servers that have an adapter by this one; its value is the time
  new Gauge({
    name: "vllm:lora_requests_info",
    help: "Adapters in use, under vLLM's name: those that run and those that wait.",
    labelNames: ["max_lora", "running_lora_adapters", "waiting_lora_adapters"],
    registers,
    collect() {
      this.reset();
      const models = withRoom();
      if (models.length === 0) return;
      const stats = models.map(e => e.stats());
      const joined = (names: readonly string[]) => [...new Set(names)].sort().join(",");
      this.set(
        {
          max_lora: String(models.reduce((n, e) => n + e.adapterRoom.count, 0)),
          running_lora_adapters: joined(stats.flatMap(s => s.runningAdapters)),
          waiting_lora_adapters: joined(stats.flatMap(s => s.queuedAdapters)),
        },
        Date.now() / 1000,
      );
    },
  });
}
