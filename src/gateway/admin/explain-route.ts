/** Which server a request would be sent to: the first rule of its model that it fulfils, and the targets which that leaves. */

import { gatewayErrors } from "../errors.ts";
import { type Facts, holds } from "../routing/conditions.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { Runtime } from "../routing/runtime.ts";
import type { ServiceState } from "../upstreams/upstream.ts";

interface ExplainedTarget {
  readonly target: string;
  readonly weight: number;
  readonly priority: number;
  /** Whether this caller's request for its model may be sent now, and if not why not; null where no running gateway is asked. */
  readonly state: ServiceState | null;
}

export interface ExplainedRoute {
  /** The model's public name. */
  readonly model: string;
  /** How a target is chosen of those of the best priority. */
  readonly strategy: string;
  /** The rule that says which targets it may go to; null where no rule holds, or the model has none. */
  readonly rule: string | null;
  /** In order; those behind the one that holds are not asked. */
  readonly rules: readonly { readonly rule: string; readonly applies: boolean }[];
  /** The first that are asked stand first. */
  readonly targets: readonly ExplainedTarget[];
  /** Models that stand in where no target answers. */
  readonly fallbacks: readonly string[];
}

/** Errors: those of `holds`. */
export function explainRoute(route: ModelRoute, facts: Facts, runtime?: Runtime): ExplainedRoute {
  const rules: { rule: string; applies: boolean }[] = [];
  let chosen = route;
  for (const rule of route.rules ?? []) {
    const applies = holds(rule.when, facts);
    rules.push({ rule: rule.name, applies });
    if (!applies) continue;
    chosen = rule.route;
    break;
  }
  return {
    model: route.name,
    strategy: route.strategy,
    rule: chosen.rule ?? null,
    rules,
    targets: chosen.targets
      .map(({ id, weight, priority, upstream, model }) => ({
        target: id,
        weight,
        priority,
        state: runtime ? runtime.upstream(upstream).serviceState(model, facts.identity.keyId) : null,
      }))
      .sort((a, b) => a.priority - b.priority || b.weight - a.weight),
    fallbacks: route.fallbacks,
  };
}

/** `NAME=VALUE` as headers of the request. Errors: gateway/parameter. */
export function headerReaderOf(given: readonly string[]): Facts["headers"] {
  const values = new Map<string, string>();
  for (const text of given) {
    const [, name, value] = /^([A-Za-z0-9-]{1,64})\s*[=:]\s*(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw gatewayErrors.fail("parameter", { place: "header", expected: "NAME=VALUE", received: JSON.stringify(text.slice(0, 60)) });
    values.set(name.toLowerCase(), value);
  }
  return { get: name => values.get(name.toLowerCase()) ?? null };
}
