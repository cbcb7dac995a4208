/** Limits on requests as other gateways know them: so many in a time for each caller. Every other limit is told. */
import type { ControlConfig } from "../../control-config.ts";
import { concerns } from "../../limits/lines.ts";
import type { Dimension, LimitRule } from "../../limits/rules.ts";
import type { Consumer, ExportDifference } from "./plan.ts";

const words: { readonly [M in LimitRule["measure"]]?: string } = {
  inputTokens: "tokens are not counted there",
  outputTokens: "tokens are not counted there",
  tokens: "tokens are not counted there",
  cost: "money is not counted there",
  concurrency: "requests under way are not counted there",
  bytes: "bytes are not counted there",
};

/** Those on requests that deny. The rest are differences. */
export function requestLimits({ limits }: ControlConfig): {
  readonly rules: readonly LimitRule[];
  readonly differences: ExportDifference[];
} {
  const rules: LimitRule[] = [];
  const differences: ExportDifference[] = [];
  for (const rule of limits) {
    const place = `access.limits.${rule.name}`;
    if (rule.measure !== "requests") differences.push({ place, why: words[rule.measure]! });
    else if (rule.mode === "shadow") differences.push({ place, why: "a limit that only reports is not known there" });
    else {
      rules.push(rule);
      if (rule.warnAt !== undefined) differences.push({ place: `${place}.warnAt`, why: "no warning comes before" });
    }
  }
  return { rules, differences };
}

/** By whom a limit counts, where callers of one key each make `user`, `team` and `organisation` the same as `key`. */
export function dimensionsOf(rule: LimitRule, consumers: readonly Consumer[]): readonly Dimension[] {
  const single = (of: (c: Consumer) => readonly string[]): boolean => {
    const all = consumers.filter(c => isConcerned(rule, c)).map(of);
    return all.every(v => v.length === 1) && new Set(all.flat()).size === all.length;
  };
  const isKey: { readonly [D in Dimension]?: boolean } = {
    user: single(c => [c.identity.subject]),
    team: single(c => c.identity.teams),
    organisation: single(c => (c.identity.organisation === null ? [] : [c.identity.organisation])),
  };
  return [...new Set(rule.per.map(d => (isKey[d] ? "key" : d)))];
}

/** Whether a limit is asked for requests of a caller, whatever the model. */
export const isConcerned = (rule: LimitRule, { identity }: Consumer): boolean =>
  concerns({ ...rule, for: { ...rule.for, models: undefined } }, identity, null);

/** Units that counters in fixed windows have, in milliseconds. */
const units = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
export type Unit = keyof typeof units | "month";

/** The unit that a window or period is, if it is one. */
export function unitOf({ window, period }: LimitRule): Unit | undefined {
  if (period !== undefined) return period === "total" ? undefined : period;
  return (Object.keys(units) as (keyof typeof units)[]).find(u => units[u] === window);
}
