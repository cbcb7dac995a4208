/** Who did what: the tamper-evident log for people and auditors. */
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

const key: Verb["options"][number] = ["--key <file>", "Ed25519 private key that signs (`loam models keygen FILE` makes one)"];
const origin: Verb["options"][number] = [
  "--origin <name>",
  "the log's name in checkpoints, the same for good: example.com/mail (default: loam.invalid/ and the project's name)",
];

export const logVerbs: readonly Verb[] = [
  {
    usage: "log",
    summary:
      "List who did what, on what, for which purpose: reviews, policy changes, access, erasures, loop steps, incidents, releases, approvals",
    options: [
      project,
      ["--kind <kind>", "review, policy, access, erasure, loop, incident, run, release or approval"],
      ["--who <name>", "acts by exactly this person, key or process"],
      ["--on <name>", "acts on exactly this"],
      ["--since <when>", "since then: 12h, 30d, or a day such as 2026-11-26"],
      ["--most <n>", "list the newest n", "100"],
    ],
    example: "loam log --kind access --since 30d",
    load: async () => (await import("../verbs/log.ts")).logList,
  },
  {
    usage: "log act <kind> <what> <on>",
    summary: "Record an act by hand, such as an incident: review, policy, access, erasure, loop, incident or run",
    options: [
      project,
      ["--as <name>", "who did it (default: the user of this machine)"],
      ["--purpose <text>", "what it was for"],
      ["--note <text>", "more words; erasable, as all texts of an act"],
      ["--evidence <file...>", "files whose SHA-256 digests are kept as evidence"],
    ],
    example: 'loam log act incident "wrong label" mail-spam@3 --note "reported by support"',
    load: async () => (await import("../verbs/log.ts")).logAct,
  },
  {
    usage: "report <kind>",
    summary:
      "Write what the artifact store shows for a law or framework: annex-iv (EU AI Act), nist-rmf, gdpr-records (Article 30); each statement with a digest, gaps named",
    options: [project, ["--out <file>", "write Markdown there (default: print it)"]],
    example: "loam report annex-iv --out annex-iv.md",
    load: async () => (await import("../verbs/report.ts")).governanceReportVerb,
  },
  {
    usage: "log prove <id>",
    summary: "Prove that an act, or the entry at a position, is in the log: the path to the root, and what opens its commitments",
    options: [project],
    example: "loam log prove 12 --json",
    load: async () => (await import("../verbs/log.ts")).logProve,
  },
  {
    usage: "log checkpoint",
    summary: "Print the log's head as a signed checkpoint (C2SP tlog-checkpoint)",
    options: [project, key, origin],
    example: "loam log checkpoint --key log.pem --origin example.com/mail",
    load: async () => (await import("../verbs/log.ts")).logCheckpoint,
  },
  {
    usage: "log export <folder>",
    summary: "Write the log as static files that anybody can verify (C2SP tlog-tiles); into an earlier export, what is new",
    options: [project, key, origin],
    example: "loam log export public/log --key log.pem --origin example.com/mail",
    load: async () => (await import("../verbs/log.ts")).logExport,
  },
  {
    usage: "log witness <folder>",
    summary: "Co-sign the checkpoint of an exported log as a witness; refuse one that does not begin with all that was seen before",
    options: [
      ["--key <file>", "Ed25519 private key of the witness"],
      ["--name <name>", "the witness's name: witness.example.org"],
      ["--log-key <key>", "the log's verifier key, or the file that holds it"],
      ["--state <file>", "file in which the witness remembers the heads that it has seen"],
    ],
    example: "loam log witness public/log --key witness.pem --name witness.example.org --log-key log.vkey --state witness.json",
    load: async () => (await import("../verbs/log.ts")).logWitness,
  },
];
