/** The length step: documents shorter or longer than asked are marked for dropping, with the measured length. */
import { textBytes } from "../../document.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { lengthOptions } from "./options.ts";

const rules = {
  "min-words": { option: "minWords", keep: "atLeast" },
  "min-bytes": { option: "minBytes", keep: "atLeast" },
  "max-words": { option: "maxWords", keep: "atMost" },
  "max-bytes": { option: "maxBytes", keep: "atMost" },
} as const satisfies Rules;

export const length = documentStep({
  name: "length",
  version: 1,
  options: lengthOptions,
  rules,
  apply({ text }, o) {
    const words = text.match(/\S+/g)?.length ?? 0;
    const bytes = textBytes(text);
    const values = { "min-words": words, "max-words": words, "min-bytes": bytes, "max-bytes": bytes };
    return { attributes: { words }, verdicts: judgeByRules(rules, values, o) };
  },
});
