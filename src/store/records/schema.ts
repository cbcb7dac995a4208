/**
 * The tables of the record, in plain SQL types that SQLite and PostgreSQL share: text, whole numbers (milliseconds since 1970 fit 2^53),
 * JSON as canonical text. `artifacts`, `artifact_files`, `inputs`, `versions`, `aliases`, `releases`, `guards`, `marks`, `acts`,
 * `act_fields` and `anchors` are what the log proves; `runs`, `run_data`, `locks`, `states` and `projects` say what is going on. Which documents an artifact holds is not here: see `members.ts`.
 */

import type { ActField } from "../log/commitments.ts";

export interface Tables {
  artifacts: {
    id: string;
    kind: string;
    recipe: string;
    digest: string;
    stage: string;
    stage_version: number;
    options: string;
    program: string | null;
    summary: string;
    created_ms: number;
    /** The artifact of the same recipe whose content this one does not repeat; null where the recipe has given one content so far. */
    differs_from: string | null;
    /** When its files were given up (`gc.ts`); the row stays, because what was made from it stays explained. */
    released_ms: number | null;
  };
  artifact_files: { artifact: string; name: string; digest: string; size_bytes: number };
  /** The edges: `artifact` was made from `source` under the input's `name`. */
  inputs: { artifact: string; name: string; source: string; digest: string };
  runs: {
    id: string;
    recipe: string;
    stage: string;
    stage_version: number;
    state: RunState;
    owner: string;
    started_ms: number;
    ended_ms: number | null;
    artifact: string | null;
    error: string | null;
    /** What it used (`ledger/run-ledger.ts`), up to its newest heartbeat while it runs; null of runs of earlier versions. */
    ledger: string | null;
  };
  /** What a run measured beside its artifact (times, speeds, where it ran); see `run-data.ts`. */
  run_data: { run: string; name: string; data: string };
  locks: { name: string; token: string; owner: string; what: string; acquired_ms: number; beats: number };
  versions: { model: string; number: number; artifact: string; digest: string; scores: string; created_ms: number };
  aliases: { model: string; alias: string; number: number; set_ms: number };
  /** Every move of an alias, numbered from 0; see `releases.ts`. */
  releases: {
    model: string;
    alias: string;
    position: number;
    kind: ReleaseKind;
    number: number | null;
    previous: number | null;
    by: string | null;
    reason: string | null;
    verdict: string;
    at_ms: number;
  };
  /** What has to hold before a version may get an alias; see `guards.ts`. */
  guards: { alias: string; rules: string; set_ms: number };
  /** What people say of a version that has been made: tags, notes, approvals, signatures; see `marks.ts`. */
  marks: { model: string; number: number; kind: MarkKind; key: string; value: string; at_ms: number };
  /** One row a leaf of the Merkle tree: its text, its hash, the root with it, and the hash chain of tree heads. */
  log: { position: number; entry: string; leaf: string; root: string; head: string };
  /** Acts and what opens their commitments; see `acts.ts`. A missing field was erased, as an entry of the log says. */
  acts: { id: string; position: number; kind: ActKind; at_ms: number };
  act_fields: { act: string; field: ActField; salt: string; value: string; digest: string };
  /** Heads of other hash chains that the log vouches for; see `anchors.ts`. */
  anchors: { chain: string; position: number; head: string; at_ms: number };
  /** Blobs that are smaller than a flush is dear; see `blobs/small.ts`. */
  small_blobs: { digest: string; data: Uint8Array };
  /** One row: what the next append needs. */
  log_head: { id: number; size: number; frontier: string; root: string; head: string };
  /** What processes do together now; see `tasks.ts`. Nothing that the log proves. */
  jobs: { id: string; spec: string; created_ms: number };
  tasks: {
    job: string;
    wave: number;
    task: number;
    token: string | null;
    owner: string | null;
    beats: number;
    output: string | null;
  };
  /** Searches and what they tried; see `studies/`. Nothing that the log proves: the artifacts that a trial made are. */
  studies: { id: string; name: string; spec: string; verdicts: string; created_ms: number };
  trials: {
    study: string;
    number: number;
    origin: TrialOrigin;
    point: string;
    state: TrialState;
    reports: string;
    outcome: string | null;
    reason: string | null;
    token: string | null;
    owner: string | null;
    beats: number;
    /** Times it was taken since its last report. */
    attempts: number;
    started_ms: number | null;
    ended_ms: number | null;
  };
  /** Test sets that models were scored on, and each time that one was; see `looks.ts`. Nothing that the log proves, and nothing that gc removes. */
  test_sets: { digest: string; size: number; sketch: string };
  looks: { test: string; kind: LookKind; subject: string; candidate: string; at_ms: number };
  /** Project files that were seen with the record; see `projects.ts`. */
  projects: { id: string; host: string; folder: string; file: string; seen_ms: number };
  /** What monitors and loops know, as JSON; see `states.ts`. Nothing that the log proves. */
  states: { scope: string; key: string; value: string; at_ms: number };
  loam_schema: { version: number; name: string; applied_ms: number };
}

/**
 * "review": a person decided on content, or on an appeal; "policy": a rule of access, release or moderation changed; "access": personal data was read or
 * handed out; "erasure": data was removed; "loop": a step of retraining; "incident": something went wrong; "run": somebody started or stopped a run.
 */
export const actKinds = ["review", "policy", "access", "erasure", "loop", "incident", "run"] as const;
export type ActKind = (typeof actKinds)[number];

/** "set": nothing guards it; "promote": its guard was met; "rollback": back to the one before; "remove": nobody has it any more. */
const releaseKinds = ["set", "promote", "rollback", "remove"] as const;
export type ReleaseKind = (typeof releaseKinds)[number];
const markKinds = ["tag", "note", "stage", "approval", "signature", "deployment"] as const;
export type MarkKind = (typeof markKinds)[number];

/** "tuning": its report; "evaluation": `loam eval`; "search": the judgement of a finished search; "gate": a release's condition. */
export const lookKinds = ["tuning", "evaluation", "search", "gate"] as const;
export type LookKind = (typeof lookKinds)[number];

/** "lost": its process died; "interrupted": it was asked to stop and can go on; "refused": it failed by what it was given, as the same would again. */
const runStates = ["running", "done", "failed", "refused", "interrupted", "lost"] as const;
export type RunState = (typeof runStates)[number];

/** "waiting": nobody has begun it. */
const trialStates = ["waiting", "running", "done", "pruned", "failed"] as const;
export type TrialState = (typeof trialStates)[number];
/** "default": what the configuration says without the search; "queued": named by the user; "sampler": chosen. */
const trialOrigins = ["default", "queued", "sampler"] as const;
export type TrialOrigin = (typeof trialOrigins)[number];
