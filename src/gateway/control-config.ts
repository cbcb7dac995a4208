/** The part of the gateway's configuration that says who there is, who may do what, and how much: checked whole, unknown keys are errors. */
import { z } from "zod";
import { issuersPart } from "./identity/issuers.ts";
import { principalsPart } from "./identity/principals.ts";
import { sigv4Part } from "./identity/sigv4-part.ts";
import { pricesPart } from "./limits/price-table.ts";
import { limitsPart } from "./limits/rules.ts";
import { policiesPart } from "./policy/rules.ts";

export const controlPart = z.strictObject({
  principals: principalsPart
    .default({ organisations: {}, teams: {}, users: {}, serviceAccounts: {} })
    .describe("Organisations, teams, users and service accounts."),
  issuers: issuersPart.describe("Token issuers (OIDC)."),
  sigv4: sigv4Part.optional().describe("AWS Signature Version 4 authentication."),
  policies: policiesPart.describe("Access policies. Without an allow, a request is denied."),
  limits: limitsPart.describe("Rate limits and budgets."),
  prices: pricesPart.default({ currency: "USD", models: {} }).describe("Prices per model."),
});
export type ControlConfig = z.output<typeof controlPart>;
/** As people write it. */
export type ControlGiven = z.input<typeof controlPart>;
