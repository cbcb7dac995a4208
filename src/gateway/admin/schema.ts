/** The parts of the gateway's file that say what is seen of it: traces, the journal of requests, webhooks, the log's files. */
import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";
import { webhooksPart } from "../webhooks/schema.ts";

const days = z
  .string()
  .regex(/^[1-9]\d{0,3}d$/, 'a number of days such as "30d"')
  .transform(text => Number(text.slice(0, -1)) * 86_400_000);
const bytes = z
  .string()
  .regex(/^[1-9]\d{0,5}(KB|MB|GB)$/, 'a size such as "100MB"')
  .transform(text => Number(text.slice(0, -2)) * { KB: 1e3, MB: 1e6, GB: 1e9 }[text.slice(-2) as "KB" | "MB" | "GB"]);
const share = z.number().min(0).max(1);

const tracingPart = z.lazy(() =>
  z.strictObject({
    otlp: z
      .string()
      .optional()
      .meta({ description: "OTLP endpoint. Default: OpenTelemetry's environment variables.", examples: ["http://127.0.0.1:4318"] }),
    sample: share.optional().describe("Fraction of traces that are sampled."),
    service: z.string().min(1).max(128).optional().describe("Service name."),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name"), secretSource)
      .default({})
      .describe("Headers for the OTLP endpoint."),
  }),
);

const journalPart = z.lazy(() =>
  z.strictObject({
    keep: days.default(7 * 86_400_000).meta({ description: "Retention.", examples: ["7d"] }),
    most: z.int().min(100).max(10_000_000).default(100_000).describe("Maximum stored requests."),
    sample: share.default(1).describe("Fraction of responses below status 400 that are stored. Others are always stored."),
  }),
);

export const operationParts = {
  tracing: tracingPart.prefault({}).describe("OpenTelemetry tracing."),
  journal: z
    .union([z.literal(false), journalPart])
    .prefault({})
    .describe("Request journal. false: none."),
  webhooks: webhooksPart.describe("Webhooks for events."),
};

export const logParts = {
  size: bytes.default(100e6).meta({ description: "Rotate log files at this size, and daily.", examples: ["100MB"] }),
  keep: days.default(30 * 86_400_000).meta({ description: "Retention of rotated log files.", examples: ["30d"] }),
};
