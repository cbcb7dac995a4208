/** What `loam.yaml` may say of the augmentation method `counterfactual`. */
import { z } from "zod";

export const counterfactualPart = {
  name: "counterfactual",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      change: z
        .array(z.enum(["names", "pronouns", "identity"]))
        .min(1)
        .default(["names", "pronouns", "identity"])
        .describe(
          "What is rewritten: first names to another origin, pronouns and gendered nouns to the other gender, identity terms within their class.",
        ),
      pronouns: z
        .enum(["swap", "they"])
        .default("swap")
        .describe("`swap` exchanges he and she; `they` writes singular they, with its verb."),
    }),
  ),
} as const;
