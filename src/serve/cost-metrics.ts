/**
 * What serving costs, by model: the processor time of this process since the last look, divided over the models in proportion to the time that their steps
 * and batches took meanwhile. All of it together is what the process used; what it used while no model worked is nobody's ("none").
 */
import { Counter, type Registry } from "prom-client";
import type { Engines } from "./engines.ts";

const nobody = "none";

const ownSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

interface CostOptions {
  readonly usdPerCoreHour?: number | undefined;
  /** Processor seconds of this process since it began; tests give their own. */
  readonly processorSeconds?: (() => number) | undefined;
}

export function costMetrics(engines: Engines, registers: Registry[], { usdPerCoreHour, processorSeconds = ownSeconds }: CostOptions): void {
  const busyMs = new Map<string, number>();
  let countedSeconds = processorSeconds();
  const worked = (model: string, ms: number) => busyMs.set(model, (busyMs.get(model) ?? 0) + ms);
  engines.watch(engine => void engine.observe({ step: (_decoded, _read, ms) => worked(engine.model.id, ms) }));
  engines.watchEncoders(encoder => void encoder.observe((_count, _tokens, _width, ms) => worked(encoder.model.id, ms)));

  /** Processor seconds of each model since the last look. */
  const take = (): (readonly [model: string, seconds: number])[] => {
    const now = processorSeconds();
    const used = Math.max(0, now - countedSeconds);
    countedSeconds = Math.max(countedSeconds, now);
    const allMs = [...busyMs.values()].reduce((a, b) => a + b, 0);
    const shares = allMs > 0 ? [...busyMs].map(([model, ms]) => [model, (used * ms) / allMs] as const) : [[nobody, used] as const];
    busyMs.clear();
    return shares;
  };
  const counter = (name: string, help: string, collect?: () => void) =>
    new Counter({ name: `loam_${name}`, help, labelNames: ["model"], registers, ...(collect ? { collect } : {}) });
  // a registry reads its metrics in the order in which they were made, so one look serves both
  const seconds = counter("core_seconds_total", 'Processor time by model; "none": while no model worked.', () => {
    for (const [model, s] of take()) {
      seconds.inc({ model }, s);
      if (usdPerCoreHour !== undefined) usd.inc({ model }, (s * usdPerCoreHour) / 3600);
    }
  });
  const usd = counter("cost_usd_total", "US dollars of processor time by model, at the price of prices in loam.yaml.");
}
