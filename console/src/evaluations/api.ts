/** Addresses that only the page of evaluations calls. */
import { caller } from "../client.ts";
import { answers, type DiffItem } from "../generated/evaluations.ts";

const ask = caller(answers);

export interface DiffQuery {
  readonly first: string;
  readonly second: string;
  readonly change?: string | null;
  readonly by?: string | null;
  readonly group?: string | null;
  readonly find?: string | null;
  readonly offset?: number;
  readonly limit?: number;
}

export const listEvaluations = (signal: AbortSignal) => ask("GET /api/evaluations/list", {}, { signal });
export const diffEvaluations = (query: DiffQuery, signal?: AbortSignal) =>
  ask("GET /api/evaluations/diff", {}, { query: { ...query }, ...(signal ? { signal } : {}) });

/** Items of one answer, the most. */
const most = 1_000;

/** All items that fit, page by page. */
export async function allItems(query: DiffQuery): Promise<DiffItem[]> {
  const items: DiffItem[] = [];
  for (;;) {
    const page = await diffEvaluations({ ...query, offset: items.length, limit: most });
    items.push(...page.items);
    if (page.items.length === 0 || items.length >= page.total) return items;
  }
}
