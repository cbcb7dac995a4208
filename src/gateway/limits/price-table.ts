/** What tokens cost: a table by model, in currency for a million tokens as providers print it. */
import { z } from "zod";

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
export type ModelPrice = z.output<typeof modelPrice>;
