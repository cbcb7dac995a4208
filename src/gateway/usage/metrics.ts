/**
 * Usage of today (UTC) by key, for dashboards: the keys with the most tokens by name, all others as one. Gauges, since keys come onto the list and leave it.
 * However many keys there are, the series are `mostKeys` and one.
 */
import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../../base/index.ts";
import type { KeyUsage, TopUsage } from "../contract.ts";

/** Keys that have series of their own. */
export const mostKeys = 10;
/** The state is asked again after this. */
const keptMs = 10_000;
const others = "other";

const labelNames = ["key", "subject", "team"] as const;
type Sums = TopUsage["all"];

const rest = ({ keys, all }: TopUsage, value: (s: Sums) => number): number =>
  Math.max(0, value(all) - keys.reduce((n, k) => n + value(k), 0));

export function keyMetrics(registry: Registry, read: () => Promise<TopUsage>, clock: Clock): void {
  let now: Promise<TopUsage | undefined> = Promise.resolve(undefined);
  let readMs = Number.NEGATIVE_INFINITY;
  /** A state that cannot be reached has no series, and fails no scrape. */
  const top = () => {
    if (clock.monotonic() - readMs < keptMs) return now;
    readMs = clock.monotonic();
    now = read().catch(() => undefined);
    return now;
  };
  const gauge = (name: string, help: string, value: (s: Sums) => number) =>
    new Gauge({
      name: `loam_gateway_key_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        const usage = await top();
        this.reset();
        if (!usage) return;
        for (const k of usage.keys) this.set(labelsOf(k), value(k));
        if (usage.all.requests > 0) this.set({ key: others, subject: "", team: "" }, rest(usage, value));
      },
    });
  const labelsOf = ({ keyId, subject, team }: KeyUsage) => ({ key: keyId, subject, team });
  const of = "today (UTC), by key; all but the ten with the most tokens are one, other.";
  gauge("requests_today", `Requests of ${of}`, s => s.requests);
  gauge("errors_today", `Requests that failed of ${of}`, s => s.errors);
  gauge("input_tokens_today", `Input tokens of ${of}`, s => s.inputTokens);
  gauge("output_tokens_today", `Output tokens of ${of}`, s => s.outputTokens);
  gauge("cost_today", `Cost, in the currency of the prices, of ${of}`, s => s.costNano / 1e9);
}
