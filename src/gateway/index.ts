/** gateway: one safe door to every model. Knows no tensors: who may do what, how much, and which server answers. */

export { checkModels, givenEntry, type ShownEntry, shownEntry } from "./admin/entries.ts";
export { type ExplainAsked, type Explained, endpointOf, explainRequest } from "./admin/explain-request.ts";
export type { ExplainedRoute } from "./admin/explain-route.ts";
export { changesOf, changesText } from "./admin/export-changes.ts";
export type { JournalEntry, JournalFilter } from "./admin/journal.ts";
export type { CacheState } from "./cache/counts.ts";
export { openCacheStore } from "./cache/open-store.ts";
export { type Following, followConfig } from "./config/follow.ts";
export { type ImportedGateway, importLitellm } from "./config/import-litellm.ts";
export { checkConfig, type GatewayConfig, type ModelRoute, readConfig } from "./config/read-config.ts";
export type {
  Action,
  Actual,
  Authentication,
  ChangeEntry,
  Control,
  Credentials,
  Decision,
  Demand,
  Denial,
  Endpoint,
  Explanation,
  Identity,
  KeyGiven,
  KeyInfo,
  Keys,
  LimitBucket,
  LimitState,
  Limits,
  LimitsAsk,
  LimitsView,
  LimitView,
  Measure,
  Refusal,
  Reservation,
  Subjects,
  UsageRow,
} from "./contract.ts";
export { endpoints, measures } from "./contract.ts";
export { type ControlOptions, openControl } from "./control.ts";
export { type ControlConfig, type ControlGiven, controlPart } from "./control-config.ts";
export { gatewayErrors } from "./errors.ts";
export { type ExportOptions, type ExportTarget, exportGateway, exportTargets } from "./export/export.ts";
export { Gateway, type GatewayOptions, type GatewayState } from "./gateway.ts";
export type { HeldInfo } from "./guards/person/held.ts";
export { type AccessLog, openAccessLog } from "./http/access-log.ts";
export { apis } from "./http/apis.ts";
export type { RequestRecord } from "./http/exchange.ts";
export { type GatewayListening, listenGateway } from "./http/listen.ts";
export type { Entries } from "./identity/access.ts";
export { verifyEntries } from "./identity/changes.ts";
export { type Entry, type EntryKind, entryKinds, type PrincipalKind, principalKinds } from "./identity/entries.ts";
export type { EntryAsked, Match } from "./identity/entry-checks.ts";
export { adminsOf } from "./identity/principals.ts";
export { type CedarDifference, type ImportedCedar, importCedar } from "./policy/import-cedar.ts";
export type { ShadowRecord } from "./routing/shadow.ts";
export { openGatewayTracing } from "./tracing/open-tracing.ts";
export type { GatewayTracing } from "./tracing/tracing.ts";
export { type Handover, handoverOf, type Supervisor, supervise } from "./transport/handover.ts";
export type { ServeHere } from "./upstreams/in-process.ts";
export { noticeText, type UpstreamNotice } from "./upstreams/notice.ts";
export { usageCsv } from "./usage/csv.ts";
export { verifyWebhook } from "./webhooks/signature.ts";
