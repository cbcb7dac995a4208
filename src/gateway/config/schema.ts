/**
 * The gateway's one file: where it listens, its upstreams, the models that it offers, and what holds for every request. Who may do what, and
 * how much, is the part `access`, which has its own schema (`control-config.ts`). Unknown keys are errors.
 */
import { z } from "zod";
import { logParts, operationParts } from "../admin/schema.ts";
import { cacheSchema } from "../cache/schema.ts";
import { guardNames, guardsPart } from "../guards/schema.ts";
import { passThroughSchema } from "../passthrough/schema.ts";
import { prioritiesPart } from "../queue/schema.ts";
import { stickyKeys, strategies } from "../routing/route.ts";
import { modelRouting, targetRouting, upstreamRouting } from "../routing/schema.ts";
import { protocolPart } from "../translate/schema.ts";
import { tlsPart } from "../transport/schema.ts";
import { networks } from "../upstreams/address.ts";
import { continuations, outputLimits } from "../upstreams/config.ts";
import { duration } from "./duration.ts";
import { type SecretSource, secretSource } from "./secret-source.ts";

export { type SecretSource, secretSource };

/** Names of models and upstreams: what fits into a path, a metric and a log, and has no look-alikes. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "a name of letters, digits and . _ : / -, at most 128");

export { name as modelName };

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name");

const timeouts = z.strictObject({
  connect: duration.optional(),
  firstByte: duration.optional(),
  idle: duration.optional(),
});

const upstream = z.strictObject({
  /** Up to what stands before `/chat/completions`: `http://127.0.0.1:8080/v1`; of other protocols, the server's address. Or where it is kept. */
  url: z.union([z.string(), secretSource]),
  /** Sent as `Authorization: Bearer`, or as the protocol wants it. */
  key: secretSource.optional(),
  headers: z.record(headerName, z.union([secretSource, z.string().regex(/^[\x20-\x7e]*$/, "printable ASCII")])).default({}),
  network: z.enum(networks).default("any"),
  /** Connections, so requests at once, to the server from this process. */
  connections: z.int().min(1).max(10_000).default(512),
  timeouts: timeouts.default({}),
  breaker: z.strictObject({ failures: z.int().min(1).max(1000).default(5), open: duration.default(5_000) }).prefault({}),
  health: z.strictObject({ path: z.string().startsWith("/", "a path that begins with /"), every: duration.default(10_000) }).optional(),
  /** How an answer that broke off is gone on with on this upstream. */
  resume: z.enum(continuations).default("none"),
  /** Whether streams are asked for token counts that the client did not ask for. */
  askUsage: z.boolean().default(true),
  /** How a chat is told the most that it may write where its request does not say; by the server's address when absent. */
  outputLimit: z.enum(outputLimits).optional(),
  /** Whether generation requests carry a `cache_salt` of their owner (vLLM, `loam serve`), so that tenants do not share prefixes there. */
  cacheSalt: z.boolean().default(false),
  /** A file with certificates of an authority of one's own. */
  authorities: z.string().optional(),
  /** Ids of stored objects of its account that every owner may name. */
  sharedObjects: z.array(z.string().min(1).max(512)).max(1000).default([]),
  ...protocolPart,
  ...upstreamRouting,
});

const target = z.strictObject({
  upstream: name,
  /** As the upstream names it; the public name when absent. */
  model: z.string().min(1).max(256).optional(),
  weight: z.number().min(0).max(1_000_000).default(1),
  priority: z.int().min(0).max(100).default(0),
  ...targetRouting,
});

const model = z.strictObject({
  aliases: z.array(name).default([]),
  strategy: z.enum(strategies).default("weighted"),
  sticky: z.enum(stickyKeys).default("none"),
  targets: z.array(target).min(1).max(100),
  fallbacks: z.array(name).max(10).default([]),
  /** A tokenizer.json, so that prompts are counted exactly before they are admitted. */
  tokenizer: z.string().optional(),
  /** Guards behind those of every model. */
  guards: guardNames.default([]),
  /** Reserved for an answer whose request bounds it by nothing, and told to its server; when absent 4096, of which no server is told. */
  maxOutputTokens: z.int().min(1).max(10_000_000).optional(),
  /** Most tokens that its servers take at once: what they say of a prompt is believed so far, or as far as the request is long. */
  contextTokens: z.int().min(1).max(10_000_000).default(131_072),
  ...modelRouting,
});

export const gatewaySchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().default("127.0.0.1"),
      port: z.int().min(0).max(65_535).default(8090),
      /** Proxies before the gateway whose `x-forwarded-for` is believed, counted from the gateway outwards. */
      trustedProxies: z.int().min(0).max(10).default(0),
      tls: tlsPart.optional(),
    })
    .prefault({}),
  /** Where keys, limits and usage are kept: `memory:`, `sqlite:PATH` or a `postgres://` URL; the URL may be a secret. */
  state: z.union([z.string(), secretSource]).default("sqlite:gateway.sqlite"),
  /** Where limits are counted, if not there: a `redis://` URL, which may be a secret. */
  limitsState: z.union([z.string(), secretSource]).optional(),
  /** Secrets under which keys are hashed, the newest first; a file beside a SQLite state when absent. */
  keySecrets: z.array(secretSource).min(1).optional(),
  access: z.unknown().optional(),
  upstreams: z.record(name, upstream).refine(u => Object.keys(u).length > 0, "at least one upstream"),
  models: z.record(name, model).refine(m => Object.keys(m).length > 0, "at least one model"),
  /** Who comes first where an upstream takes no more at once. */
  priorities: prioritiesPart.optional(),
  guards: guardsPart.prefault({}),
  retries: z
    .strictObject({
      attempts: z.int().min(0).max(10).default(2),
      budget: z.number().min(0).max(1).default(0.2),
      backoff: duration.default(100),
    })
    .prefault({}),
  timeouts: timeouts
    .extend({ total: duration.default(600_000), heartbeat: duration.default(15_000), reader: duration.default(60_000) })
    .prefault({}),
  /** Addresses that the gateway does not know, by prefix. */
  passThrough: passThroughSchema.default({}),
  /** Answers that are kept and given again. */
  cache: cacheSchema.optional(),
  /** Who may read /metrics: `admin`, the roles admin and viewer and those whom a policy lets use the endpoint admin, or `open`, everybody. */
  metrics: z.enum(["admin", "open"]).default("admin"),
  ...operationParts,
  log: z
    .strictObject({
      ...logParts,
      /** A file, `stdout` or `none`. */
      to: z.string().default("stdout"),
      /** Of answers below 400; the others are always logged. */
      sample: z.number().min(0).max(1).default(1),
    })
    .prefault({}),
});
export type GatewayFile = z.output<typeof gatewaySchema>;
