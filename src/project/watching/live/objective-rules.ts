/** The objectives of `loam.yaml` as rules. */
import { defined } from "../../../base/index.ts";
import type { ObjectiveRule } from "../../../watch/index.ts";
import type { SloConfig } from "../../../watch/part.ts";

const dayMs = 86_400_000;

export const objectiveRules = (slo: SloConfig): ObjectiveRule[] =>
  Object.entries(slo).map(([name, { objective, window, model, firstToken, latency }]) => ({
    name,
    objective,
    windowMs: window * dayMs,
    ...defined({ model, firstTokenMs: firstToken, latencyMs: latency }),
  }));
