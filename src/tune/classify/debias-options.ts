/** The `debias:` part of a classifier's recipe: adversarial debiasing. */
import { z } from "zod";
import { adversaryGoals, debiasMethods } from "../../train/part.ts";

export const debiasOptions = z.strictObject({
  attributes: z
    .array(z.string().min(1))
    .min(1)
    .max(8)
    .meta({ description: "Attributes that the classifier's logits should not reveal.", examples: [["sex"]] }),
  method: z
    .enum(debiasMethods)
    .default("projection")
    .describe("`projection`: Zhang et al., over the whole gradient; `reversal`: gradient reversal, one backward pass."),
  weight: z.number().min(0).max(1000).default(1).describe("Weight of the adversary's gradient."),
  goal: z
    .enum(adversaryGoals)
    .default("equalisedOdds")
    .describe("`equalisedOdds`: the adversary sees logits and true class; `demographicParity`: the logits alone."),
  rate: z.number().positive().max(1).default(0.01).describe("Peak learning rate of the adversary."),
});
export type DebiasOptions = z.output<typeof debiasOptions>;
