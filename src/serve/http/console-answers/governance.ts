/** Answers about governance: who did what (the log of acts), an entry's proof, reports for laws and frameworks. */
import { z } from "zod";
import { timeMs } from "./measured.ts";

const said = z.string().optional();

const loggedAct = z
  .object({
    id: z.string(),
    position: z.int().describe("in the log, from 0"),
    leaf: z.string().describe("SHA-256 of the entry in the tree"),
    at: timeMs,
    kind: z.string(),
    who: said.describe("absent where it was erased"),
    what: said,
    on: said,
    purpose: said,
    note: said,
    evidence: z.record(z.string(), z.string()).optional().describe("digests by name"),
    erased: z.array(z.string()).describe("fields that an erasure took"),
  })
  .meta({ id: "LoggedAct", description: "An act, or a release, an approval, a gate or a step of a loop in the same terms." });

export const actList = z.strictObject({
  acts: z.array(loggedAct).describe("the newest first"),
  log: z.strictObject({ size: z.int(), root: z.string() }).describe("the tree's head"),
});

export const entryProof = z
  .strictObject({
    index: z.int(),
    entry: z.string().describe("canonical JSON"),
    leaf: z.string(),
    tree: z.object({ size: z.int(), root: z.string() }),
    path: z.array(z.string()).describe("siblings from the leaf up"),
    openings: z.array(z.object({ field: z.string(), salt: z.string(), value: z.string() })).describe("of the entry's commitments"),
  })
  .meta({ id: "EntryProof", description: "Proof that an entry is in the log." });

const fact = z.object({ text: z.string(), evidence: z.array(z.object({ what: z.string(), digest: z.string() })) });

export const governanceReportKinds = ["annex-iv", "nist-rmf", "gdpr-records"] as const;

export const lawReport = z
  .strictObject({
    kind: z.string(),
    title: z.string(),
    source: z.string(),
    project: z.string(),
    made: z.string(),
    log: z.object({ size: z.int(), root: z.string() }),
    sections: z.array(
      z.object({
        number: z.string(),
        title: z.string(),
        statements: z.array(fact),
        missing: z.array(z.string()).describe("what the section asks for and nothing says"),
      }),
    ),
    missing: z.int().describe("gaps of all sections"),
    duties: z.array(z.object({ from: z.string().nullable(), duty: z.string(), source: z.string(), checked: z.string() })),
  })
  .meta({ id: "GovernanceReport", description: "What the artifact store shows for a law or framework; gaps are named." });
