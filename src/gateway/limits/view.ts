/**
 * Limits as operators look at them: of each its most used buckets, what is used, held and left. Buckets are read page by page, so that a
 * million of them hold up no request; what is not among the top of its limit is counted only.
 */

import { levelAt } from "./bucket.ts";
import type { BucketPage, BucketRow, BucketStore } from "./bucket-store.ts";
import type { LimitBucket, LimitsAsk, LimitsView, LimitView } from "./contract.ts";
import { capacityOf, leakOf, periodLabel, quotaOf } from "./lines.ts";
import { type Dimension, dimensions, type LimitRule } from "./rules.ts";

/** Buckets read at a time, and at most in one look. */
const page = 2_000;
const mostRead = 1_000_000;
export const defaultTop = 20;

const namePart = /^[a-z0-9-]+/;
const dimensionPart = new RegExp(` (${dimensions.join("|")})=("(?:[^"\\\\]|\\\\.)*")`, "gy");

/** The parts of a bucket's id, as `bucketsOf` (`lines.ts`) writes it; undefined where it is none of this limit as it is now. */
function partsOf(id: string, rule: LimitRule, period: string | null): Record<string, string> | undefined {
  const of: Record<string, string> = {};
  let end = rule.name.length;
  dimensionPart.lastIndex = end;
  for (let m = dimensionPart.exec(id); m; m = dimensionPart.exec(id)) {
    of[m[1]!] = JSON.parse(m[2]!) as string;
    end = dimensionPart.lastIndex;
  }
  const isWhole = id.slice(end) === (period === null ? "" : ` ${period}`);
  return isWhole && rule.per.length === Object.keys(of).length && rule.per.every(d => Object.hasOwn(of, d)) ? of : undefined;
}

interface Looked {
  readonly rule: LimitRule;
  readonly period: string | null;
  readonly endsMs: number | null;
  buckets: LimitBucket[];
  count: number;
}

function bucketView({ rule, endsMs }: Looked, of: LimitBucket["of"], row: BucketRow, nowMs: number): LimitBucket {
  const [capacity, leak] = [capacityOf(rule), leakOf(rule)];
  const used = levelAt(row, leak, nowMs);
  return {
    of,
    used: Math.round(used),
    held: Math.round(row.held),
    remaining: Math.max(0, Math.floor(capacity - used - row.held + 1e-6)),
    share: Math.round(((used + row.held) / capacity) * 1e4) / 1e4,
    resetMs: Math.round(leak > 0 ? used / leak : endsMs === null ? 0 : Math.max(0, endsMs - nowMs)),
  };
}

const byUse = (a: LimitBucket, b: LimitBucket): number => b.share - a.share;

/** Errors: stateLost. */
export async function viewLimits(
  store: BucketStore,
  rules: readonly LimitRule[],
  currency: string,
  nowMs: number,
  ask: LimitsAsk = {},
): Promise<LimitsView> {
  const { top = defaultTop, limit, only = {} } = ask;
  const looked = new Map<string, Looked>();
  for (const rule of rules)
    if (limit === undefined || rule.name === limit) {
      const { label, endsMs } = periodLabel(rule, nowMs);
      looked.set(rule.name, { rule, period: label, endsMs, buckets: [], count: 0 });
    }
  let after: string | null = looked.size > 0 ? "" : null;
  let read = 0;
  while (after !== null && read < mostRead) {
    const { nowMs: storeMs, rows, next }: BucketPage = await store.list(after, page);
    for (const row of rows) {
      const at = looked.get(namePart.exec(row.id)?.[0] ?? "");
      const of = at && partsOf(row.id, at.rule, at.period);
      if (!at || !of || Object.entries(only).some(([d, value]) => of[d] !== value)) continue;
      const bucket = bucketView(at, of, row, storeMs);
      if (bucket.used <= 0 && bucket.held <= 0) continue;
      at.count++;
      at.buckets.push(bucket);
      if (at.buckets.length >= 2 * top) at.buckets = at.buckets.sort(byUse).slice(0, top);
    }
    read += rows.length;
    after = next;
  }
  const limits = [...looked.values()].map(({ rule, period, buckets, count }): LimitView => {
    const { name, measure, per, mode, window, warnAt, onStoreLoss } = rule;
    return {
      limit: name,
      measure,
      per: per satisfies readonly Dimension[],
      mode,
      quota: quotaOf(rule),
      capacity: capacityOf(rule),
      windowMs: window ?? null,
      period,
      warnAt: warnAt ?? null,
      onStoreLoss,
      numBuckets: count,
      buckets: buckets.sort(byUse).slice(0, top),
    };
  });
  return { currency, limits, isWhole: after === null };
}
