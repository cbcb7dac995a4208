/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

/** Proof that an entry is in the log. */
export const entryProof = is.object({
  index: is.number,
  /** Canonical JSON. */
  entry: is.string,
  leaf: is.string,
  tree: is.object({
    size: is.number,
    root: is.string,
  }),
  /** Siblings from the leaf up. */
  path: is.array(is.string),
  /** Of the entry's commitments. */
  openings: is.array(
    is.object({
      field: is.string,
      salt: is.string,
      value: is.string,
    }),
  ),
});
export type EntryProof = is.Infer<typeof entryProof>;

/** What the artifact store shows for a law or framework; gaps are named. */
export const governanceReport = is.object({
  kind: is.string,
  title: is.string,
  source: is.string,
  project: is.string,
  made: is.string,
  log: is.object({
    size: is.number,
    root: is.string,
  }),
  sections: is.array(
    is.object({
      number: is.string,
      title: is.string,
      statements: is.array(
        is.object({
          text: is.string,
          evidence: is.array(
            is.object({
              what: is.string,
              digest: is.string,
            }),
          ),
        }),
      ),
      /** What the section asks for and nothing says. */
      missing: is.array(is.string),
    }),
  ),
  /** Gaps of all sections. */
  missing: is.number,
  duties: is.array(
    is.object({
      from: is.nullable(is.string),
      duty: is.string,
      source: is.string,
      checked: is.string,
    }),
  ),
});
export type GovernanceReport = is.Infer<typeof governanceReport>;

/** An act, or a release, an approval, a gate or a step of a loop in the same terms. */
export const loggedAct = is.object({
  id: is.string,
  /** In the log, from 0. */
  position: is.number,
  /** SHA-256 of the entry in the tree. */
  leaf: is.string,
  /** Milliseconds since 1970. */
  at: is.number,
  kind: is.string,
  /** Absent where it was erased. */
  who: is.optional(is.string),
  what: is.optional(is.string),
  on: is.optional(is.string),
  purpose: is.optional(is.string),
  note: is.optional(is.string),
  /** Digests by name. */
  evidence: is.optional(is.record(is.string)),
  /** Fields that an erasure took. */
  erased: is.array(is.string),
});
export type LoggedAct = is.Infer<typeof loggedAct>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/governance/acts": is.object({
    /** The newest first. */
    acts: is.array(loggedAct),
    /** The tree's head. */
    log: is.object({
      size: is.number,
      root: is.string,
    }),
  }),
  "GET /api/governance/proofs/{position}": entryProof,
  "GET /api/governance/reports/{kind}": governanceReport,
};
