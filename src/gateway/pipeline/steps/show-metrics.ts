import { mayReadMetrics } from "../../admin/roles.ts";
import type { Answer } from "../../http/exchange.ts";
import type { Arrival } from "../step.ts";
import { identify } from "./identify.ts";

/** The metrics in Prometheus' form; where the configuration leaves them open, whoever asks is not looked at. Errors: those of `identify`, gateway/forbidden. */
export async function showMetrics(x: Arrival): Promise<Answer> {
  const { gateway, config } = x;
  if (!config.hasOpenMetrics) mayReadMetrics(gateway.control, (await identify(x)).identity);
  return { status: 200, body: await gateway.metrics.text(), headers: { "content-type": gateway.metrics.contentType } };
}
