/** Guards in Prometheus' words; labels are names of guards of the configuration. */
import { Counter, Histogram, type Registry } from "prom-client";
import type { GuardCounts } from "./acts.ts";

/** Seconds: from a list in memory to a person. */
const buckets = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300];

export function guardMetrics(registry: Registry): GuardCounts {
  const registers = [registry];
  const decided = new Counter({
    name: "loam_gateway_guard_decisions_total",
    help: "Requests by what a guard decided in a stage (request, answer): pass, flag, rewrite, restore, block; open, closed where it could not judge.",
    labelNames: ["guard", "stage", "decision"],
    registers,
  });
  const seconds = new Histogram({
    name: "loam_gateway_guard_seconds",
    help: "Time that a guard took of a request, in all of a stage.",
    labelNames: ["guard", "stage"],
    buckets,
    registers,
  });
  return {
    decided: (guard, stage, decision) => decided.inc({ guard, stage, decision }),
    took: (guard, stage, ms) => seconds.observe({ guard, stage }, ms / 1000),
  };
}
