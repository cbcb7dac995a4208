/** From limits, subjects and demand to the lines of one decision; and what each is charged in the end. Pure. */
import type { Identity } from "../identity/contract.ts";
import type { BucketLine } from "./bucket.ts";
import type { LineOutcome } from "./bucket-store.ts";
import { clientAddress } from "./client-address.ts";
import type { Actual, Demand, LimitState, Subjects } from "./contract.ts";
import type { Measure } from "./measures.ts";
import type { Prices } from "./price-table.ts";
import { costOf, mostCost } from "./prices.ts";
import type { Dimension, LimitRule, Period } from "./rules.ts";

/** Currency in 1e-9 of its unit. */
const nanoUnit = 1e9;

/** A limit that is asked, and of which bucket. */
export interface RuleLine {
  readonly rule: LimitRule;
  readonly line: BucketLine;
}

/** Nothing can be asked: a limit on money, and a model without a price. */
interface Unpriced {
  readonly rule: LimitRule;
}

const matches = (pattern: string, value: string): boolean =>
  pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : pattern === value;
const some = (patterns: readonly string[], values: readonly string[]): boolean => patterns.some(p => values.some(v => matches(p, v)));
const present = (value: string | null): readonly string[] => (value === null ? [] : [value]);

export function concerns(rule: LimitRule, identity: Identity, model: string | null): boolean {
  const f = rule.for;
  return (
    (f.models === undefined || some(f.models, present(model))) &&
    (f.keys === undefined || some(f.keys, [identity.keyId])) &&
    (f.users === undefined || some(f.users, [identity.subject])) &&
    (f.teams === undefined || some(f.teams, identity.teams)) &&
    (f.organisations === undefined || some(f.organisations, present(identity.organisation))) &&
    (f.roles === undefined || some(f.roles, identity.roles))
  );
}

/** Bits of a network that is one client, where the limit says nothing: the least that a home is given. */
const usualPrefix = 64;

const valuesOf: { readonly [D in Dimension]: (s: Subjects) => readonly string[] } = {
  key: s => [s.identity.keyId],
  user: s => [s.identity.subject],
  team: s => s.identity.teams,
  organisation: s => present(s.identity.organisation),
  model: s => present(s.model),
  ip: s => present(s.ip),
};

/** One value's part of a bucket's name, quoted, so that no name can imitate another's bucket. */
const part = (rule: LimitRule, dimension: Dimension, value: string): string =>
  `${dimension}=${JSON.stringify(dimension === "ip" ? clientAddress(value, rule.ipv6Prefix ?? usualPrefix) : value)}`;

const remembered = new WeakMap<LimitRule, Map<string, readonly string[]>>();
/** Texts that are remembered of a limit; with one more, all that were go. */
const mostRemembered = 10_000;

/** Remembered: a text that is made anew is hashed anew, too, and most limits are of one dimension. */
function bucketsOfOne(rule: LimitRule, dimension: Dimension, value: string): readonly string[] {
  let own = remembered.get(rule);
  if (!own) {
    own = new Map();
    remembered.set(rule, own);
  }
  const known = own.get(value);
  if (known) return known;
  if (own.size >= mostRemembered) own.clear();
  const made = [`${rule.name} ${part(rule, dimension, value)}`];
  own.set(value, made);
  return made;
}

/**
 * Buckets of a limit: one for each combination of its dimensions, so whoever is in two teams needs room in both; none where a dimension has
 * no value.
 */
function bucketsOf(rule: LimitRule, subjects: Subjects): readonly string[] {
  const [only] = rule.per;
  if (rule.per.length === 1) {
    const values = valuesOf[only!](subjects);
    if (values.length === 1) return bucketsOfOne(rule, only!, values[0]!);
  }
  let buckets = [rule.name];
  for (const dimension of rule.per) {
    const next: string[] = [];
    for (const bucket of buckets) for (const value of valuesOf[dimension](subjects)) next.push(`${bucket} ${part(rule, dimension, value)}`);
    buckets = next;
  }
  return buckets;
}

const startOf: { readonly [P in Period]: (nowMs: number) => { readonly label: string; readonly endsMs: number | null } } = {
  day: nowMs => {
    const d = new Date(nowMs);
    return { label: d.toISOString().slice(0, 10), endsMs: Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate() + 1) };
  },
  month: nowMs => {
    const d = new Date(nowMs);
    return { label: d.toISOString().slice(0, 7), endsMs: Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 1) };
  },
  total: () => ({ label: "total", endsMs: null }),
};

/** Charged at once and held until the end, by what is measured; undefined: it cannot be said. */
const demandOf: { readonly [M in Measure]: (d: Demand, prices: Prices, subjects: Subjects) => readonly [number, number] | undefined } = {
  requests: d => [d.requests ?? 1, 0],
  inputTokens: d => [d.inputTokens, 0],
  outputTokens: d => [0, d.maxOutputTokens],
  tokens: d => [d.inputTokens, d.maxOutputTokens],
  concurrency: () => [0, 1],
  bytes: d => [d.bytes, 0],
  cost: (d, prices, subjects) => {
    const most = mostCost(prices, subjects, d);
    return most === undefined ? undefined : [0, most];
  },
};

/** Added at the end to what was charged at once. */
const deltaOf: { readonly [M in Measure]: (actual: Actual, d: Demand, prices: Prices, model: string | null) => number } = {
  requests: () => 0,
  inputTokens: (a, d) => a.inputTokens - d.inputTokens,
  outputTokens: a => a.outputTokens,
  tokens: (a, d) => a.inputTokens - d.inputTokens + a.outputTokens,
  concurrency: () => 0,
  bytes: () => 0,
  cost: (a, _, prices, model) => costOf(prices, model, a),
};

/** From what people write to the bucket's units. */
const units = (rule: LimitRule, amount: number): number => Math.round(amount * (rule.measure === "cost" ? nanoUnit : 1));
export const quotaOf = (rule: LimitRule): number => units(rule, rule.limit);
export const capacityOf = (rule: LimitRule): number => units(rule, rule.burst ?? rule.limit);
/** Units a millisecond. */
export const leakOf = (rule: LimitRule): number =>
  rule.window === undefined ? 0 : (rule.limit * (rule.measure === "cost" ? nanoUnit : 1)) / rule.window;
/** What the period of a limit is called now, and when it ends; null where it has none. */
export const periodLabel = (rule: LimitRule, nowMs: number): { readonly label: string | null; readonly endsMs: number | null } =>
  rule.period === undefined ? { label: null, endsMs: null } : startOf[rule.period](nowMs);

export function linesOf(
  rules: readonly LimitRule[],
  prices: Prices,
  subjects: Subjects,
  demand: Demand,
  nowMs: number,
): { readonly lines: readonly RuleLine[]; readonly unpriced: Unpriced | undefined } {
  const lines: RuleLine[] = [];
  let unpriced: Unpriced | undefined;
  for (const rule of rules) {
    if (!concerns(rule, subjects.identity, subjects.model)) continue;
    const amounts = demandOf[rule.measure](demand, prices, subjects);
    if (amounts === undefined) {
      if (rule.mode === "enforce") unpriced ??= { rule };
      continue;
    }
    const [charge, hold] = amounts;
    const period = rule.period && startOf[rule.period](nowMs);
    const leakPerMs = leakOf(rule);
    for (const bucket of bucketsOf(rule, subjects))
      lines.push({
        rule,
        line: {
          bucket: period ? `${bucket} ${period.label}` : bucket,
          capacity: capacityOf(rule),
          leakPerMs,
          charge,
          hold,
          enforce: rule.mode === "enforce",
          endsMs: period?.endsMs ?? null,
        },
      });
  }
  return { lines, unpriced };
}

/** By bucket, what settling adds to the level. */
export function deltasOf(
  lines: readonly RuleLine[],
  prices: Prices,
  subjects: Subjects,
  demand: Demand,
  actual: Actual,
): Record<string, number> {
  // no prototype: a limit may be called anything
  const deltas: Record<string, number> = Object.create(null);
  for (const { rule, line } of lines) deltas[line.bucket] = deltaOf[rule.measure](actual, demand, prices, subjects.model);
  return deltas;
}

/** Of a period, its length; a month has 30 days in a header that can say only one number. */
const periodMs: { readonly [P in Period]: number | null } = { day: 86_400_000, month: 30 * 86_400_000, total: null };

export function lineState({ rule, line }: RuleLine, outcome: LineOutcome, nowMs: number): LimitState {
  return {
    limit: rule.name,
    measure: rule.measure,
    quota: quotaOf(rule),
    capacity: line.capacity,
    remaining: Math.max(0, Math.floor(line.capacity - outcome.level - outcome.held + 1e-6)),
    resetMs: line.leakPerMs > 0 ? outcome.level / line.leakPerMs : line.endsMs === null ? 0 : Math.max(0, line.endsMs - nowMs),
    windowMs: rule.window ?? (rule.period === undefined ? null : periodMs[rule.period]),
  };
}

/** Milliseconds until the line fits at the earliest, if nothing else comes; null where it never will by waiting. */
export function waitOf({ line }: RuleLine, outcome: LineOutcome, nowMs: number): number | null {
  const wanted = line.charge + line.hold;
  if (wanted > line.capacity) return null;
  const missing = outcome.level + outcome.held + wanted - line.capacity;
  if (line.leakPerMs > 0) return Math.min(missing, outcome.level) / line.leakPerMs + (missing > outcome.level ? heldWaitMs : 0);
  // a bucket that does not leak gets room when others end or the period does
  if (missing <= outcome.held) return heldWaitMs;
  return line.endsMs === null ? null : Math.max(0, line.endsMs - nowMs);
}

/** When what others hold comes back nobody knows: a guess, so that clients ask again soon. */
const heldWaitMs = 1_000;
