/** Made-up acts, a proof and reports of the page Governance: shaped like real ones, and proving nothing. */
import { sha256 } from "../../src/base/index.ts";
import type { EntryProof, GovernanceReport, LoggedAct } from "../src/generated/governance.ts";

const hour = 3_600_000;
const digest = (of: string): string => sha256(`made up ${of}`);
const size = 212;

function madeUpActs(startedMs: number): LoggedAct[] {
  const act = (position: number, hoursAgo: number, kind: string, more: Partial<LoggedAct>): LoggedAct => ({
    id: `entry-${position}`,
    position,
    leaf: digest(`leaf ${position}`),
    at: startedMs - hoursAgo * hour,
    kind,
    erased: [],
    ...more,
  });
  return [
    act(211, 1, "erasure", {
      what: "subject.erase",
      on: "documents, responses, review cases",
      purpose: "GDPR Article 17",
      erased: ["who"],
    }),
    act(204, 3, "review", { who: "reviewer-x3fA", what: "refuse", on: "review_4f1c", evidence: { policy: digest("policy") } }),
    act(190, 20, "incident", { who: "carol", what: "wrong label", on: "mail-small@2", note: "reported by support" }),
    act(180, 26, "approval", { who: "ann", what: "approval.give", on: "mail-small@1" }),
    act(178, 27, "release", { who: "carol", what: "promote", on: "mail-small@prod -> 1", purpose: "fewer false alarms" }),
  ];
}

const madeUpProof = (index: number): EntryProof => ({
  index,
  entry: JSON.stringify({ atMs: 0, commitments: { who: digest("who") }, kind: "incident", type: "act" }),
  leaf: digest(`leaf ${index}`),
  tree: { size, root: digest("root") },
  path: Array.from({ length: 8 }, (_, i) => digest(`path ${i}`)),
  openings: [{ field: "who", salt: digest("salt"), value: "carol" }],
});

const titles: Readonly<Record<string, string>> = {
  "annex-iv": "Technical documentation (Annex IV)",
  "nist-rmf": "NIST AI Risk Management Framework 1.0",
  "gdpr-records": "Records of processing activities (Article 30)",
};

function madeUpReport(kind: string, isEmpty: boolean): GovernanceReport | undefined {
  const title = titles[kind];
  if (title === undefined) return undefined;
  const statements = isEmpty
    ? []
    : [
        {
          text: "mail-small@2: made 2026-11-30, 3 files, 4194304 bytes",
          evidence: [{ what: "model mail-small@2", digest: digest("model") }],
        },
      ];
  const missing = ["intended purpose of the system, and its users (`governance.statements.purpose` of loam.yaml)"];
  return {
    kind,
    title,
    source: "A made-up source",
    project: "mail",
    made: "2026-11-30T10:00:00.000Z",
    log: { size, root: digest("root") },
    sections: [
      { number: "1", title: "General description", statements, missing },
      { number: "2", title: "Elements and process of development", statements, missing: [] },
    ],
    missing: missing.length,
    duties: [{ from: "2026-08-02", duty: "a made-up duty applies", source: "A made-up source", checked: "2026-11-30" }],
  };
}

/** Answers by address; undefined where there is nothing. */
export function fakeGovernance(startedMs: number, isEmpty: boolean): (url: URL) => object | undefined {
  const acts = isEmpty ? [] : madeUpActs(startedMs);
  return url => {
    const [, , , what, id = ""] = url.pathname.split("/");
    const kind = url.searchParams.get("kind");
    if (what === "acts")
      return { acts: acts.filter(a => kind === null || a.kind === kind), log: { size: isEmpty ? 0 : size, root: digest("root") } };
    if (what === "proofs") return /^\d+$/.test(id) && Number(id) < size ? madeUpProof(Number(id)) : undefined;
    return what === "reports" ? madeUpReport(id, isEmpty) : undefined;
  };
}
