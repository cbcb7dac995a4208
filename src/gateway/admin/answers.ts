/** What the addresses for administrators answer, as schemas: the source of `/gateway/openapi.json`. `z.object` says what can be relied on. */
import { z } from "zod";
import { measured } from "../../base/openapi.ts";
import { reviewDecisions } from "../review/review-case.ts";

const list = <S extends z.ZodType>(of: S) => z.object({ object: z.literal("list"), data: z.array(of) });
const revision = z.int().nullable().describe("null for what stands in the file");
const origin = z.enum(["file", "store"]);
const names = z.array(z.string()).optional();
const breaker = z.enum(["closed", "open", "halfOpen"]);

const upstreamModel = z.object({
  model: z.string(),
  breaker,
  breakerKey: z.string().optional().describe("the one key that the breaker is open for"),
  isAvailable: z.boolean(),
  refusesCredentials: z.boolean(),
  latencyMs: measured.optional(),
  answers: z.int(),
  failures: z.int(),
});
const upstream = z.object({
  id: z.string(),
  outstanding: z.int().describe("requests under way"),
  latencyMs: measured.optional(),
  breaker,
  isHealthy: z.boolean(),
  isAvailable: z.boolean(),
  answers: z.int(),
  failures: z.int(),
  lane: z.object({ running: z.int(), concurrency: z.int(), waiting: z.int() }).optional(),
  models: z.array(upstreamModel),
});
const cacheState = z.looseObject({ store: z.string(), scope: z.string(), entries: z.int(), bytes: z.int() });
export const gatewayState = z
  .object({
    inFlight: z.int(),
    isDraining: z.boolean(),
    upstreams: z.array(upstream),
    models: z.array(
      z.object({
        name: z.string(),
        aliases: z.array(z.string()),
        strategy: z.string(),
        targets: z.array(z.object({ id: z.string(), weight: z.number(), priority: z.number() })),
      }),
    ),
    cache: cacheState.nullable(),
    webhooks: z.array(
      z.strictObject({
        origin: z.string(),
        waiting: z.int(),
        delivered: z.int(),
        lost: z.int(),
        lastError: z.string().nullable(),
      }),
    ),
    journalDropped: z.int(),
  })
  .meta({ id: "GatewayState" });

export const writtenLimitRule = z
  .object({
    kind: z.literal("limits"),
    name: z.string(),
    measure: z.string(),
    per: z.array(z.string()),
    limit: z.number(),
    window: z.string().optional(),
    period: z.string().optional(),
    burst: z.number().optional(),
    for: z.record(z.string(), names),
    mode: z.string(),
    warnAt: z.number().optional(),
    onStoreLoss: z.string(),
    ipv6Prefix: z.number().optional(),
    origin,
    revision,
  })
  .meta({ id: "GatewayLimitRule" });

const limit = z
  .strictObject({
    limit: z.string(),
    measure: z.string(),
    per: z.array(z.string()),
    mode: z.string(),
    quota: z.number(),
    capacity: z.number(),
    windowMs: z.number().nullable(),
    period: z.string().nullable(),
    warnAt: z.number().nullable(),
    onStoreLoss: z.enum(["open", "closed"]),
    rule: writtenLimitRule.nullable().describe("as it is written; null while it is being replaced"),
    numBuckets: z.int().describe("buckets in use, shown or not"),
    buckets: z.array(
      z.strictObject({
        of: z.record(z.string(), z.string()).describe("by the limit's dimensions"),
        used: z.number(),
        held: z.number().describe("for requests under way"),
        remaining: z.number(),
        share: z.number().describe("of the capacity, used and held"),
        resetMs: z.number(),
      }),
    ),
  })
  .meta({ id: "GatewayLimit" });
export const gatewayLimits = z
  .strictObject({ object: z.literal("list"), currency: z.string(), isWhole: z.boolean(), data: z.array(limit) })
  .meta({ id: "GatewayLimits" });

const keyFields = {
  id: z.string(),
  prefix: z.string().describe("visible beginning"),
  name: z.string(),
  subject: z.string(),
  scopes: z.array(z.string()),
  createdMs: z.number(),
  expiresMs: z.number().nullable(),
  revokedMs: z.number().nullable(),
  lastUsedMs: z.number().nullable().describe("to within a few seconds; null: never used"),
};
export const gatewayKey = z.object({ ...keyFields, state: z.enum(["live", "revoked", "expired"]) }).meta({ id: "GatewayKey" });
export const keyList = list(gatewayKey).meta({ id: "GatewayKeys" });
export const keyCreated = z.strictObject({ key: gatewayKey, secret: z.string() }).meta({ id: "GatewayKeyCreated" });
export const keyShown = z.strictObject({ key: gatewayKey }).meta({ id: "GatewayKeyShown" });

const usageRow = z
  .strictObject({
    day: z.string().describe("2026-11-30, UTC"),
    keyId: z.string(),
    subject: z.string(),
    team: z.string(),
    organisation: z.string(),
    model: z.string(),
    requests: z.int(),
    errors: z.int(),
    inputTokens: z.int(),
    cachedTokens: z.int(),
    outputTokens: z.int(),
    costNano: z.number().describe("in 1e-9 of the currency's unit"),
  })
  .meta({ id: "UsageRow" });
export const usageList = list(usageRow).meta({ id: "GatewayUsage" });

const gatewayRequest = z
  .object({
    id: z.string(),
    time: z.string(),
    method: z.string(),
    path: z.string().describe("the route's pattern"),
    key: z.string().nullable(),
    subject: z.string().nullable(),
    model: z.string().nullable(),
    target: z.string().nullable(),
    attempts: z.array(z.object({ target: z.string(), ms: z.number(), how: z.string() })),
    status: z.int(),
    error: z.string().nullable(),
    ms: z.number(),
    firstMs: z.number().nullable().describe("time to the first byte"),
    inputTokens: z.int(),
    outputTokens: z.int(),
  })
  .meta({ id: "GatewayRequest" });
export const requestList = z
  .strictObject({ object: z.literal("list"), data: z.array(gatewayRequest), dropped: z.int().describe("lines that were lost") })
  .meta({ id: "GatewayRequests" });
export const requestsOfId = list(gatewayRequest);

export const principal = z
  .object({
    kind: z.enum(["organisations", "teams", "users", "serviceAccounts"]),
    name: z.string(),
    roles: names,
    teams: names,
    organisation: z.string().optional(),
    disabled: z.boolean(),
    origin,
    revision,
  })
  .meta({ id: "GatewayPrincipal" });
export const principalList = list(principal).meta({ id: "GatewayPrincipals" });
export const member = z.strictObject({
  kind: principal.shape.kind,
  name: z.string(),
  through: z.string().nullable().describe("of a role: the team that brings it"),
});
export const memberList = list(member);

export const policy = z
  .object({
    id: z.string(),
    effect: z.enum(["allow", "deny"]),
    who: z.record(z.string(), names),
    endpoints: names,
    models: names,
    labels: names,
    dataClasses: names,
    parameters: z.record(z.string(), z.unknown()).optional(),
    when: z.record(z.string(), z.unknown()).optional(),
    reason: z.string().optional(),
    origin,
    revision,
  })
  .meta({ id: "GatewayPolicy" });
export const policyList = list(policy).meta({ id: "GatewayPolicies" });

export const explanation = z
  .object({
    identity: z.looseObject({ keyId: z.string(), subject: z.string() }),
    action: z.looseObject({ endpoint: z.string(), model: z.string().nullable() }),
    decision: z.strictObject({ allowed: z.boolean(), policy: z.string().nullable(), reason: z.string() }),
    considered: z.array(z.strictObject({ policy: z.string(), effect: z.enum(["allow", "deny"]), applies: z.boolean(), why: z.string() })),
    limits: z.array(z.strictObject({ limit: z.string(), bucket: z.string(), capacity: z.number(), mode: z.string() })),
    route: z
      .object({
        model: z.string(),
        strategy: z.string(),
        rule: z.string().nullable(),
        rules: z.array(z.strictObject({ rule: z.string(), applies: z.boolean() })),
        targets: z.array(z.strictObject({ target: z.string(), weight: z.number(), priority: z.number(), state: z.string().nullable() })),
        fallbacks: z.array(z.string()),
      })
      .nullable(),
  })
  .meta({ id: "GatewayExplanation" });

const missing = z.string().nullable().describe("why the caller may not; null: they may");
export const permissions = z
  .strictObject({
    subject: z.string(),
    key: z.string(),
    roles: z.array(z.string()),
    missing: z.strictObject({ look: missing, lookAtKeys: missing, changeKeys: missing, change: missing, review: missing }),
  })
  .meta({ id: "GatewayPermissions" });

const head = z.looseObject({ position: z.int(), head: z.string() }).nullable();
const change = z
  .strictObject({
    position: z.int(),
    atMs: z.number(),
    by: z.string(),
    what: z.string(),
    detail: z.record(z.string(), z.unknown()),
    head: z.string(),
  })
  .meta({ id: "GatewayChange" });
export const changeList = z.object({
  object: z.literal("list"),
  data: z.array(change),
  head,
  verified: z.boolean().optional(),
  finding: z.unknown().optional(),
});
export const reloaded = z.strictObject({ reloaded: z.literal(true), head });
export const cacheShown = cacheState;
export const cacheCleared = z.strictObject({ cleared: z.int() });
const heldRequest = z
  .looseObject({
    id: z.string(),
    guard: z.string(),
    subject: z.string(),
    model: z.string(),
    flaggedBy: z.array(z.string()),
    text: z.string(),
    sinceMs: z.number(),
    untilMs: z.number(),
  })
  .meta({ id: "GatewayHeldRequest" });
export const heldList = list(heldRequest).meta({ id: "GatewayHeldRequests" });
const reviewFields = {
  id: z.string(),
  guard: z.string(),
  request: z.string(),
  key: z.string(),
  subject: z.string(),
  model: z.string(),
  endpoint: z.string(),
  flaggedBy: z.array(z.string()),
  policy: z.string(),
  priority: z.number(),
  round: z.number(),
  needed: z.number(),
  isEscalated: z.boolean(),
  state: z.enum(["waiting", "decided"]),
  decision: z.enum(reviewDecisions).nullable(),
  decidedBy: z.enum(["reviewers", "adjudicator", "admin", "deadline", "erasure"]).nullable(),
  createdMs: z.number(),
  dueMs: z.number(),
  decidedMs: z.number().nullable(),
  appealedMs: z.number().nullable(),
  votes: z.number(),
  assigned: z.array(z.strictObject({ reviewer: z.string(), untilMs: z.number() })),
};
const reviewCase = z.strictObject(reviewFields).meta({ id: "GatewayReviewCase" });
const takenCase = z
  .strictObject({ ...reviewFields, text: z.string(), appeal: z.string().nullable(), untilMs: z.number() })
  .meta({ id: "GatewayTakenCase" });
export const reviewList = list(reviewCase).meta({ id: "GatewayReviewCases" });
export const reviewTaken = z.strictObject({ case: takenCase.nullable() }).meta({ id: "GatewayReviewTaken" });
export const reviewDecided = z.strictObject({ case: reviewCase }).meta({ id: "GatewayReviewDecided" });
export const reviewDocuments = list(z.looseObject({ id: z.string(), text: z.string(), label: z.string() }));
export const reviewAgreed = z.looseObject({ cases: z.number(), alpha: z.number().nullable() });
export const heldDecided = z.object({ held: z.unknown(), decision: z.enum(["approved", "refused"]), by: z.string() });
export const entryShown = {
  principal: z.object({ principal, effective: z.unknown().optional(), members: z.array(member).optional() }),
  policy: z.object({ policy }),
  limit: z.object({ limit: writtenLimitRule }),
};
export const entryPut = {
  principal: z.object({ created: z.boolean(), principal }),
  policy: z.object({ created: z.boolean(), policy }),
  limit: z.object({ created: z.boolean(), limit: writtenLimitRule }),
};
export const entryDeleted = {
  principal: z.object({ deleted: z.literal(true), principal }),
  policy: z.object({ deleted: z.literal(true), policy }),
  limit: z.object({ deleted: z.literal(true), limit: writtenLimitRule }),
};
