/** What `loam.yaml` may say of the augmentation method `template`. */

import { z } from "zod";
import { parseTemplate } from "./match.ts";

const template = z
  .string()
  .min(1)
  .max(2000)
  .refine(t => parseTemplate(t) !== undefined, { message: "a text with slots such as {who}, apart from one another, and no other braces" });
const slotsOf = (t: string) => (parseTemplate(t) ?? []).flatMap(p => ("slot" in p ? [p.slot] : []));

const rule = z.lazy(() =>
  z
    .strictObject({
      from: template.optional().describe("Template to match. Default: every document."),
      to: z.array(template).min(1).describe("Replacement templates; one is drawn per match."),
    })
    .refine(r => r.from === undefined || r.to.every(t => slotsOf(t).every(s => slotsOf(r.from!).includes(s))), {
      message: "slots in `to` that `from` has",
      path: ["to"],
    })
    .refine(r => r.from === undefined || (parseTemplate(r.from) ?? []).some(p => "literal" in p && p.literal.trim().length >= 3), {
      message: "a template with some words of its own",
      path: ["from"],
    }),
);

export const templatesPart = {
  name: "template",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      rules: z.array(rule).min(1).max(1000).describe("Rewriting rules."),
      rate: z.number().gt(0).max(1).default(1).describe("Fraction of the matches that are rewritten."),
    }),
  ),
} as const;
