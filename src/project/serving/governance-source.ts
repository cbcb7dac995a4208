/** What the console's page Governance shows, read from a project's store when it is asked for. */
import { governanceReport } from "../../governance/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import { deedKinds, listDeeds, type Store, treeHead } from "../../store/index.ts";
import { proofAt } from "../accountability/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { gatherFacts } from "../reports/gather.ts";

export function governanceSource(file: ProjectFile, store: Store): NonNullable<ConsoleSource["governance"]> {
  const { read } = store.records;
  return {
    async acts(kind, most) {
      const known = deedKinds.find(k => k === kind);
      const found = kind !== undefined && !known ? [] : await listDeeds(read, { kind: known, most });
      const { size, root } = await treeHead(read);
      return { acts: found.map(({ atMs, ...d }) => ({ ...d, at: atMs })), log: { size, root } };
    },
    proof: position => proofAt(read, position),
    report: async kind => governanceReport(kind, await gatherFacts(file, store)),
  };
}
