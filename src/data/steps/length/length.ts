/** The length step: documents shorter or longer than asked are marked for dropping, with the measured length. */
import { z } from "zod";
import { sizeOf } from "../../document.ts";
import { judge, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";

const options = z
  .strictObject({
    /** Words are runs without white space. */
    minWords: z.number().int().min(0).default(0),
    maxWords: z.number().int().positive().optional(),
    minBytes: z.number().int().min(0).default(1),
    maxBytes: z.number().int().positive().optional(),
  })
  .refine(o => o.maxWords === undefined || o.maxWords >= o.minWords, { path: ["maxWords"], message: "at least minWords" })
  .refine(o => o.maxBytes === undefined || o.maxBytes >= o.minBytes, { path: ["maxBytes"], message: "at least minBytes" });

const rules = {
  "min-words": { option: "minWords", keep: "atLeast" },
  "min-bytes": { option: "minBytes", keep: "atLeast" },
  "max-words": { option: "maxWords", keep: "atMost" },
  "max-bytes": { option: "maxBytes", keep: "atMost" },
} as const satisfies Rules;

export const length = documentStep({
  name: "length",
  version: 1,
  options,
  rules,
  apply({ text }, o) {
    const words = text.match(/\S+/g)?.length ?? 0;
    const bytes = sizeOf(text);
    const values = { "min-words": words, "max-words": words, "min-bytes": bytes, "max-bytes": bytes };
    return { attributes: { words }, verdicts: judge(rules, values, o) };
  },
});
