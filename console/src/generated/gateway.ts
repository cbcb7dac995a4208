/** Written by `npm run docs` from /gateway/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

export const gatewayChange = is.object({
  position: is.number,
  atMs: is.number,
  by: is.string,
  what: is.string,
  detail: is.record(is.unknown),
  head: is.string,
});
export type GatewayChange = is.Infer<typeof gatewayChange>;

export const gatewayExplanation = is.object({
  identity: is.object({
    keyId: is.string,
    subject: is.string,
  }),
  action: is.object({
    endpoint: is.string,
    model: is.nullable(is.string),
  }),
  decision: is.object({
    allowed: is.boolean,
    policy: is.nullable(is.string),
    reason: is.string,
  }),
  considered: is.array(
    is.object({
      policy: is.string,
      effect: is.oneOf("allow", "deny"),
      applies: is.boolean,
      why: is.string,
    }),
  ),
  limits: is.array(
    is.object({
      limit: is.string,
      bucket: is.string,
      capacity: is.number,
      mode: is.string,
    }),
  ),
  route: is.nullable(
    is.object({
      model: is.string,
      strategy: is.string,
      rule: is.nullable(is.string),
      rules: is.array(
        is.object({
          rule: is.string,
          applies: is.boolean,
        }),
      ),
      targets: is.array(
        is.object({
          target: is.string,
          weight: is.number,
          priority: is.number,
          state: is.nullable(is.string),
        }),
      ),
      fallbacks: is.array(is.string),
    }),
  ),
});
export type GatewayExplanation = is.Infer<typeof gatewayExplanation>;

export const gatewayHeldRequest = is.object({
  id: is.string,
  guard: is.string,
  subject: is.string,
  model: is.string,
  flaggedBy: is.array(is.string),
  text: is.string,
  sinceMs: is.number,
  untilMs: is.number,
});
export type GatewayHeldRequest = is.Infer<typeof gatewayHeldRequest>;

export const gatewayHeldRequests = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayHeldRequest),
});
export type GatewayHeldRequests = is.Infer<typeof gatewayHeldRequests>;

export const gatewayKey = is.object({
  id: is.string,
  /** Visible beginning. */
  prefix: is.string,
  name: is.string,
  subject: is.string,
  scopes: is.array(is.string),
  createdMs: is.number,
  expiresMs: is.nullable(is.number),
  revokedMs: is.nullable(is.number),
  /** To within a few seconds; null: never used. */
  lastUsedMs: is.nullable(is.number),
  state: is.oneOf("live", "revoked", "expired"),
});
export type GatewayKey = is.Infer<typeof gatewayKey>;

export const gatewayKeyCreated = is.object({
  key: gatewayKey,
  secret: is.string,
});
export type GatewayKeyCreated = is.Infer<typeof gatewayKeyCreated>;

export const gatewayKeyShown = is.object({
  key: gatewayKey,
});
export type GatewayKeyShown = is.Infer<typeof gatewayKeyShown>;

export const gatewayKeys = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayKey),
});
export type GatewayKeys = is.Infer<typeof gatewayKeys>;

export const gatewayLimitRule = is.object({
  kind: is.oneOf("limits"),
  name: is.string,
  measure: is.string,
  per: is.array(is.string),
  limit: is.number,
  window: is.optional(is.string),
  period: is.optional(is.string),
  burst: is.optional(is.number),
  for: is.record(is.array(is.string)),
  mode: is.string,
  warnAt: is.optional(is.number),
  onStoreLoss: is.string,
  ipv6Prefix: is.optional(is.number),
  origin: is.oneOf("file", "store"),
  /** Null for what stands in the file. */
  revision: is.nullable(is.number),
});
export type GatewayLimitRule = is.Infer<typeof gatewayLimitRule>;

export const gatewayLimit = is.object({
  limit: is.string,
  measure: is.string,
  per: is.array(is.string),
  mode: is.string,
  quota: is.number,
  capacity: is.number,
  windowMs: is.nullable(is.number),
  period: is.nullable(is.string),
  warnAt: is.nullable(is.number),
  onStoreLoss: is.oneOf("open", "closed"),
  /** As it is written; null while it is being replaced. */
  rule: is.nullable(gatewayLimitRule),
  /** Buckets in use, shown or not. */
  numBuckets: is.number,
  buckets: is.array(
    is.object({
      /** By the limit's dimensions. */
      of: is.record(is.string),
      used: is.number,
      /** For requests under way. */
      held: is.number,
      remaining: is.number,
      /** Of the capacity, used and held. */
      share: is.number,
      resetMs: is.number,
    }),
  ),
});
export type GatewayLimit = is.Infer<typeof gatewayLimit>;

export const gatewayLimits = is.object({
  object: is.oneOf("list"),
  currency: is.string,
  isWhole: is.boolean,
  data: is.array(gatewayLimit),
});
export type GatewayLimits = is.Infer<typeof gatewayLimits>;

export const gatewayPermissions = is.object({
  subject: is.string,
  key: is.string,
  roles: is.array(is.string),
  missing: is.object({
    /** Why the caller may not; null: they may. */
    look: is.nullable(is.string),
    /** Why the caller may not; null: they may. */
    lookAtKeys: is.nullable(is.string),
    /** Why the caller may not; null: they may. */
    changeKeys: is.nullable(is.string),
    /** Why the caller may not; null: they may. */
    change: is.nullable(is.string),
    /** Why the caller may not; null: they may. */
    review: is.nullable(is.string),
  }),
});
export type GatewayPermissions = is.Infer<typeof gatewayPermissions>;

export const gatewayPolicy = is.object({
  id: is.string,
  effect: is.oneOf("allow", "deny"),
  who: is.record(is.array(is.string)),
  endpoints: is.optional(is.array(is.string)),
  models: is.optional(is.array(is.string)),
  labels: is.optional(is.array(is.string)),
  dataClasses: is.optional(is.array(is.string)),
  parameters: is.optional(is.record(is.unknown)),
  when: is.optional(is.record(is.unknown)),
  reason: is.optional(is.string),
  origin: is.oneOf("file", "store"),
  /** Null for what stands in the file. */
  revision: is.nullable(is.number),
});
export type GatewayPolicy = is.Infer<typeof gatewayPolicy>;

export const gatewayPolicies = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayPolicy),
});
export type GatewayPolicies = is.Infer<typeof gatewayPolicies>;

export const gatewayPrincipal = is.object({
  kind: is.oneOf("organisations", "teams", "users", "serviceAccounts"),
  name: is.string,
  roles: is.optional(is.array(is.string)),
  teams: is.optional(is.array(is.string)),
  organisation: is.optional(is.string),
  disabled: is.boolean,
  origin: is.oneOf("file", "store"),
  /** Null for what stands in the file. */
  revision: is.nullable(is.number),
});
export type GatewayPrincipal = is.Infer<typeof gatewayPrincipal>;

export const gatewayPrincipals = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayPrincipal),
});
export type GatewayPrincipals = is.Infer<typeof gatewayPrincipals>;

export const gatewayRequest = is.object({
  id: is.string,
  time: is.string,
  method: is.string,
  /** The route's pattern. */
  path: is.string,
  key: is.nullable(is.string),
  subject: is.nullable(is.string),
  model: is.nullable(is.string),
  target: is.nullable(is.string),
  attempts: is.array(
    is.object({
      target: is.string,
      ms: is.number,
      how: is.string,
    }),
  ),
  status: is.number,
  error: is.nullable(is.string),
  ms: is.number,
  /** Time to the first byte. */
  firstMs: is.nullable(is.number),
  inputTokens: is.number,
  outputTokens: is.number,
});
export type GatewayRequest = is.Infer<typeof gatewayRequest>;

export const gatewayRequests = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayRequest),
  /** Lines that were lost. */
  dropped: is.number,
});
export type GatewayRequests = is.Infer<typeof gatewayRequests>;

export const gatewayReviewCase = is.object({
  id: is.string,
  guard: is.string,
  request: is.string,
  key: is.string,
  subject: is.string,
  model: is.string,
  endpoint: is.string,
  flaggedBy: is.array(is.string),
  policy: is.string,
  priority: is.number,
  round: is.number,
  needed: is.number,
  isEscalated: is.boolean,
  state: is.oneOf("waiting", "decided"),
  decision: is.nullable(is.oneOf("approve", "refuse")),
  decidedBy: is.nullable(is.oneOf("reviewers", "adjudicator", "admin", "deadline", "erasure")),
  createdMs: is.number,
  dueMs: is.number,
  decidedMs: is.nullable(is.number),
  appealedMs: is.nullable(is.number),
  votes: is.number,
  assigned: is.array(
    is.object({
      reviewer: is.string,
      untilMs: is.number,
    }),
  ),
});
export type GatewayReviewCase = is.Infer<typeof gatewayReviewCase>;

export const gatewayReviewCases = is.object({
  object: is.oneOf("list"),
  data: is.array(gatewayReviewCase),
});
export type GatewayReviewCases = is.Infer<typeof gatewayReviewCases>;

export const gatewayReviewDecided = is.object({
  case: gatewayReviewCase,
});
export type GatewayReviewDecided = is.Infer<typeof gatewayReviewDecided>;

export const gatewayTakenCase = is.object({
  id: is.string,
  guard: is.string,
  request: is.string,
  key: is.string,
  subject: is.string,
  model: is.string,
  endpoint: is.string,
  flaggedBy: is.array(is.string),
  policy: is.string,
  priority: is.number,
  round: is.number,
  needed: is.number,
  isEscalated: is.boolean,
  state: is.oneOf("waiting", "decided"),
  decision: is.nullable(is.oneOf("approve", "refuse")),
  decidedBy: is.nullable(is.oneOf("reviewers", "adjudicator", "admin", "deadline", "erasure")),
  createdMs: is.number,
  dueMs: is.number,
  decidedMs: is.nullable(is.number),
  appealedMs: is.nullable(is.number),
  votes: is.number,
  assigned: is.array(
    is.object({
      reviewer: is.string,
      untilMs: is.number,
    }),
  ),
  text: is.string,
  appeal: is.nullable(is.string),
  untilMs: is.number,
});
export type GatewayTakenCase = is.Infer<typeof gatewayTakenCase>;

export const gatewayReviewTaken = is.object({
  case: is.nullable(gatewayTakenCase),
});
export type GatewayReviewTaken = is.Infer<typeof gatewayReviewTaken>;

/** A measured number; null where it is not finite. */
export const measured = is.mapped(is.nullish(is.number), value => value ?? null);
export type Measured = is.Infer<typeof measured>;

export const gatewayState = is.object({
  inFlight: is.number,
  isDraining: is.boolean,
  upstreams: is.array(
    is.object({
      id: is.string,
      /** Requests under way. */
      outstanding: is.number,
      latencyMs: measured,
      breaker: is.oneOf("closed", "open", "halfOpen"),
      isHealthy: is.boolean,
      isAvailable: is.boolean,
      answers: is.number,
      failures: is.number,
      lane: is.optional(
        is.object({
          running: is.number,
          concurrency: is.number,
          waiting: is.number,
        }),
      ),
      models: is.array(
        is.object({
          model: is.string,
          breaker: is.oneOf("closed", "open", "halfOpen"),
          /** The one key that the breaker is open for. */
          breakerKey: is.optional(is.string),
          isAvailable: is.boolean,
          refusesCredentials: is.boolean,
          latencyMs: measured,
          answers: is.number,
          failures: is.number,
        }),
      ),
    }),
  ),
  models: is.array(
    is.object({
      name: is.string,
      aliases: is.array(is.string),
      strategy: is.string,
      targets: is.array(
        is.object({
          id: is.string,
          weight: is.number,
          priority: is.number,
        }),
      ),
    }),
  ),
  cache: is.nullable(
    is.object({
      store: is.string,
      scope: is.string,
      entries: is.number,
      bytes: is.number,
    }),
  ),
  webhooks: is.array(
    is.object({
      origin: is.string,
      waiting: is.number,
      delivered: is.number,
      lost: is.number,
      lastError: is.nullable(is.string),
    }),
  ),
  journalDropped: is.number,
});
export type GatewayState = is.Infer<typeof gatewayState>;

export const usageRow = is.object({
  /** 2026-11-30, UTC. */
  day: is.string,
  keyId: is.string,
  subject: is.string,
  team: is.string,
  organisation: is.string,
  model: is.string,
  requests: is.number,
  errors: is.number,
  inputTokens: is.number,
  cachedTokens: is.number,
  outputTokens: is.number,
  /** In 1e-9 of the currency's unit. */
  costNano: is.number,
});
export type UsageRow = is.Infer<typeof usageRow>;

export const gatewayUsage = is.object({
  object: is.oneOf("list"),
  data: is.array(usageRow),
});
export type GatewayUsage = is.Infer<typeof gatewayUsage>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /gateway/state": gatewayState,
  "GET /gateway/limits": gatewayLimits,
  "GET /gateway/keys": gatewayKeys,
  "POST /gateway/keys": gatewayKeyCreated,
  "DELETE /gateway/keys/{key}": gatewayKeyShown,
  "POST /gateway/keys/{key}/rotate": gatewayKeyCreated,
  "GET /gateway/permissions": gatewayPermissions,
  "GET /gateway/changes": is.object({
    object: is.oneOf("list"),
    data: is.array(gatewayChange),
    head: is.nullable(
      is.object({
        position: is.number,
        head: is.string,
      }),
    ),
    verified: is.optional(is.boolean),
    finding: is.optional(is.unknown),
  }),
  "PUT /gateway/limits/{name}": is.object({
    created: is.boolean,
    limit: gatewayLimitRule,
  }),
  "DELETE /gateway/limits/{name}": is.object({
    deleted: is.oneOf(true),
    limit: gatewayLimitRule,
  }),
  "PUT /gateway/principals/{kind}/{name}": is.object({
    created: is.boolean,
    principal: gatewayPrincipal,
  }),
  "PUT /gateway/policies/{name}": is.object({
    created: is.boolean,
    policy: gatewayPolicy,
  }),
  "DELETE /gateway/policies/{name}": is.object({
    deleted: is.oneOf(true),
    policy: gatewayPolicy,
  }),
  "GET /gateway/held": gatewayHeldRequests,
  "POST /gateway/held/{key}": is.object({
    held: is.unknown,
    decision: is.oneOf("approved", "refused"),
    by: is.string,
  }),
  "GET /gateway/usage": gatewayUsage,
  "GET /gateway/requests": gatewayRequests,
  "GET /gateway/principals": gatewayPrincipals,
  "GET /gateway/policies": gatewayPolicies,
  "GET /gateway/explain": gatewayExplanation,
  "GET /gateway/review": gatewayReviewCases,
  "POST /gateway/review": gatewayReviewTaken,
  "POST /gateway/review/case/{key}": gatewayReviewDecided,
};
