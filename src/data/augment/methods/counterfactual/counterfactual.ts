/** The same text about someone of another group; documents in which nothing can be changed give none, and are counted. */
import { counterfactualRewriter } from "../../../counterfactual/index.ts";
import { changed, plainMethod } from "../../method.ts";
import { counterfactualPart } from "./options.ts";

export const counterfactual = plainMethod({
  ...counterfactualPart,
  vary({ text }, draw, o) {
    return changed(text, counterfactualRewriter(o.change, String(draw.below(2 ** 31)), o.pronouns)(text).text);
  },
});
