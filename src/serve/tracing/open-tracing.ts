/** Tracing as `loam serve` has it: off, unless a collector is named. OpenTelemetry is loaded only then. */
import { type OtlpOptions, openOtlp } from "../../tracing/index.ts";
import type { Tracing } from "./tracing.ts";

/** Loads OpenTelemetry and sends spans to a collector. */
export async function openTracing(options: OtlpOptions): Promise<Tracing> {
  const [{ spanTracing }, { tracer, close }] = await Promise.all([import("./spans.ts"), openOtlp(options)]);
  return spanTracing(tracer, close);
}
