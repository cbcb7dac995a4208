/**
 * The gateway's one file: where it listens, its upstreams, the models that it offers, and what holds for every request. Who may do what, and
 * how much, is the part `access`, which has its own schema (`control-config.ts`). Unknown keys are errors.
 */
import { z } from "zod";
import { corsOrigin } from "../../base/part.ts";
import { logParts, operationParts } from "../admin/schema.ts";
import { cacheSchema } from "../cache/schema.ts";
import { guardNames, guardsPart } from "../guards/schema.ts";
import { passThroughSchema } from "../passthrough/schema.ts";
import { prioritiesPart } from "../queue/schema.ts";
import { stickyKeys, strategies } from "../routing/route.ts";
import { modelRouting, targetRouting, upstreamRouting } from "../routing/schema.ts";
import { protocolPart } from "../translate/schema.ts";
import { tlsPart } from "../transport/schema.ts";
import { continuations, outputLimits } from "../upstreams/config.ts";
import { networks } from "../upstreams/networks.ts";
import { duration } from "./duration.ts";
import { secretSource } from "./secret-source.ts";

/** Names of models and upstreams: what fits into a path, a metric and a log, and has no look-alikes. */
export const targetName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "a name of letters, digits and . _ : / -, at most 128");

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name");

const timeouts = z.strictObject({
  connect: duration.optional().meta({ description: "Connect timeout.", examples: ["5s"] }),
  firstByte: duration.optional().describe("Timeout until the first byte of the response."),
  idle: duration.optional().describe("Timeout between two chunks of the response."),
});

/** A name of Kubernetes (RFC 1123 label). */
const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a name of small letters, digits and -, at most 63");

const servicePart = z.strictObject({
  service: label.describe("Service by name."),
  namespace: label.optional().describe("Namespace. Default: that of the gateway's account."),
  port: z
    .union([label, z.int().min(1).max(65_535)])
    .optional()
    .describe("Name or number of the endpoints' port. Default: the only one."),
});

const upstream = z.lazy(() =>
  z.strictObject({
    url: z
      .union([z.string(), secretSource])
      .meta({ description: "Base URL, or where it is stored.", examples: ["http://127.0.0.1:8080/v1"] }),
    kubernetes: servicePart
      .optional()
      .describe(
        "Service of Kubernetes: each ready endpoint (pod) is an upstream of its own. `url` gives scheme and path, and receives requests until the first list arrives.",
      ),
    key: secretSource.optional().meta({ description: "API key, sent in the protocol's header.", examples: [{ env: "OPENAI_API_KEY" }] }),
    headers: z
      .record(headerName, z.union([secretSource, z.string().regex(/^[\x20-\x7e]*$/, "printable ASCII")]))
      .default({})
      .describe("Additional request headers."),
    network: z.enum(networks).default("any").describe("Allowed addresses: `public` refuses private ones (SSRF)."),
    connections: z.int().min(1).max(10_000).default(512).describe("Maximum connections from this process."),
    timeouts: timeouts.default({}).describe("Timeouts."),
    breaker: z
      .strictObject({
        failures: z.int().min(1).max(1000).default(5).describe("Consecutive failures that open the circuit."),
        open: duration.default(5_000).describe("Time until a trial request."),
      })
      .prefault({})
      .describe("Circuit breaker."),
    health: z
      .strictObject({
        path: z.string().startsWith("/", "a path that begins with /").describe("Path that is requested."),
        every: duration.default(10_000).describe("Interval."),
      })
      .optional()
      .describe("Active health checks."),
    resume: z.enum(continuations).default("none").describe("How an interrupted completion is resumed."),
    askUsage: z.boolean().default(true).describe("Request token counts for streams."),
    outputLimit: z.enum(outputLimits).optional().describe("Parameter that limits output tokens. Default: by the server's address."),
    cacheSalt: z.boolean().default(false).describe("Send a `cache_salt` per owner, so that tenants do not share prefixes."),
    authorities: z.string().optional().describe("File with CA certificates."),
    sharedObjects: z.array(z.string().min(1).max(512)).max(1000).default([]).describe("Ids of stored objects that every owner may use."),
    ...protocolPart,
    ...upstreamRouting,
  }),
);

const target = z.lazy(() =>
  z.strictObject({
    upstream: targetName.describe("Upstream by name."),
    model: z.string().min(1).max(256).optional().describe("Model name at the upstream. Default: the public name."),
    weight: z.number().min(0).max(1_000_000).default(1).describe("Weight among the targets of the same priority."),
    priority: z.int().min(0).max(100).default(0).describe("Priority; lower values are tried first."),
    ...targetRouting,
  }),
);

const model = z.lazy(() =>
  z.strictObject({
    aliases: z.array(targetName).default([]).describe("Additional names."),
    strategy: z.enum(strategies).default("weighted").describe("Load balancing strategy."),
    sticky: z.enum(stickyKeys).default("none").describe("Route requests of the same user or key to the same target."),
    targets: z.array(target).min(1).max(100).describe("Targets: upstreams that serve the model."),
    fallbacks: z.array(targetName).max(10).default([]).describe("Models to try when all targets fail."),
    tokenizer: z.string().optional().describe("tokenizer.json for exact prompt counts."),
    guards: guardNames.default([]).describe("Guardrails of this model, after the default ones."),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .describe("Output tokens reserved for requests without a limit, and sent to the server."),
    contextTokens: z.int().min(1).max(10_000_000).default(131_072).describe("Context window in tokens."),
    ...modelRouting,
  }),
);

export const gatewaySchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().default("127.0.0.1").describe("Address to bind."),
      port: z.int().min(0).max(65_535).default(8090).describe("Port to bind."),
      trustedProxies: z.int().min(0).max(10).default(0).describe("Number of proxies in front whose `x-forwarded-for` is trusted."),
      tls: tlsPart.optional().describe("TLS certificate and client certificates."),
      corsOrigins: z
        .array(corsOrigin)
        .default([])
        .meta({
          description:
            "Origins whose web pages may call the gateway (CORS): URLs, `localhost` for this machine, or `*`. Cookies never count there.",
          examples: [["https://app.example.com"]],
        }),
    })
    .prefault({})
    .describe("Address, proxies and TLS."),
  state: z
    .union([z.string(), secretSource])
    .default("sqlite:gateway.sqlite")
    .describe("Store for keys, limits and usage: `memory:`, `sqlite:PATH` or a `postgres://` URL."),
  limitsState: z.union([z.string(), secretSource]).optional().describe("Separate store for rate limits: a `redis://` URL."),
  keySecrets: z
    .array(secretSource)
    .min(1)
    .optional()
    .describe("Secrets that hash API keys, newest first. Default: a file beside the SQLite store."),
  access: z.unknown().optional().describe("Identities, policies, limits and prices."),
  upstreams: z
    .record(targetName, upstream)
    .refine(u => Object.keys(u).length > 0, "at least one upstream")
    .describe("Upstreams (model servers) by name."),
  models: z
    .record(targetName, model)
    .refine(m => Object.keys(m).length > 0, "at least one model")
    .describe("Models by public name."),
  priorities: prioritiesPart.optional().describe("Request priorities when an upstream is saturated."),
  guards: guardsPart.prefault({}).describe("Guardrails by name; `default` lists those of every model."),
  retries: z
    .strictObject({
      attempts: z.int().min(0).max(10).default(2).describe("Maximum retries per request."),
      budget: z.number().min(0).max(1).default(0.2).describe("Maximum ratio of retries to requests."),
      backoff: duration.default(100).describe("Delay before the first retry."),
    })
    .prefault({})
    .describe("Retries on other targets."),
  timeouts: timeouts
    .extend({
      total: duration.default(600_000).describe("Timeout of the whole request."),
      heartbeat: duration.default(15_000).describe("Interval of comments on an idle stream."),
      reader: duration.default(60_000).describe("Timeout for a client that does not read."),
    })
    .prefault({})
    .describe("Timeouts of a request."),
  passThrough: passThroughSchema.default({}).describe("Pass-through routes by path prefix."),
  cache: cacheSchema.optional().describe("Response cache."),
  metrics: z.enum(["admin", "open"]).default("admin").describe("Access to /metrics: `admin` (roles admin and viewer) or `open`."),
  ...operationParts,
  log: z
    .strictObject({
      ...logParts,
      to: z.string().default("stdout").describe("File, `stdout` or `none`."),
      sample: z
        .number()
        .min(0)
        .max(1)
        .default(1)
        .describe("Fraction of responses below status 400 that are logged. Others are always logged."),
    })
    .prefault({})
    .describe("Access log."),
});
export type GatewayFile = z.output<typeof gatewaySchema>;
