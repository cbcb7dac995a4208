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

/** A teacher behind an endpoint, as far as it is a part of the result. */
export const endpointTeacher = z.strictObject({
  /** Up to and with `/v1`. */
  endpoint: z
    .url({ protocol: /^https?$/, error: "an address such as http://127.0.0.1:8080/v1" })
    .refine(
      url => !URL.canParse(url) || new URL(url).username + new URL(url).password === "",
      "an address without a name and password; `key` is for that",
    ),
  /** Its name there. */
  model: z.string().min(1),
  /** Likeliest tokens that it tells at every place; OpenAI's contract ends at 20. */
  topLogprobs: z.number().int().min(1).max(100_000).default(20),
});
export type EndpointTeacher = z.output<typeof endpointTeacher>;
/** And how it is asked. */
export const endpointTeacherOptions = endpointTeacher.extend({
  /** The variable of the environment that holds its key. */
  key: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable of the environment")
    .optional(),
  /** Requests in flight. */
  concurrency: z.number().int().min(1).max(256).default(4),
  requestsPerMinute: z.number().int().min(1).optional(),
});
export type EndpointTeacherOptions = z.output<typeof endpointTeacherOptions>;

/** The recipe of a tuning from an endpoint. Temperatures are none: how what is told of no token divides among them is not known. */
export const endpointFitOptions = distillFitOptions.omit({ temperature: true }).extend({ teacher: endpointTeacher });
export type EndpointFitOptions = z.output<typeof endpointFitOptions>;

/** The `tune:` part of a model with `task: distill`. */
export const distillOptions = z.strictObject({
  ...exampleOptions.shape,
  ...splitPartOptions.shape,
  ...distillFitOptions.shape,
  result: z.enum(resultKinds).optional(),
});
