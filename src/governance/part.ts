/** `governance:` of `loam.yaml`: accountable owners, and what only people can say in reports. */
import { z } from "zod";
import { statementTopics } from "./reports/facts.ts";

const text = z.string().min(1).max(20_000);
const topics = Object.keys(statementTopics) as (keyof typeof statementTopics)[];
/** Whoever answers for a model, an alias, data, a policy or a guard. */
const owner = z.strictObject({
  owner: z.string().min(1).max(200).describe("Person or team that is accountable."),
  contact: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .meta({ description: "Where it is reached.", examples: ["mail-team@example.com"] }),
});

export type AccountableOwner = z.output<typeof owner>;

export const governancePart = z.strictObject({
  owners: z
    .record(
      z.string().regex(/^(model|alias|data|policy|guard)\/\S{1,200}$/, "KIND/NAME with the kind model, alias, data, policy or guard"),
      owner,
    )
    .default({})
    .meta({
      description: "Accountable owners of model/NAME, alias/NAME, data/NAME, policy/ID, guard/NAME.",
      examples: [{ "model/mail-spam": { owner: "Mail team", contact: "mail-team@example.com" } }],
    }),
  statements: z
    .strictObject(
      Object.fromEntries(topics.map(t => [t, text.optional().describe(`For reports: ${statementTopics[t]}.`)])) as Record<
        (typeof topics)[number],
        z.ZodOptional<z.ZodString>
      >,
    )
    .prefault({})
    .describe("What only people can say in a report, by topic."),
});
