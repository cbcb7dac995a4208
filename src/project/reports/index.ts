/** Governance reports of a project, from its record. */
import { type GovernanceReport, governanceReport, type ReportKind } from "../../governance/index.ts";
import type { Workspace } from "../workspace.ts";
import { gatherFacts } from "./gather.ts";

/** A report from the record as it is now; gaps are in its sections' `missing`. Errors: those of the record. */
export const projectReport = async (at: Workspace, kind: ReportKind): Promise<GovernanceReport> =>
  governanceReport(kind, await gatherFacts(at.file, await at.store()));
