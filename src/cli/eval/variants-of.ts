/** The variants that `--variants` names. */
import { type VariantName, variantNames } from "../../evaluate/index.ts";
import { cliErrors } from "../errors.ts";
import { choiceOption } from "../options.ts";
import type { Options } from "../verb.ts";

/** `--variants`, in the order given, each once. Errors: cli/usage. */
export function variantsOf(words: readonly string[], options: Options): VariantName[] {
  const names = words
    .flatMap(v => v.split(","))
    .map(v => v.trim())
    .filter(Boolean)
    .map(word => choiceOption({ variants: word }, "variants", "eval", variantNames)!);
  if (options.paraphraser !== undefined && !names.includes("paraphrase"))
    throw cliErrors.fail("usage", {
      place: "loam eval --paraphraser",
      expected: "--variants paraphrase, which it writes",
      received: names.join(",") || "none",
    });
  return [...new Set(names)];
}
