/** `serve:` of `loam.yaml`: one model, or several with their versions, labels and shares. Labels and times are checked when the server starts. */
import { z } from "zod";
import { corsOrigin } from "../base/part.ts";
import { optionalEndpoints } from "./optional-endpoints.ts";
import { poolings } from "./poolings.ts";

const version = z.string().regex(/^\d{1,15}$/, "the number of a version");
const keepAlive = z.union([z.string(), z.number()]);
const servedModel = z.strictObject({
  versions: z
    .union([z.string(), z.number().int()])
    .transform(String)
    .optional()
    .meta({ description: "Versions to serve and follow.", examples: ["latest", "latest:2", "all", "1,3"] }),
  labels: z
    .record(z.string(), z.number().int().min(0))
    .default({})
    .meta({ description: "Version numbers by label.", examples: [{ stable: 3 }] }),
  split: z
    .record(version, z.number().int().min(0).max(1_000_000))
    .default({})
    .meta({ description: "Traffic weights by version, for requests without a version.", examples: [{ "2": 90, "3": 10 }] }),
  shadow: z
    .record(version, z.number().int().min(0).max(100))
    .default({})
    .meta({ description: "Percent of requests that are copied to a version.", examples: [{ "3": 10 }] }),
  keepAlive: keepAlive.optional().meta({
    description: "Put the model to sleep after this idle time; requests may keep it for longer, never for less.",
    examples: ["10m"],
  }),
  calibrated: z.boolean().optional().describe("Apply temperature scaling to class probabilities."),
});

/** Fine-tuning jobs that clients ask the server for. */
const fineTuningPart = z.strictObject({
  parallel: z.number().int().min(1).max(16).default(1).describe("Maximum concurrent fine-tuning jobs; each is a process."),
  checkpointSeconds: z.number().min(0).default(30).describe("Seconds between checkpoints of a job."),
  checkpoints: z.number().int().min(1).max(50).default(3).describe("Epoch checkpoints that a job keeps as models."),
});
export type FineTuningPart = z.output<typeof fineTuningPart>;

/** What no answer says, whatever the model's weights are. */
const blockedPart = z
  .union([
    z.array(z.string().min(1).max(200)).min(1),
    z.strictObject({
      words: z.array(z.string().min(1).max(200)).max(20_000).default([]).describe("Words and phrases."),
      files: z.array(z.string().min(1)).max(20).default([]).describe("Files with one word or phrase per line; `#` starts a comment."),
      patterns: z.array(z.string().min(1).max(1000)).max(200).default([]).describe("Regular expressions, matched in linear time."),
      wholeWords: z.boolean().default(true).describe("Match whole words only."),
      guards: z.array(z.string().min(1)).max(50).default([]).describe("Guards of the kind `blocklist` of this file's `gateway`, by name."),
    }),
  ])
  .transform(given => (Array.isArray(given) ? { words: given, files: [], patterns: [], wholeWords: true, guards: [] } : given));

/** A classifier of what is being written. */
export const moderatePart = z.strictObject({
  model: z
    .string()
    .min(1)
    .meta({ description: "Classifier that scores spans: a tuned model or version (`multilabel` or `classify`).", examples: ["risk"] }),
  categories: z
    .record(z.string().min(1).max(200), z.number().min(0).max(1).nullable())
    .default({})
    .meta({
      description: "Least score at which a span is refused, by category; null: never. Default: the thresholds of the tuned model.",
      examples: [{ threat: 0.8 }],
    }),
  span: z.number().int().min(1).max(512).default(24).describe("Tokens of a span at most; a sentence that ends earlier is one."),
  attempts: z.number().int().min(1).max(20).default(3).describe("Spans drawn at one place before the response ends with `content_filter`."),
  onError: z.enum(["refuse", "allow"]).default("refuse").describe("Where the classifier fails: fail the request, or let the span pass."),
});
export type ModeratePart = z.output<typeof moderatePart>;

export const servePart = z.strictObject({
  model: z
    .string()
    .optional()
    .meta({ description: "Model or version to serve.", examples: ["mail-small", "mail-small@2"] }),
  models: z.record(z.string(), servedModel.prefault({})).optional().describe("Several models by name."),
  keepAlive: keepAlive.optional().meta({
    description: "Put models to sleep after this idle time; requests may keep them for longer, never for less.",
    examples: ["10m"],
  }),
  calibrated: z.boolean().default(false).describe("Apply temperature scaling to the class probabilities of all classifiers."),
  signedBy: z.array(z.string().min(1)).default([]).describe("Public key files; everything that is loaded must be signed with one of them."),
  host: z.string().default("127.0.0.1").describe("Address to bind, or several: `127.0.0.1,::1`."),
  port: z.number().int().min(0).max(65_535).default(8080).describe("Port to bind. 0: any free port."),
  grpc: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe("Port of the Open Inference Protocol over gRPC (KServe, Triton). 0: any free port. Default: no gRPC."),
  slots: z.number().int().min(1).max(256).default(8).describe("Maximum concurrent sequences."),
  context: z
    .number()
    .int()
    .min(16)
    .max(1_048_576)
    .optional()
    .describe("Tokens of prompt and answer together. Default: what the model was trained for, within the memory that is free."),
  quantize: z
    .string()
    .optional()
    .meta({
      description: "Form of the weights. Default: auto for files that are quantised already, else exact.",
      examples: ["exact", "int8"],
    }),
  pooling: z
    .enum(poolings)
    .optional()
    .describe(
      "How sentence encoders make one vector of a text; `none`: one unscaled vector per token, at /embedding only. Default: the model's files.",
    ),
  corsOrigins: z
    .array(corsOrigin)
    .default([])
    .meta({
      description:
        "Origins whose web pages may call the server (CORS): URLs, `localhost` for this machine, or `*`. Cookies never count there.",
      examples: [["https://app.example.com"]],
    }),
  disabledEndpoints: z
    .array(z.enum(optionalEndpoints))
    .default([])
    .meta({
      description:
        "Endpoints that are turned off: `metrics` (/metrics) and `sequences` (what each sequence is doing, in llama.cpp's API) answer 501, `console` (the page, its API, its login) 404.",
      examples: [["sequences"]],
    }),
  blocked: blockedPart.optional().meta({
    description: "Words, phrases and patterns that no generated response contains (docs/decode-guard.md).",
    examples: [["project nightfall"]],
  }),
  moderate: moderatePart.optional().meta({
    description: "Classifier that judges responses while they are written; refused spans are drawn again (docs/decode-guard.md).",
    examples: [{ model: "risk" }],
  }),
  sharedPrefixCache: z.boolean().default(false).describe("Share cached prompt prefixes between tenants of the gateway."),
  fineTuning: fineTuningPart.prefault({}).describe("Fine-tuning jobs requested over the API."),
});
export type ServePart = z.output<typeof servePart>;
