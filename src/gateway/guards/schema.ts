/**
 * The part `guards` of the gateway's file: guards by name, and under `default` the names of those that stand before every model. Each kind's own
 * options are a schema in its folder.
 */
import { z } from "zod";
import { endpoints } from "../endpoints.ts";
import { blocklistOptions } from "./blocklist/options.ts";
import { classifierOptions } from "./classifier/options.ts";
import { stages } from "./contract.ts";
import { judgeOptions } from "./llm-judge/options.ts";
import { personOptions } from "./person/options.ts";
import { privateGuardOptions } from "./private/options.ts";
import { webhookOptions } from "./webhook/options.ts";

/** What stands in a header, a metric and a log. */
const guardName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a name of letters, digits and . _ -, at most 64");

/** Where it looks. */
const on = () =>
  z
    .array(z.enum(stages))
    .min(1)
    .default([...stages])
    .describe("Texts to check: requests, responses, or both.");

/** What all kinds have. */
const common = () => ({
  onFailure: z.enum(["closed", "open"]).default("closed").describe("If the guard fails: refuse (`closed`) or let pass (`open`)."),
  for: z
    .strictObject({
      models: z.array(z.string().min(1)).min(1).optional().describe("Models."),
      keys: z.array(z.string().min(1)).min(1).optional().describe("API keys."),
      subjects: z.array(z.string().min(1)).min(1).optional().describe("Users and service accounts."),
      endpoints: z.array(z.enum(endpoints)).min(1).optional().describe("Endpoints."),
      teams: z.array(z.string().min(1)).min(1).optional().describe("Teams."),
    })
    .prefault({})
    .describe("Requests the guard applies to. All lists must match."),
});

const guardPart = z.lazy(() =>
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("private").describe("Guard: private data."), ...common(), ...privateGuardOptions() }),
    z.strictObject({
      kind: z.literal("blocklist").describe("Guard: words, phrases and patterns."),
      ...common(),
      on: on(),
      ...blocklistOptions(),
    }),
    z.strictObject({ kind: z.literal("webhook").describe("Guard: an external service."), ...common(), on: on(), ...webhookOptions() }),
    z.strictObject({
      kind: z.literal("classifier").describe("Guard: a moderation model, by category."),
      ...common(),
      on: on(),
      ...classifierOptions(),
    }),
    z.strictObject({
      kind: z.literal("judge").describe("Guard: a chat model, by a rule or by documents."),
      ...common(),
      on: on(),
      ...judgeOptions(),
    }),
    z.strictObject({ kind: z.literal("person").describe("Guard: human approval."), ...common(), ...personOptions() }),
  ]),
);
export type GuardPart = z.output<typeof guardPart>;
export type GuardPartOf<K extends GuardPart["kind"]> = Extract<GuardPart, { readonly kind: K }>;

export const guardNames = z.array(guardName).max(50);

const defaultKey = "default";

export const guardsPart = z
  .record(guardName, z.union([guardNames, guardPart]))
  .superRefine((given, context) => {
    for (const [name, value] of Object.entries(given))
      if (Array.isArray(value) !== (name === defaultKey))
        context.addIssue({
          code: "custom",
          path: [name],
          message:
            name === defaultKey
              ? "a list of names of guards"
              : "a guard: { kind: private }, blocklist, webhook, classifier, judge or person",
        });
  })
  .transform(({ [defaultKey]: everywhere = [], ...rest }) => ({
    everywhere: everywhere as readonly string[],
    byName: rest as Readonly<Record<string, GuardPart>>,
  }));
export type GuardsPart = z.output<typeof guardsPart>;
