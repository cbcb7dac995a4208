/** The part `cache` of the gateway's file: which answers are kept, for whom, how many and how long. Absent: nothing is. */
import { z } from "zod";
import { duration } from "../config/duration.ts";

/** Who shares answers: one key, all of an organisation (a key without one: itself), or everybody. */
const cacheScopes = ["key", "organisation", "all"] as const;
export type CacheScope = (typeof cacheScopes)[number];

const semantic = z.strictObject({
  /** A model of this file that embeds texts. */
  model: z.string().min(1),
  /** Least cosine of two texts that are taken for the same question. */
  threshold: z.number().min(0.5).max(1).default(0.97),
  /** Questions that are remembered, in memory. */
  entries: z.int().min(1).max(100_000).default(2_000),
  /** After it the embedding is not waited for, and the question is a miss. */
  timeout: duration.default(2_000),
});

export const cacheSchema = z.strictObject({
  /** `memory`; `state`: in the database of keys and limits; or a URL as `state` has it. */
  store: z
    .string()
    .regex(/^(memory|state|memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/, "memory, state, sqlite:PATH or a postgres:// URL")
    .default("memory"),
  scope: z.enum(cacheScopes).default("organisation"),
  /** Models whose answers are kept; all when absent. */
  models: z.array(z.string()).min(1).optional(),
  /** Also answers that chance decides: temperature above 0 and no seed. */
  any: z.boolean().default(false),
  ttl: duration.default(3_600_000),
  entries: z.int().min(1).max(100_000).default(10_000),
  /** Of all answers together. */
  bytes: z
    .int()
    .min(1_024)
    .max(64 * 1024 ** 3)
    .default(256 * 1024 ** 2),
  /** Of one answer. */
  answerBytes: z
    .int()
    .min(64)
    .max(128 * 1024 ** 2)
    .default(4 * 1024 ** 2),
  /** Of one request. */
  requestBytes: z
    .int()
    .min(64)
    .max(32 * 1024 ** 2)
    .default(1024 ** 2),
  /** How long a request waits for another one's answer to the same question. */
  wait: duration.default(60_000),
  /** What a kept answer is charged: one request and nothing else, or the tokens that it had. */
  charge: z.enum(["request", "tokens"]).default("request"),
  /** Requests with one of these in `x-loam-data-class` are neither answered from the cache nor kept. */
  exceptDataClasses: z.array(z.string().min(1)).default([]),
  semantic: semantic.optional(),
});
export type CacheOptions = z.output<typeof cacheSchema>;
