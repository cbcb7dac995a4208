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

const tracingPart = z.strictObject({
  /** A collector's address: http://127.0.0.1:4318; where OpenTelemetry's variables say when absent. */
  otlp: z.string().optional(),
  /** Share of traces that begin here; who calls with a trace has decided already. */
  sample: share.optional(),
  service: z.string().min(1).max(128).optional(),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name"), secretSource).default({}),
});

const journalPart = z.strictObject({
  keep: days.default(7 * 86_400_000),
  /** Requests that are kept at most, the newest. */
  most: z.int().min(100).max(10_000_000).default(100_000),
  /** Of answers below 400; the others are always kept. */
  sample: share.default(1),
});

export const operationParts = {
  tracing: tracingPart.prefault({}),
  /** Requests in the state, to be looked up later; `false`: none. */
  journal: z.union([z.literal(false), journalPart]).prefault({}),
  webhooks: webhooksPart,
};

export const logParts = {
  /** A file that is larger, or of another day (UTC), is put away under its time. */
  size: bytes.default(100e6),
  /** How long files that were put away are kept. */
  keep: days.default(30 * 86_400_000),
};
