/** What tokens cost: a table by model, in currency for a million tokens as providers print it. */
import { z } from "zod";

const price = z.number().min(0).max(1e6);
const modelPrice = z.lazy(() =>
  z.strictObject({
    input: price.default(0).describe("Price per 1,000,000 input tokens."),
    cachedInput: price.optional().describe("Price per 1,000,000 cached input tokens. Default: the input price."),
    output: price.default(0).describe("Price per 1,000,000 output tokens."),
    request: price.default(0).describe("Price per request."),
  }),
);
export const pricesPart = z.lazy(() =>
  z.strictObject({
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, "a currency code such as USD")
      .default("USD")
      .describe("Currency, ISO 4217."),
    models: z.record(z.string(), modelPrice).default({}).describe("Prices by model; `*`: all other models."),
  }),
);
export type Prices = z.output<typeof pricesPart>;
export type ModelPrice = z.output<typeof modelPrice>;
