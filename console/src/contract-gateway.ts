/** What a gateway says to its administrators, as schemas; see `contract.ts`. Fields that the page does not show are not asked for. */
import { measured } from "./contract.ts";
import * as is from "./shape.ts";

export const state = is.object({
  inFlight: is.number,
  isDraining: is.boolean,
  upstreams: is.array(
    is.object({
      id: is.string,
      outstanding: is.number,
      latencyMs: measured,
      breaker: is.oneOf("closed", "open", "halfOpen"),
      isHealthy: is.boolean,
      isAvailable: is.boolean,
      answers: is.number,
      failures: is.number,
      lane: is.optional(is.object({ running: is.number, concurrency: is.number, waiting: is.number })),
      models: is.array(
        is.object({
          model: is.string,
          breaker: is.oneOf("closed", "open", "halfOpen"),
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
      targets: is.array(is.object({ id: is.string, weight: is.number, priority: is.number })),
    }),
  ),
});

export const limits = is.object({
  currency: is.string,
  data: is.array(
    is.object({
      limit: is.string,
      measure: is.string,
      per: is.array(is.string),
      mode: is.string,
      quota: is.number,
      capacity: is.number,
      windowMs: is.nullable(is.number),
      period: is.nullable(is.string),
      numBuckets: is.number,
      buckets: is.array(
        is.object({
          of: is.record(is.string),
          remaining: is.number,
          held: is.number,
          share: is.number,
          resetMs: is.number,
        }),
      ),
    }),
  ),
});

const key = is.object({
  id: is.string,
  prefix: is.string,
  name: is.string,
  subject: is.string,
  scopes: is.array(is.string),
  createdMs: is.number,
  expiresMs: is.nullable(is.number),
  lastUsedMs: is.nullable(is.number),
  state: is.string,
});
export const keys = is.object({ data: is.array(key) });
export const created = is.object({ key, secret: is.string });
export const revoked = is.object({ key });

export const usage = is.object({
  data: is.array(
    is.object({
      day: is.string,
      keyId: is.string,
      subject: is.string,
      team: is.string,
      model: is.string,
      requests: is.number,
      errors: is.number,
      inputTokens: is.number,
      outputTokens: is.number,
      costNano: is.number,
    }),
  ),
});

export const requests = is.object({
  data: is.array(
    is.object({
      id: is.string,
      time: is.string,
      method: is.string,
      path: is.string,
      key: is.nullable(is.string),
      subject: is.nullable(is.string),
      model: is.nullable(is.string),
      target: is.nullable(is.string),
      attempts: is.array(is.unknown),
      status: is.number,
      error: is.nullable(is.string),
      ms: is.number,
      firstMs: is.nullable(is.number),
      inputTokens: is.number,
      outputTokens: is.number,
    }),
  ),
});

const names = is.optional(is.array(is.string));
/** Revision: null for what stands in the file. */
const origin = { origin: is.oneOf("file", "store"), revision: is.nullable(is.number) };
export const principals = is.object({
  data: is.array(
    is.object({
      kind: is.oneOf("organisations", "teams", "users", "serviceAccounts"),
      name: is.string,
      roles: names,
      teams: names,
      organisation: is.optional(is.string),
      disabled: is.boolean,
      ...origin,
    }),
  ),
});
export const policies = is.object({
  data: is.array(
    is.object({
      id: is.string,
      effect: is.oneOf("allow", "deny"),
      who: is.record(names),
      endpoints: names,
      models: names,
      labels: names,
      dataClasses: names,
      parameters: is.optional(is.record(is.unknown)),
      when: is.optional(is.record(is.unknown)),
      reason: is.optional(is.string),
      ...origin,
    }),
  ),
});

export const explanation = is.object({
  decision: is.object({ allowed: is.boolean, policy: is.nullable(is.string), reason: is.string }),
  considered: is.array(is.object({ policy: is.string, effect: is.oneOf("allow", "deny"), applies: is.boolean, why: is.string })),
  limits: is.array(is.object({ limit: is.string, bucket: is.string, capacity: is.number, mode: is.string })),
  route: is.nullable(
    is.object({
      strategy: is.string,
      rule: is.nullable(is.string),
      targets: is.array(is.object({ target: is.string, priority: is.number, state: is.nullable(is.string) })),
    }),
  ),
});

export type Request = is.Infer<typeof requests>["data"][number];
export type Principal = is.Infer<typeof principals>["data"][number];
export type Policy = is.Infer<typeof policies>["data"][number];
export type Explanation = is.Infer<typeof explanation>;
export type State = is.Infer<typeof state>;
export type Limit = is.Infer<typeof limits>["data"][number];
export type Limits = is.Infer<typeof limits>;
export type Key = is.Infer<typeof key>;
export type UsageRow = is.Infer<typeof usage>["data"][number];
