/** Retention rules of a project, planned and enforced. */
export type { DocumentPlan, RetainedDocument } from "./plan-documents.ts";
export { enforceRetention, type RetentionOptions, type RetentionReport, type RuleOutcome } from "./retention.ts";
export type { RetentionRule } from "./retention-part.ts";
