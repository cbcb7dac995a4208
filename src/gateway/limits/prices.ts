/** What a request costs by the table of prices, in whole 1e-9 of the currency's unit. */
import type { Actual, Demand, Subjects } from "./contract.ts";
import type { ModelPrice, Prices } from "./price-table.ts";

/** 1e-9 units: 1 unit a million tokens is 1,000 of them a token. */
export const nano = (p: ModelPrice, input: number, cached: number, output: number, requests = 1): number =>
  Math.ceil(((input - cached) * p.input + cached * (p.cachedInput ?? p.input) + output * p.output) * 1e3 + requests * p.request * 1e9);

export const priceOf = (prices: Prices, model: string | null): ModelPrice | undefined =>
  (model !== null && Object.hasOwn(prices.models, model) ? prices.models[model] : undefined) ??
  (Object.hasOwn(prices.models, "*") ? prices.models["*"] : undefined);

/** The first of the names that has no price; undefined where all have one. */
export const unpricedOf = (prices: Prices, { model, priceNames }: Pick<Subjects, "model" | "priceNames">): string | undefined =>
  (priceNames ?? [model]).map(name => (priceOf(prices, name) ? undefined : (name ?? ""))).find(name => name !== undefined);

/** The most that a request can come to, whoever answers, in 1e-9 units; undefined where one who may has no price. */
export function mostCost(
  prices: Prices,
  { model, priceNames }: Pick<Subjects, "model" | "priceNames">,
  demand: Demand,
): number | undefined {
  if (priceNames === undefined) return mostOf(prices, model, demand);
  const all = priceNames.map(name => mostOf(prices, name, demand));
  return all.includes(undefined) ? undefined : Math.max(...(all as number[]));
}

function mostOf(prices: Prices, model: string | null, demand: Demand): number | undefined {
  const p = priceOf(prices, model);
  // a cache may have a price above the input's: whoever writes it is charged for that
  return (
    p &&
    Math.max(
      nano(p, demand.inputTokens, 0, demand.maxOutputTokens, demand.requests),
      nano(p, demand.inputTokens, demand.inputTokens, demand.maxOutputTokens, demand.requests),
    )
  );
}

/** What it came to at the price of whoever answered, in 1e-9 units; 0 where that has none. */
export function costOf(prices: Prices, model: string | null, actual: Actual): number {
  const p = priceOf(prices, actual.pricedAs ?? model);
  return p ? nano(p, actual.inputTokens, Math.min(actual.cachedTokens, actual.inputTokens), actual.outputTokens, actual.requests) : 0;
}
