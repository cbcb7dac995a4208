/**
 * What the console's page Governance shows of the artifact store. A port: the application gives functions over its project's store. The types follow from
 * the schemas of `http/console-answers/governance.ts`.
 */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { actList, entryProof, governanceReportKinds, lawReport } from "./http/console-answers/governance.ts";

export interface GovernanceSource {
  /** The newest `most` acts, of one kind where it is named. */
  acts(kind: string | undefined, most: number): Promise<Answered<z.output<typeof actList>>>;
  /** Proof of the entry at a position of the log; undefined where there is none. */
  proof(position: number): Promise<Answered<z.output<typeof entryProof>> | undefined>;
  report(kind: (typeof governanceReportKinds)[number]): Promise<Answered<z.output<typeof lawReport>>>;
}
