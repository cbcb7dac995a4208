import { acceptsOpenMetrics } from "../../../tracing/index.ts";
import { mayReadMetrics } from "../../admin/roles.ts";
import type { Answer } from "../../http/exchange.ts";
import type { Arrival } from "../step.ts";
import { identify } from "./identify.ts";

/** The metrics in Prometheus' form, or as OpenMetrics where a scraper asks for that; where the configuration leaves them open, whoever asks is not looked at. Errors: those of `identify`, gateway/forbidden. */
export async function showMetrics(x: Arrival): Promise<Answer> {
  const { gateway, config, headers } = x;
  if (!config.hasOpenMetrics) mayReadMetrics(gateway.control, (await identify(x)).identity);
  const { metrics } = gateway;
  return acceptsOpenMetrics(headers.get("accept"))
    ? { status: 200, body: await metrics.openText(), headers: { "content-type": metrics.openContentType, vary: "accept" } }
    : { status: 200, body: await metrics.text(), headers: { "content-type": metrics.contentType, vary: "accept" } };
}
