/**
 * Metrics of OpenTelemetry's GenAI conventions (semantic conventions 1.37, in development there): names, units and buckets as written there. Attributes are
 * names of configurations and codes of tables: no prompt, no response, no user, and nothing that a client chooses.
 */
import type { Attributes, Histogram, Meter } from "@opentelemetry/api";

/** Stamped on every batch: what reads them knows which version of the conventions they follow. */
export const genAiSchemaUrl = "https://opentelemetry.io/schemas/1.37.0";

const durations = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/** Section "Generative AI metrics" of the conventions. */
const instruments = {
  "gen_ai.server.request.duration": {
    unit: "s",
    description: "Generative AI server request duration such as time-to-last byte or last output token.",
    buckets: durations,
  },
  "gen_ai.server.time_to_first_token": {
    unit: "s",
    description: "Time to generate first token for successful responses.",
    buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
  "gen_ai.server.time_per_output_token": {
    unit: "s",
    description: "Time per output token generated after the first token for successful responses.",
    buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  },
  "gen_ai.client.operation.duration": { unit: "s", description: "GenAI operation duration.", buckets: durations },
  "gen_ai.client.token.usage": {
    unit: "{token}",
    description: "Number of input and output tokens used.",
    buckets: Array.from({ length: 14 }, (_, i) => 4 ** i),
  },
} as const;

export type GenAiMetric = keyof typeof instruments;

export function genAiHistogram(meter: Meter, name: GenAiMetric): Histogram {
  const { unit, description, buckets } = instruments[name];
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...buckets] } });
}

interface GenAiOperation {
  /** `chat`, `text_completion`, `embeddings`. */
  readonly operation: string;
  readonly provider: string;
  /** As the configuration calls it; absent where a request named none that there is. */
  readonly model?: string | undefined;
  /** What answered: a version, or an upstream's model. */
  readonly responseModel?: string | undefined;
  readonly error?: string | undefined;
}

export const genAiAttributes = ({ operation, provider, model, responseModel, error }: GenAiOperation): Attributes => ({
  "gen_ai.operation.name": operation,
  "gen_ai.provider.name": provider,
  ...(model === undefined ? {} : { "gen_ai.request.model": model }),
  ...(responseModel === undefined ? {} : { "gen_ai.response.model": responseModel }),
  ...(error === undefined ? {} : { "error.type": error }),
});
