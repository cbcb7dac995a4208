import type { Adds, Reads } from "../step.ts";

/** It takes one request of the limits, and no tokens. */
export function demandRequest({ identity, route, exchange }: Reads<"identity" | "route">): Adds<"subjects" | "demand"> {
  return {
    subjects: { identity, model: route.name, ip: exchange.ip },
    demand: { inputTokens: 0, maxOutputTokens: 0, bytes: 0 },
  };
}
