/** What a gateway says to its administrators, as schemas; see `contract.ts`. Fields that the page does not show are not asked for. */
import * as z from "zod/mini";

const optional = z.pipe(
  z.nullish(z.number()),
  z.transform(value => value ?? null),
);

export const state = z.object({
  inFlight: z.number(),
  isDraining: z.boolean(),
  upstreams: z.array(
    z.object({
      id: z.string(),
      outstanding: z.number(),
      latencyMs: optional,
      breaker: z.enum(["closed", "open", "halfOpen"]),
      isHealthy: z.boolean(),
      isAvailable: z.boolean(),
      answers: z.number(),
      failures: z.number(),
    }),
  ),
  models: z.array(
    z.object({
      name: z.string(),
      aliases: z.array(z.string()),
      strategy: z.string(),
      targets: z.array(z.object({ id: z.string(), weight: z.number(), priority: z.number() })),
    }),
  ),
});

export const limits = z.object({
  currency: z.string(),
  data: z.array(
    z.object({
      limit: z.string(),
      measure: z.string(),
      per: z.array(z.string()),
      mode: z.string(),
      quota: z.number(),
      capacity: z.number(),
      windowMs: z.nullable(z.number()),
      period: z.nullable(z.string()),
      numBuckets: z.number(),
      buckets: z.array(
        z.object({
          of: z.record(z.string(), z.string()),
          remaining: z.number(),
          held: z.number(),
          share: z.number(),
          resetMs: z.number(),
        }),
      ),
    }),
  ),
});

const key = z.object({
  id: z.string(),
  prefix: z.string(),
  name: z.string(),
  subject: z.string(),
  scopes: z.array(z.string()),
  createdMs: z.number(),
  expiresMs: z.nullable(z.number()),
  lastUsedMs: z.nullable(z.number()),
  state: z.string(),
});
export const keys = z.object({ data: z.array(key) });
export const created = z.object({ key, secret: z.string() });
export const revoked = z.object({ key });

export const usage = z.object({
  data: z.array(
    z.object({
      day: z.string(),
      keyId: z.string(),
      subject: z.string(),
      team: z.string(),
      model: z.string(),
      requests: z.number(),
      errors: z.number(),
      inputTokens: z.number(),
      outputTokens: z.number(),
      costNano: z.number(),
    }),
  ),
});

export const requests = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      time: z.string(),
      method: z.string(),
      path: z.string(),
      key: z.nullable(z.string()),
      subject: z.nullable(z.string()),
      model: z.nullable(z.string()),
      target: z.nullable(z.string()),
      attempts: z.array(z.unknown()),
      status: z.number(),
      error: z.nullable(z.string()),
      ms: z.number(),
      firstMs: z.nullable(z.number()),
      inputTokens: z.number(),
      outputTokens: z.number(),
    }),
  ),
});

const names = z.optional(z.array(z.string()));
/** Revision: null for what stands in the file. */
const origin = { origin: z.enum(["file", "store"]), revision: z.nullable(z.number()) };
export const principals = z.object({
  data: z.array(
    z.object({
      kind: z.enum(["organisations", "teams", "users", "serviceAccounts"]),
      name: z.string(),
      roles: names,
      teams: names,
      organisation: z.optional(z.string()),
      disabled: z.boolean(),
      ...origin,
    }),
  ),
});
export const policies = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      effect: z.enum(["allow", "deny"]),
      who: z.record(z.string(), names),
      endpoints: names,
      models: names,
      labels: names,
      dataClasses: names,
      parameters: z.optional(z.record(z.string(), z.unknown())),
      when: z.optional(z.record(z.string(), z.unknown())),
      reason: z.optional(z.string()),
      ...origin,
    }),
  ),
});

export const explanation = z.object({
  decision: z.object({ allowed: z.boolean(), policy: z.nullable(z.string()), reason: z.string() }),
  considered: z.array(z.object({ policy: z.string(), effect: z.enum(["allow", "deny"]), applies: z.boolean(), why: z.string() })),
  limits: z.array(z.object({ limit: z.string(), bucket: z.string(), capacity: z.number(), mode: z.string() })),
  route: z.nullable(
    z.object({
      strategy: z.string(),
      rule: z.nullable(z.string()),
      targets: z.array(z.object({ target: z.string(), priority: z.number() })),
    }),
  ),
});

export type Request = z.infer<typeof requests>["data"][number];
export type Principal = z.infer<typeof principals>["data"][number];
export type Policy = z.infer<typeof policies>["data"][number];
export type Explanation = z.infer<typeof explanation>;
export type State = z.infer<typeof state>;
export type Limit = z.infer<typeof limits>["data"][number];
export type Limits = z.infer<typeof limits>;
export type Key = z.infer<typeof key>;
export type UsageRow = z.infer<typeof usage>["data"][number];
