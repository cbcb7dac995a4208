/** Options of a guard with a judging model. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";

export const judgeOptions = () => ({
  model: z.string().min(1).describe("Chat model of this gateway that judges."),
  checks: z
    .enum(["rubric", "groundedness"])
    .default("rubric")
    .describe("`rubric`: the text against a rule. `groundedness`: each claim of a response against the request's documents."),
  rubric: z.string().min(1).max(10_000).optional().describe("Rule that a text must keep, for `checks: rubric`."),
  unsupported: z.number().min(0).max(1).default(0).describe("`groundedness`: greatest share of claims that the documents do not support."),
  withoutDocuments: z
    .enum(["pass", "block"])
    .default("pass")
    .describe("`groundedness` of a request without documents: `pass` (the log says `not checked`) or `block`."),
  action: z.enum(["block", "flag"]).default("block").describe("`block` what fails, or `flag` it."),
  timeout: duration.default(30_000).describe("Timeout."),
  maxBytes: z
    .int()
    .min(1)
    .max(1024 * 1024)
    .default(64 * 1024)
    .describe("Maximum size of the texts; larger requests are refused."),
});
