/**
 * Requests that the gateway put to upstreams, as metrics of OpenTelemetry's GenAI conventions: a gateway is a client of theirs. Names of models and upstreams
 * are those of the configuration.
 */
import { defined } from "../../base/index.ts";
import { genAiAttributes, genAiHistogram, genAiSchemaUrl, type OtlpMetricsOptions, openOtlpMetrics } from "../../tracing/index.ts";
import type { RequestRecord } from "../http/request-record.ts";
import { tracedOperations } from "./operations.ts";

export interface GatewayGenAi {
  /** A request has ended. */
  request(record: RequestRecord): void;
  /** Sends what is there, for a few seconds at most. Never fails. */
  close(): Promise<void>;
}

/** Loads OpenTelemetry and sends `gen_ai` metrics to a collector. */
export async function openGatewayGenAi(options: Omit<OtlpMetricsOptions, "schemaUrl">): Promise<GatewayGenAi> {
  const { meter, close } = await openOtlpMetrics({ service: "loam-gateway", ...options, schemaUrl: genAiSchemaUrl });
  const duration = genAiHistogram(meter, "gen_ai.client.operation.duration");
  const tokens = genAiHistogram(meter, "gen_ai.client.token.usage");
  return {
    request: ({ path, model, target, status, error, ms, inputTokens, outputTokens }) => {
      const operation = tracedOperations[path];
      if (operation === undefined) return;
      // `upstream/model`; what came to no upstream was refused here
      const [provider = "loam", ...named] = target?.split("/") ?? [];
      const what = { operation, provider, ...defined({ model: model ?? undefined, responseModel: target ? named.join("/") : undefined }) };
      const failed = error ?? (status >= 400 ? String(status) : undefined);
      duration.record(ms / 1000, genAiAttributes({ ...what, ...defined({ error: failed }) }));
      if (failed !== undefined) return;
      const usage = genAiAttributes(what);
      if (inputTokens > 0) tokens.record(inputTokens, { ...usage, "gen_ai.token.type": "input" });
      if (outputTokens > 0) tokens.record(outputTokens, { ...usage, "gen_ai.token.type": "output" });
    },
    close,
  };
}
