/** What `loam deploy measure` writes, and `loam deploy kubernetes --measured` reads. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { check, fileError } from "../../../base/index.ts";
import { servedForms } from "../../../deploy/index.ts";
import { projectErrors } from "../../errors.ts";

const positive = z.number().positive();

const pointSchema = z.strictObject({
  concurrency: z.int().positive(),
  requests: z.int().positive(),
  tokensPerSecond: positive,
  firstTokenMs: z.strictObject({ p50: positive, p99: positive }),
  interTokenMs: z.strictObject({ p50: z.number().nonnegative(), p99: z.number().nonnegative() }),
});
export type MeasuredPoint = z.output<typeof pointSchema>;

const measuredSchema = z.strictObject({
  format: z.literal(1),
  model: z.string().min(1),
  /** Null where a server that runs elsewhere was measured. */
  fingerprint: z.string().nullable(),
  machine: z.string(),
  /** Cores that the server had. */
  cpu: positive,
  slots: z.int().positive(),
  context: z.int().positive(),
  form: z.enum(servedForms),
  promptTokens: z.int().positive(),
  completionTokens: z.int().positive(),
  points: z.array(pointSchema).min(1),
  /** The least concurrency with nearly all of the throughput. */
  knee: pointSchema,
  /** Requests in flight per pod at which a further pod is started. */
  requestsPerPod: z.int().positive(),
});
export type SaturationFigures = z.output<typeof measuredSchema>;

/** `shown` is how the user wrote the path. Errors: project/argument, base/config, base/unknownKey, base/missingFile. */
export function readMeasuredServing(path: string, shown: string): SaturationFigures {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, shown);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw projectErrors.fail(
      "argument",
      { place: shown, expected: "JSON that `loam deploy measure` wrote", received: (error as Error).message },
      error,
    );
  }
  return check(measuredSchema, value, shown);
}
