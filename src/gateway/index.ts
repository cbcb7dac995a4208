/** gateway: one safe door to every model. Knows no tensors: who may do what, how much, and which server answers. */

export { checkModels, givenEntry, type ShownEntry, shownEntry } from "./admin/entries.ts";
export { type ExplainAsked, type Explained, endpointOf, explainRequest } from "./admin/explain-request.ts";
export type { ExplainedRoute } from "./admin/explain-route.ts";
export { changesOf, changesText } from "./admin/export-changes.ts";
export type { CacheState } from "./cache/counts.ts";
export { openCacheStore } from "./cache/open-store.ts";
export { type Following, followConfig } from "./config/follow.ts";
export type { GatewayConfig } from "./config/gateway-config.ts";
export { checkConfig, readConfig } from "./config/read-config.ts";
export type {
  Action,
  Control,
  Decision,
  Explanation,
  JournalEntry,
  JournalFilter,
  KeyGiven,
  KeyInfo,
  Keys,
  UsageRow,
} from "./contract.ts";
export { type ControlOptions, openControl } from "./control.ts";
export { type ControlConfig, type ControlGiven, controlPart } from "./control-config.ts";
export type { Endpoint } from "./endpoints.ts";
export { endpoints } from "./endpoints.ts";
export type { GatewayErased } from "./erasure/erase-subject.ts";
export { gatewayErrors } from "./errors.ts";
export type { GatewayFeedback } from "./feedback.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export type { HeldInfo } from "./guards/person/held.ts";
export { type AccessLog, openAccessLog } from "./http/access-log.ts";
export { apis } from "./http/apis.ts";
export { type GatewayListening, listenGateway } from "./http/listen.ts";
export type { RequestRecord } from "./http/request-record.ts";
export type { ChangeEntry } from "./identity/changes.ts";
export { verifyEntries } from "./identity/changes.ts";
export type { Authentication, Credentials, Identity, Refusal } from "./identity/contract.ts";
export type { Entries, EntryAsked, Match } from "./identity/entry.ts";
export { type AccessEntry, type EntryKind, entryKinds, isPrincipal, type PrincipalKind, principalKinds } from "./identity/entry.ts";
export { adminsOf } from "./identity/principals.ts";
export type {
  Actual,
  Demand,
  Denial,
  LimitBucket,
  LimitState,
  Limits,
  LimitsAsk,
  LimitsView,
  LimitView,
  Reservation,
  Subjects,
} from "./limits/contract.ts";
export type { Measure } from "./limits/measures.ts";
export { measures } from "./limits/measures.ts";
export { type CedarDifference, type ImportedCedar, importCedar } from "./migrate/cedar/import-cedar.ts";
export { type ExportOptions, type ExportTarget, exportGateway, exportTargets } from "./migrate/export/export.ts";
export { type ImportedGateway, importLitellm } from "./migrate/litellm/import-litellm.ts";
export type { GatewayState } from "./ports.ts";
export type { ReviewAgreement } from "./review/agreement.ts";
export type { ReviewCase, ReviewDocument, TakenCase } from "./review/review-case.ts";
export type { ModelRoute } from "./routing/route.ts";
export type { FollowService, ServiceEndpoint } from "./routing/service-endpoints.ts";
export type { ShadowRecord } from "./routing/shadow.ts";
export { openGatewayGenAi } from "./tracing/gen-ai.ts";
export { openGatewayTracing } from "./tracing/open-tracing.ts";
export type { GatewayTracing } from "./tracing/tracing.ts";
export { type Handover, handoverOf, type Supervisor, supervise } from "./transport/handover.ts";
export type { ServeHere } from "./upstreams/in-process.ts";
export { noticeText, type UpstreamNotice } from "./upstreams/notice.ts";
export type { ServiceReference } from "./upstreams/service-reference.ts";
export { usageCsv } from "./usage/csv.ts";
export type { GatewayAlarm } from "./webhooks/event.ts";
export { verifyWebhook } from "./webhooks/signature.ts";
