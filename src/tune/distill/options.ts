/** A recipe for distillation: that of instructions, with a teacher. */
import { z } from "zod";
import { exampleOptions, instructRecipe, resultKinds, splitPartOptions } from "../instruct/options.ts";

export const distillFitOptions = instructRecipe.extend({
  temperature: z.number().min(0.1).max(100).default(1).describe("Temperature of both distributions."),
  soft: z.number().min(0).max(1).default(0.5).describe("Weight of the divergence from the teacher in the loss; the rest is cross-entropy."),
});
export type DistillFitOptions = z.output<typeof distillFitOptions>;

/** A teacher behind an endpoint, as far as it is a part of the result. */
export const endpointTeacher = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: "an address such as http://127.0.0.1:8080/v1" })
    .refine(
      url => !URL.canParse(url) || new URL(url).username + new URL(url).password === "",
      "an address without a name and password; `key` is for that",
    )
    .meta({ description: "Base URL of the teacher, up to and including `/v1`.", examples: ["http://127.0.0.1:8080/v1"] }),
  model: z.string().min(1).describe("Model name at the endpoint."),
  topLogprobs: z.number().int().min(1).max(100_000).default(20).describe("Log-probabilities per token. OpenAI's limit is 20."),
});
export type EndpointTeacher = z.output<typeof endpointTeacher>;
/** And how it is asked. */
export const endpointTeacherOptions = endpointTeacher.extend({
  key: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable of the environment")
    .optional()
    .describe("Environment variable that holds the API key."),
  concurrency: z.number().int().min(1).max(256).default(4).describe("Maximum concurrent requests."),
  requestsPerMinute: z.number().int().min(1).optional().describe("Rate limit."),
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
  result: z.enum(resultKinds).optional().describe("Result: an adapter, or merged weights. Default: an adapter if the method gives one."),
});
