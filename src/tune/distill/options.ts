/** A recipe for distillation: that of instructions, with a teacher. */
import { z } from "zod";
import { exampleOptions, instructFitOptions, resultKinds, splitPartOptions } from "../instruct/options.ts";

export const distillFitOptions = instructFitOptions.extend({
  /** Logits of both are divided by it: above 1, what the teacher finds unlikely counts more. */
  temperature: z.number().min(0.1).max(100).default(1),
  /** Share of the divergence from the teacher in the loss; the rest is that of the answers themselves. */
  soft: z.number().min(0).max(1).default(0.5),
});
export type DistillFitOptions = z.output<typeof distillFitOptions>;

/** The `tune:` part of a model with `task: distill`. */
export const distillOptions = z.strictObject({
  ...exampleOptions.shape,
  ...splitPartOptions.shape,
  ...distillFitOptions.shape,
  result: z.enum(resultKinds).optional(),
});
