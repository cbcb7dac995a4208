/** What a model and an upstream of the gateway's file say about routing beyond weights: rules, shadow traffic, hedging, load signals. */
import { z } from "zod";
import { duration } from "../config/duration.ts";
import { queuePart } from "../queue/schema.ts";
import { conditions } from "./conditions.ts";
import { stickyKeys } from "./route.ts";

/** A target's mark, by which rules name it. */
const tag = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, "a tag of letters, digits and . _ : / -, at most 64");

/** Of a model: the first rule whose conditions a request fulfils says which targets it may go to. */
const rulesPart = z.lazy(() =>
  z
    .array(
      z.strictObject({
        name: tag.optional().describe("Name in the log. Default: `rule-N`."),
        when: conditions.describe("Conditions on the request."),
        use: z.array(z.string().min(1)).min(1).describe("Targets by id (`upstream/model`) or tag."),
        otherwise: z
          .enum(["none", "others"])
          .default("none")
          .describe("If none is available: no target (`none`), or the model's `others`."),
      }),
    )
    .max(100),
);
export type RulesPart = z.output<typeof rulesPart>;

/** Of a model: copies of its requests go to another target, whose answers nobody gets. */
const shadowPart = z.lazy(() =>
  z.strictObject({
    upstream: z.string().describe("Upstream by name."),
    model: z.string().min(1).max(256).optional().describe("Model name at the upstream. Default: the public name."),
    share: z.number().gt(0).max(1).default(1).describe("Fraction of requests that are copied."),
    by: z.enum(stickyKeys).default("none").describe("Sample requests (`none`), or whole users or keys."),
    atOnce: z.int().min(1).max(1_000).default(8).describe("Maximum copies in flight."),
  }),
);

/** Of a model: a second target is asked where the first is slow. */
const hedgePart = z.lazy(() =>
  z.strictObject({
    after: z
      .union([z.literal("p95"), duration])
      .default("p95")
      .describe("Send a second request after this time, or after the 95th percentile of recent first bytes."),
    share: z.number().gt(0).max(1).default(0.05).describe("Maximum fraction of hedged requests."),
  }),
);

/** Of an upstream: where its queue and its cache's use are read, in Prometheus' form. */
const loadPart = z.lazy(() =>
  z.strictObject({
    path: z.string().startsWith("/", "a path that begins with /").default("/metrics").describe("Path of the metrics."),
    every: duration.default(1_000).describe("Polling interval."),
  }),
);

/** Keys of a model. */
export const modelRouting = {
  rules: rulesPart.optional().describe("Routing rules; the first that matches decides."),
  shadow: shadowPart.optional().describe("Shadow traffic: copy requests to another target and discard its responses."),
  hedge: hedgePart.optional().describe("Hedged requests: ask a second target if the first is slow."),
  version: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe("Version of the model behind this name. A new value invalidates cached responses."),
};
/** Keys of a target. */
export const targetRouting = { tags: z.array(tag).max(32).default([]).describe("Tags for routing rules.") };
/** Keys of an upstream. */
export const upstreamRouting = {
  concurrency: z.int().min(1).max(100_000).optional().describe("Maximum concurrent requests; others are queued. Default: `connections`."),
  concurrencyPerKey: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe("Maximum concurrent requests per API key. Default: a quarter of `connections`."),
  queue: queuePart.prefault({}).describe("Request queue."),
  load: loadPart.optional().describe("Load metrics of the server, in Prometheus format."),
};
