/** An OpenAI-compatible endpoint as `loam.yaml` names it. The key is never written there: only the environment variable that holds it. */
import { z } from "zod";

export const endpointOptions = z.lazy(() =>
  z.strictObject({
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .refine(u => URL.canParse(u) && new URL(u).username === "" && new URL(u).password === "", {
        message: "no name or password in the URL; use keyFrom",
      })
      .meta({
        description: "Base URL of an OpenAI-compatible server, up to and including the version.",
        examples: ["http://127.0.0.1:8080/v1"],
      }),
    model: z.string().min(1).describe("Model name on the server."),
    keyFrom: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
      .optional()
      .meta({ description: "Environment variable that holds the API key.", examples: ["OPENAI_API_KEY"] }),
    concurrency: z.number().int().min(1).max(256).default(4).describe("Maximum concurrent requests. Does not change results."),
    timeoutMs: z.number().int().min(1).max(3_600_000).default(120_000).describe("Timeout per request, in ms."),
    retries: z.number().int().min(0).max(20).default(5).describe("Retries after a transient failure."),
    backoffMs: z
      .number()
      .int()
      .min(1)
      .max(60_000)
      .default(500)
      .describe("Delay before the first retry, in ms. Doubles with each retry, up to one minute."),
    budget: z
      .strictObject({
        requests: z.number().int().positive().optional().describe("Maximum requests."),
        tokens: z.number().int().positive().optional().describe("Maximum tokens."),
      })
      .prefault({})
      .describe("Limit on requests and tokens, estimated before each request. Cached responses count too."),
  }),
);
export type WriterEndpointOptions = z.output<typeof endpointOptions>;
