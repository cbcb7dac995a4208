/** The part `cache` of the gateway's file: which answers are kept, for whom, how many and how long. Absent: nothing is. */
import { z } from "zod";
import { duration } from "../config/duration.ts";

/** Who shares answers: one key, all of an organisation (a key without one: itself), or everybody. */
const cacheScopes = ["key", "organisation", "all"] as const;
export type CacheScope = (typeof cacheScopes)[number];

const semantic = z.lazy(() =>
  z.strictObject({
    model: z.string().min(1).describe("Embedding model of this file."),
    threshold: z.number().min(0.5).max(1).default(0.97).describe("Minimum cosine similarity of two questions."),
    entries: z.int().min(1).max(100_000).default(2_000).describe("Maximum questions in memory."),
    timeout: duration.default(2_000).describe("Timeout of the embedding; after it the request is a miss."),
  }),
);

export const cacheSchema = z.lazy(() =>
  z.strictObject({
    store: z
      .string()
      .regex(/^(memory|state|memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/, "memory, state, sqlite:PATH or a postgres:// URL")
      .default("memory")
      .describe("`memory`, `state` (the store of keys and limits), or a URL."),
    scope: z.enum(cacheScopes).default("organisation").describe("Who shares cached responses."),
    models: z.array(z.string()).min(1).optional().describe("Models whose responses are cached. Default: all."),
    any: z.boolean().default(false).describe("Also cache sampled responses (temperature above 0, no seed)."),
    ttl: duration.default(3_600_000).meta({ description: "Time to live.", examples: ["1h"] }),
    entries: z.int().min(1).max(100_000).default(10_000).describe("Maximum entries."),
    bytes: z
      .int()
      .min(1_024)
      .max(64 * 1024 ** 3)
      .default(256 * 1024 ** 2)
      .describe("Maximum size of all entries."),
    answerBytes: z
      .int()
      .min(64)
      .max(128 * 1024 ** 2)
      .default(4 * 1024 ** 2)
      .describe("Maximum size of a response."),
    requestBytes: z
      .int()
      .min(64)
      .max(32 * 1024 ** 2)
      .default(1024 ** 2)
      .describe("Maximum size of a request."),
    wait: duration.default(60_000).describe("How long a request waits for an identical one in flight."),
    charge: z
      .enum(["request", "tokens"])
      .default("request")
      .describe("What a cached response costs: one request (`request`), or its tokens too."),
    exceptDataClasses: z.array(z.string().min(1)).default([]).describe("Values of `x-loam-data-class` that bypass the cache."),
    semantic: semantic.optional().describe("Semantic cache: match similar questions by embedding."),
  }),
);
export type CacheOptions = z.output<typeof cacheSchema>;
