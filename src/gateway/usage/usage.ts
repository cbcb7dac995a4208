/** Usage by day, key, subject, team, organisation and model: rows of sums, added to in the transaction that settles a request. */
import type { UsageRow } from "../contract.ts";
import type { Sql, SqlValue } from "../state/sql.ts";

/** In the order of the columns of `gateway_usage`. */
export const usageValues = (r: UsageRow): SqlValue[] => [
  r.day,
  r.keyId,
  r.subject,
  r.team,
  r.organisation,
  r.model,
  r.requests,
  r.errors,
  r.inputTokens,
  r.cachedTokens,
  r.outputTokens,
  r.costNano,
];

export interface UsageColumns {
  readonly day: string;
  readonly key_id: string;
  readonly subject: string;
  readonly team: string;
  readonly organisation: string;
  readonly model: string;
  readonly requests: number;
  readonly errors: number;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly cost_nano: number;
}

export const usageRow = (r: UsageColumns): UsageRow => ({
  day: r.day,
  keyId: r.key_id,
  subject: r.subject,
  team: r.team,
  organisation: r.organisation,
  model: r.model,
  requests: r.requests,
  errors: r.errors,
  inputTokens: r.input_tokens,
  cachedTokens: r.cached_tokens,
  outputTokens: r.output_tokens,
  costNano: r.cost_nano,
});

/** Sums of the rows of a group that are of the same day, key and model. */
export function mergedUsage(rows: readonly UsageRow[]): UsageRow[] {
  if (rows.length < 2) return [...rows];
  const sums = new Map<string, UsageRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.day, row.keyId, row.subject, row.team, row.organisation, row.model]);
    const sum = sums.get(key);
    sums.set(
      key,
      sum === undefined
        ? row
        : {
            ...row,
            requests: sum.requests + row.requests,
            errors: sum.errors + row.errors,
            inputTokens: sum.inputTokens + row.inputTokens,
            cachedTokens: sum.cachedTokens + row.cachedTokens,
            outputTokens: sum.outputTokens + row.outputTokens,
            costNano: sum.costNano + row.costNano,
          },
    );
  }
  return [...sums.values()];
}

const dayMs = 86_400_000;
let lastDay = Number.NaN;
let lastText = "";

/** `2026-11-26`, by UTC. */
export function dayOf(ms: number): string {
  const day = Math.floor(ms / dayMs);
  // asked for each request, and the same nearly always
  if (day !== lastDay) {
    lastText = new Date(ms).toISOString().slice(0, 10);
    lastDay = day;
  }
  return lastText;
}

/** Both days included, oldest first. */
export async function usageBetween(sql: Sql, fromDay: string, toDay: string): Promise<UsageRow[]> {
  const rows = await sql.all<UsageColumns>(
    "select * from gateway_usage where day >= ? and day <= ? order by day, organisation, team, subject, key_id, model",
    [fromDay, toDay],
  );
  return rows.map(usageRow);
}
