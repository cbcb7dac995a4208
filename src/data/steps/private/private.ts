/**
 * The private step: finds private data and secrets and masks them, puts surrogates in their place or gives the verdict that drops the
 * document. The ledger learns how many of each type there were, never what. Names and places need a recogniser (`recogniser.ts`).
 */
import { z } from "zod";
import type { Edit, Verdict } from "../../ledger.ts";
import { judge, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { findPrivate } from "./find.ts";
import { defaultRegions } from "./phone.ts";
import type { Recogniser } from "./recogniser.ts";
import { policyOf, redact } from "./redact.ts";
import { kebab, type Policy, type PrivateSpan, type PrivateType, policies, privateTypeNames, privateTypes } from "./types.ts";

const policySchema = z.strictObject(
  Object.fromEntries(privateTypeNames.map(type => [type, z.enum(policies).default(privateTypes[type])])) as Record<
    PrivateType,
    z.ZodDefault<z.ZodEnum<{ [P in Policy]: P }>>
  >,
);

const options = z
  .strictObject({
    policy: policySchema.prefault({}),
    /** Keys the surrogates. It stands in the recipe, so whoever reads the recipe can try values. */
    seed: z.string().min(8).optional(),
    /** From 0 to 1: what counts as found. */
    minScore: z.number().min(0.3).max(1).default(0.5),
    /** ISO 3166 codes of countries whose national phone numbers are understood; with + all are. */
    regions: z.array(z.enum(defaultRegions)).default([...defaultRegions]),
    /** Documents with more findings that are not kept go; absent: none goes. */
    maxFound: z.number().int().min(0).optional(),
  })
  .refine(o => o.seed !== undefined || !Object.values(o.policy).includes("surrogate"), {
    path: ["seed"],
    message: "a seed of at least 8 characters, for surrogates",
  });

const rules = { "max-found": { option: "maxFound", keep: "atMost" } } as const satisfies Rules;

/**
 * Times a text is looked through again after an edit: what stood beside a finding may now stand free. 6,045 mails needed
 * one; each pass takes something away, so hostile texts end here too.
 */
const maxPasses = 8;

/** The step with a recogniser for names and places. */
export const privateStep = (recogniser?: Recogniser) =>
  documentStep({
    name: "private",
    version: 1,
    options,
    rules,
    apply({ text: original }, o) {
      const find = (text: string): PrivateSpan[] =>
        findPrivate(text, { ...o, ...(recogniser ? { recogniser } : {}) }).filter(s => policyOf(s.type, o) !== "keep");
      const counts = new Map<PrivateType, number>();
      let text = original;
      for (let pass = 0, spans = find(text); spans.length > 0 && pass < maxPasses; pass++, spans = find(text)) {
        for (const { type } of spans) counts.set(type, (counts.get(type) ?? 0) + 1);
        const next = redact(text, spans, o);
        if (next === text) break;
        text = next;
      }
      const edits: Edit[] = [];
      const dropping: Verdict[] = [];
      let found = 0;
      for (const type of privateTypeNames) {
        const value = counts.get(type) ?? 0;
        found += value;
        if (value > 0) edits.push({ rule: kebab(type), value });
        if (o.policy[type] === "drop") dropping.push({ rule: kebab(type), keep: value === 0, value, threshold: 0 });
      }
      return {
        attributes: { private: found },
        verdicts: [...dropping, ...judge(rules, { "max-found": found }, o)],
        ...(text === original ? {} : { text }),
        ...(edits.length > 0 ? { edits } : {}),
      };
    },
  });

export const privateData = privateStep();
