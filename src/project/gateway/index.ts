/** The gateway of a project: its part of loam.yaml, its state, the gateway before a server; and the administration of any gateway. */
export { administered, type CreatedKey, findRequest, type GatewayAdministration } from "./administration.ts";
export { type BehindGateway, behindGateway } from "./behind-gateway.ts";
export { type CachedAnswers, type CacheSize, cacheState, cacheStoreSize, clearCache, clearCacheStore } from "./cached-answers.ts";
export { type ChangeList, type ChangesOptions, changesInFile, projectChangeList } from "./change-list.ts";
export { demoCurl, demoRequest } from "./demo-curl.ts";
export { type EntryAdministration, type PutEntry, withEntries } from "./entries.ts";
export {
  administerGateway,
  type ChangedBy,
  GatewayCache,
  GatewayCalls,
  GatewayHeld,
  GatewayKeys,
  GatewayLimitRules,
  GatewayPolicies,
  GatewayPrincipals,
  GatewayReviews,
  type PutOptions,
  type PutResult,
  startGateway,
} from "./gateway-calls.ts";
export { configPath, type FoundGateway, type GatewayPlace, gatewayFile, gatewayOf } from "./gateway-place.ts";
export { type DecidedRequest, decideHeld, type HeldDecision, heldRequests } from "./held-requests.ts";
export { linesLater } from "./lines-later.ts";
export { projectGateway } from "./project-part.ts";
export {
  appealReview,
  decideReview,
  exportReviews,
  type OwnedCase,
  type ReviewAction,
  reviewCases,
  reviewerAgreement,
  takeReview,
} from "./review-cases.ts";
export { keyVariable, type ReloadedGateway, reloadGateway } from "./running-gateway.ts";
export {
  type GatewayListener,
  modelsOfGateway,
  type ServeGatewayOptions,
  type ServingGateway,
  serveGateway,
} from "./serve-gateway.ts";
export { sharesOf, splitTraffic, type TargetShare, type TrafficSplit, weightsOf } from "./split-traffic.ts";
export {
  type ExportedGateway,
  type ExportGatewayOptions,
  type TakenGateway,
  type TakenPolicies,
  takeCedar,
  takeLitellm,
  writeGatewayExport,
  writeGatewayFile,
} from "./transfer.ts";
