/** Limits on requests as Envoy Gateway's global rate limit: rules with selectors, counted by the rate limit service for all proxies. */
import type { Consumer, ExportDifference } from "./plan.ts";
import { dimensionsOf, isConcerned, requestLimits, unitOf } from "./request-limits.ts";
import type { ExportGiven } from "./target.ts";

/** Headers that say who asks and for what; the proxy sets them, a client's own are replaced. */
export const clientHeader = "x-loam-client";
export const modelHeader = "x-gateway-model-name";

const unitWords = { second: "Second", minute: "Minute", hour: "Hour", day: "Day", month: "Month" } as const;

export function envoyLimits(
  { access }: ExportGiven,
  consumers: readonly Consumer[],
): { readonly rules: object[]; readonly differences: ExportDifference[] } {
  const { rules: asked, differences } = requestLimits(access);
  const rules: object[] = [];
  for (const rule of asked) {
    const place = `access.limits.${rule.name}`;
    const tell = (why: string) => differences.push({ place, why });
    const unit = unitOf(rule);
    const per = dimensionsOf(rule, consumers);
    if (unit === undefined) {
      tell("the rate limit service counts by second, minute, hour, day and month only");
      continue;
    }
    if (per.some(d => d === "user" || d === "team" || d === "organisation")) {
      tell(`callers with several keys cannot be counted by ${rule.per.join(" and ")}`);
      continue;
    }
    if (rule.for.models) {
      tell("a limit for some models only is not exported");
      continue;
    }
    if (rule.burst !== undefined && rule.burst !== rule.limit) tell("no burst of its own: all of it may come at once");
    if (rule.window !== undefined) tell("counted in fixed windows: around the edge of one up to twice as much passes");
    const concerned = consumers.filter(c => isConcerned(rule, c));
    const isAll = concerned.length === consumers.length;
    const distinct = [
      ...(per.includes("key") ? [{ name: clientHeader, type: "Distinct" }] : []),
      ...(per.includes("model") ? [{ name: modelHeader, type: "Distinct" }] : []),
    ];
    if (!isAll && !per.includes("key")) {
      tell("a limit that some callers share is not exported");
      continue;
    }
    if (per.includes("ip")) tell("addresses of IPv4 alone are counted");
    const ip = per.includes("ip") ? { sourceCIDR: { type: "Distinct", value: "0.0.0.0/0" } } : {};
    const limit = { requests: Math.floor(rule.limit), unit: unitWords[unit] };
    const selectors = isAll
      ? [{ ...(distinct.length > 0 ? { headers: distinct } : {}), ...ip }]
      : concerned.map(c => ({
          headers: [{ name: clientHeader, type: "Exact", value: c.id }, ...distinct.filter(h => h.name !== clientHeader)],
          ...ip,
        }));
    // `shared`: one count over all routes
    for (const selector of selectors)
      rules.push({ ...(Object.keys(selector).length > 0 ? { clientSelectors: [selector] } : {}), limit, shared: true });
  }
  return { rules, differences };
}
