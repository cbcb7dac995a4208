/** Rows of usage as bars a day: summed by key, model, team or person, the largest groups by name, the others together. */
import type { UsageRow } from "../generated/gateway.ts";

export const measures = ["requests", "tokens", "cost"] as const;
export type Measure = (typeof measures)[number];
export const groupings = ["key", "model", "team", "person"] as const;
export type Grouping = (typeof groupings)[number];

/** More than these cannot be told apart by colour. */
export const mostGroups = 5;
export const others = "others";

export interface Group {
  readonly name: string;
  readonly total: number;
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNano: number;
  /** One value a day, in the days' order. */
  readonly values: readonly number[];
}

export interface Days {
  /** `2026-11-26`, none left out. */
  readonly days: readonly string[];
  /** The largest first. */
  readonly groups: readonly Group[];
  /** Of the day with most. */
  readonly most: number;
}

const dayMs = 86_400_000;
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The last `count` days up to the one of `nowMs`, by UTC as the gateway counts. */
export const lastDays = (count: number, nowMs: number): string[] =>
  Array.from({ length: count }, (_, i) => dayOf(nowMs - (count - 1 - i) * dayMs));

const amountOf: { readonly [M in Measure]: (row: UsageRow) => number } = {
  requests: r => r.requests,
  tokens: r => r.inputTokens + r.outputTokens,
  cost: r => r.costNano / 1e9,
};
const nameOf: { readonly [G in Grouping]: (row: UsageRow) => string } = {
  key: r => r.keyId,
  model: r => r.model || "no model",
  team: r => r.team || "no team",
  person: r => r.subject,
};

function groupOf(name: string, rows: readonly UsageRow[], days: readonly string[], measure: Measure): Group {
  const sum = (of: (row: UsageRow) => number) => rows.reduce((n, r) => n + of(r), 0);
  const byDay = new Map<string, number>();
  for (const r of rows) byDay.set(r.day, (byDay.get(r.day) ?? 0) + amountOf[measure](r));
  return {
    name,
    total: sum(amountOf[measure]),
    requests: sum(r => r.requests),
    errors: sum(r => r.errors),
    inputTokens: sum(r => r.inputTokens),
    outputTokens: sum(r => r.outputTokens),
    costNano: sum(r => r.costNano),
    values: days.map(d => byDay.get(d) ?? 0),
  };
}

export function daysOf(rows: readonly UsageRow[], days: readonly string[], measure: Measure, grouping: Grouping): Days {
  const shown = rows.filter(r => days.includes(r.day));
  const byName = new Map<string, UsageRow[]>();
  for (const r of shown) {
    const name = nameOf[grouping](r);
    byName.set(name, [...(byName.get(name) ?? []), r]);
  }
  const all = [...byName]
    .map(([name, own]) => groupOf(name, own, days, measure))
    .sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
  const large = all.length > mostGroups + 1 ? all.slice(0, mostGroups) : all;
  const rest = all.slice(large.length).flatMap(g => byName.get(g.name)!);
  const groups = rest.length > 0 ? [...large, groupOf(others, rest, days, measure)] : large;
  return { days, groups, most: Math.max(0, ...days.map((_, i) => groups.reduce((n, g) => n + g.values[i]!, 0))) };
}
