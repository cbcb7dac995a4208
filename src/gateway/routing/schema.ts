/** What a model and an upstream of the gateway's file say about routing beyond weights: rules, shadow traffic, hedging, load signals. */
import { z } from "zod";
import { duration } from "../config/duration.ts";
import { queuePart } from "../queue/schema.ts";
import { conditions } from "./conditions.ts";
import { stickyKeys } from "./route.ts";

/** A target's mark, by which rules name it. */
export const tag = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, "a tag of letters, digits and . _ : / -, at most 64");

/** Of a model: the first rule whose conditions a request fulfils says which targets it may go to. */
const rulesPart = z
  .array(
    z.strictObject({
      /** In the log; `rule-1` for the first, when absent. */
      name: tag.optional(),
      when: conditions,
      /** Ids (`upstream/model`) or tags of targets. */
      use: z.array(z.string().min(1)).min(1),
      /** `others`: when none of them can be asked, the model's other targets may be; `none`: never. */
      otherwise: z.enum(["none", "others"]).default("none"),
    }),
  )
  .max(100);
export type RulesPart = z.output<typeof rulesPart>;

/** Of a model: copies of its requests go to another target, whose answers nobody gets. */
const shadowPart = z.strictObject({
  upstream: z.string(),
  /** As the upstream names it; the public name when absent. */
  model: z.string().min(1).max(256).optional(),
  /** Of the requests. */
  share: z.number().gt(0).max(1).default(1),
  /** `none`: every so-many-th request; else of the users or keys that share, all of theirs. */
  by: z.enum(stickyKeys).default("none"),
  /** Copies under way; more are left out. */
  atOnce: z.int().min(1).max(1_000).default(8),
});

/** Of a model: a second target is asked where the first is slow. */
const hedgePart = z.strictObject({
  /** A time, or `p95`: what 95 % of the last first bytes took less than. */
  after: z.union([z.literal("p95"), duration]).default("p95"),
  /** Hedged requests, of all. */
  share: z.number().gt(0).max(1).default(0.05),
});

/** Of an upstream: where its queue and its cache's use are read, in Prometheus' form. */
const loadPart = z.strictObject({
  path: z.string().startsWith("/", "a path that begins with /").default("/metrics"),
  every: duration.default(1_000),
});

/** Keys of a model. */
export const modelRouting = {
  rules: rulesPart.optional(),
  shadow: shadowPart.optional(),
  hedge: hedgePart.optional(),
  /** Of what is behind the name, in words of one's own: with another one, answers that were kept are not given. */
  version: z.string().min(1).max(128).optional(),
};
/** Keys of a target. */
export const targetRouting = { tags: z.array(tag).max(32).default([]) };
/** Keys of an upstream. */
export const upstreamRouting = {
  /** Requests at once; others wait in the queue. Default: `connections`, which bounds it. */
  concurrency: z.int().min(1).max(100_000).optional(),
  /** Requests of one API key at once; its others wait. Default: a quarter of `connections`. */
  concurrencyPerKey: z.int().min(1).max(100_000).optional(),
  queue: queuePart.prefault({}),
  load: loadPart.optional(),
};
