/** Tracing as the gateway has it: OpenTelemetry is loaded only where a collector is named. */
import { type OtlpOptions, openOtlp } from "../../tracing/index.ts";
import type { GatewayTracing } from "./tracing.ts";

export async function openGatewayTracing(options: OtlpOptions): Promise<GatewayTracing> {
  const [{ gatewaySpans }, { tracer, close }] = await Promise.all([
    import("./spans.ts"),
    openOtlp({ service: "loam-gateway", ...options }),
  ]);
  return gatewaySpans(tracer, close);
}
