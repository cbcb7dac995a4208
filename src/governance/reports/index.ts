/** Governance reports: outlines of laws and frameworks, filled with facts and their evidence. */
export type { Duty } from "./duties.ts";
export { type FactTopic, type ReportEvidence, type ReportFact, type ReportFacts, type StatementTopic, statementTopics } from "./facts.ts";
export { type ReportKind, reportKinds } from "./outlines.ts";
export { type GovernanceReport, governanceMarkdown, governanceReport, type ReportSection } from "./report.ts";
