/** An OpenAI-compatible endpoint as `loam.yaml` names it. The key is never written there: only the environment variable that holds it. */
import { z } from "zod";

export const endpointOptions = z.strictObject({
  /** Up to and with the version: `http://127.0.0.1:8080/v1`. */
  baseUrl: z.url({ protocol: /^https?$/ }).refine(u => URL.canParse(u) && new URL(u).username === "" && new URL(u).password === "", {
    message: "no name or password in the URL; use keyFrom",
  }),
  model: z.string().min(1),
  /** Environment variable with the key. */
  keyFrom: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .optional(),
  /** Requests at a time. Changes no result. */
  concurrency: z.number().int().min(1).max(256).default(4),
  timeoutMs: z.number().int().min(1).max(3_600_000).default(120_000),
  /** Attempts after the first, where a failure may pass. */
  retries: z.number().int().min(0).max(20).default(5),
  /** Before the first retry; doubles each time, up to a minute. */
  backoffMs: z.number().int().min(1).max(60_000).default(500),
  /**
   * No more than this is asked, whatever comes back: reckoned before asking (a token to three bytes of a prompt, and all of `maxTokens` for its
   * answer), cached answers too, so that every run asks about the same documents.
   */
  budget: z.strictObject({ requests: z.number().int().positive().optional(), tokens: z.number().int().positive().optional() }).prefault({}),
});
export type EndpointOptions = z.output<typeof endpointOptions>;
