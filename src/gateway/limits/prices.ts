/** What tokens cost: a table by model, in currency for a million tokens as providers print it, in whole 1e-9 of the unit inside. */
import { z } from "zod";
import type { Actual, Demand } from "../contract.ts";

const price = z.number().min(0).max(1e6);
const modelPrice = z.strictObject({
  /** For 1,000,000 tokens. */
  input: price.default(0),
  /** Input that a cache had; as other input when absent. */
  cachedInput: price.optional(),
  output: price.default(0),
  /** For each request. */
  request: price.default(0),
});
export const pricesPart = z.strictObject({
  /** ISO 4217; a name only, nothing is converted. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "a currency code such as USD")
    .default("USD"),
  /** `"*"` is the price of every model that has none of its own. */
  models: z.record(z.string(), modelPrice).default({}),
});
export type Prices = z.output<typeof pricesPart>;
type ModelPrice = z.output<typeof modelPrice>;

/** 1e-9 units: 1 unit a million tokens is 1,000 of them a token. */
const nano = (p: ModelPrice, input: number, cached: number, output: number): number =>
  Math.ceil(((input - cached) * p.input + cached * (p.cachedInput ?? p.input) + output * p.output) * 1e3 + p.request * 1e9);

export const priceOf = (prices: Prices, model: string | null): ModelPrice | undefined =>
  (model !== null && Object.hasOwn(prices.models, model) ? prices.models[model] : undefined) ??
  (Object.hasOwn(prices.models, "*") ? prices.models["*"] : undefined);

/** The most that a request can come to, in 1e-9 units; undefined where the model has no price. */
export function mostCost(prices: Prices, model: string | null, demand: Demand): number | undefined {
  const p = priceOf(prices, model);
  // a cache may have a price above the input's: whoever writes it is charged for that
  return (
    p &&
    Math.max(
      nano(p, demand.inputTokens, 0, demand.maxOutputTokens),
      nano(p, demand.inputTokens, demand.inputTokens, demand.maxOutputTokens),
    )
  );
}

/** What it came to, in 1e-9 units; 0 where the model has no price. */
export function costOf(prices: Prices, model: string | null, actual: Actual): number {
  const p = priceOf(prices, model);
  return p ? nano(p, actual.inputTokens, Math.min(actual.cachedTokens, actual.inputTokens), actual.outputTokens) : 0;
}
