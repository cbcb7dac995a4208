/** The length step: documents shorter or longer than asked are marked for dropping, with the measured length. */
import { z } from "zod";
import { sizeOf } from "../../document.ts";
import type { Verdict } from "../../ledger.ts";
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

export const length = documentStep({
  name: "length",
  version: 1,
  options,
  apply({ text }, o) {
    const words = text.match(/\S+/g)?.length ?? 0;
    const bytes = sizeOf(text);
    const verdicts: Verdict[] = [
      { rule: "min-words", keep: words >= o.minWords, value: words, threshold: o.minWords },
      { rule: "min-bytes", keep: bytes >= o.minBytes, value: bytes, threshold: o.minBytes },
    ];
    if (o.maxWords !== undefined) verdicts.push({ rule: "max-words", keep: words <= o.maxWords, value: words, threshold: o.maxWords });
    if (o.maxBytes !== undefined) verdicts.push({ rule: "max-bytes", keep: bytes <= o.maxBytes, value: bytes, threshold: o.maxBytes });
    return { attributes: { words }, verdicts };
  },
});
