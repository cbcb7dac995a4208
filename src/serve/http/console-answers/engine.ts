/** Answers about what is served: engines, versions, models by OpenAI's address, and the change events. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { timeMs } from "./measured.ts";

export const engine = z
  .strictObject({
    model: z.string().optional().describe("the version whose figures these are; absent where none is loaded"),
    slots: z.int().describe("maximum concurrent sequences"),
    running: z.int(),
    queued: z.int(),
    tokensPerSecond: z.number(),
    requests: z.int(),
    cacheUse: measured.optional().describe("share of the KV cache in use; null where there is no cache"),
    cacheBytes: z.int().optional(),
    history: z.array(z.strictObject({ t: timeMs, running: z.int(), queued: z.int(), tokensPerSecond: z.number() })),
  })
  .meta({ id: "Engine" });

const servedVersion = z
  .strictObject({
    name: z.string(),
    version: z.union([z.number(), z.string()]),
    id: z.string(),
    state: z.string(),
    labels: z.array(z.string()),
    weight: z.int().nullable().describe("null where the model's requests are not split"),
    shadow: z.int().nullable().describe("percent of requests that are copied to it"),
    slots: z.int(),
    running: z.int(),
    queued: z.int(),
    requests: z.int(),
    cacheUse: measured.optional(),
    tokensPerSecond: z.number(),
    adapters: z.array(z.strictObject({ name: z.string(), rank: z.int() })).describe("loaded adapters: each is served under its own name"),
  })
  .meta({ id: "ServedVersion" });
export const serving = z.strictObject({ versions: z.array(servedVersion) }).meta({ id: "Serving" });

export const served = z
  .object({
    data: z.array(
      z.object({
        id: z.string(),
        tells: z.enum(["text", "vectors", "classes", "numbers"]).optional(),
        aliases: z.array(z.string()).optional().describe("further names that requests use: versions and aliases"),
      }),
    ),
  })
  .meta({ id: "ServedModels", description: "GET /v1/models of OpenAI's API; Loam adds what a model computes from a text." });
export const classified = z
  .object({ result: z.array(z.array(z.tuple([z.string(), z.number()]))) })
  .meta({ id: "Classified", description: "Of each text its classes with scores; the first is the predicted one." });
export const regressed = z.object({ result: z.array(z.number()) }).meta({ id: "Regressed" });

export const version = z
  .strictObject({
    name: z.string(),
    version: z.int(),
    id: z.string(),
    state: z.string(),
    engine: z.string().nullable().describe("state of the engine, where there is one"),
    labels: z.array(z.string()),
    weight: z.int().nullable(),
    shadow: z.int().nullable(),
    users: z.int().describe("requests that use it"),
    keepAliveMs: z.number().nullable(),
    expiresAt: timeMs.nullable().describe("when it falls asleep if no request comes; null where it sleeps, or never does"),
    error: z.string().nullable(),
  })
  .meta({ id: "VersionInfo" });
export const versionList = z.strictObject({ object: z.literal("list"), data: z.array(version) });
