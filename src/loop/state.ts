/**
 * What a loop knows of itself, as plain data: it lies in the record, and whoever reads it can go on from it. Everything that was shown in a round stands in
 * it as evidence: artifacts by id, figures by name.
 */
import type { Json } from "../base/index.ts";

/** Phases of a round in their order; `idle` is between two rounds. */
const loopPhases = [
  "idle",
  "data",
  "training",
  "gates",
  "approval",
  "shadow",
  "canary",
  "promotion",
  "settling",
  "restoring",
  "rolling back",
] as const;
export type LoopPhase = (typeof loopPhases)[number];

const roundOutcomes = ["promoted", "rolled back", "held", "rejected", "failed"] as const;
export type RoundOutcome = (typeof roundOutcomes)[number];

const triggerKinds = ["quality", "drift", "schedule", "person"] as const;
export interface LoopTrigger {
  readonly kind: (typeof triggerKinds)[number];
  /** In words. */
  readonly why: string;
  readonly figures: Evidence;
}

/** Figures and artifact ids by name. */
export type Evidence = Readonly<Record<string, Json>>;

export interface RoundCandidate {
  readonly version: number;
  readonly artifact: string;
}

/** A round, under way or over. */
export interface LoopRound {
  readonly number: number;
  readonly trigger: LoopTrigger;
  readonly startedMs: number;
  /** The version that had the alias when the round began, and how often the alias had moved by then. */
  readonly current: number | null;
  readonly moves: number;
  /** New documents come after this time (null: all are new) and up to that one. */
  readonly sinceMs: number | null;
  readonly untilMs: number;
  /** Earlier rounds that the schedule began and whose candidates were held against this current version; absent in rounds of older states. */
  readonly gatesBefore?: number;
  readonly candidate?: RoundCandidate;
  /** Of each step that was done, by its phase. */
  readonly evidence: { readonly [P in LoopPhase]?: Evidence };
  readonly hasPassed: { readonly gates?: true; readonly shadow?: true; readonly canary?: true };
  readonly coreSeconds: number;
  readonly money: number;
  /** Set where the round ends, and while traffic goes back for it. */
  readonly outcome?: RoundOutcome;
  readonly why?: string;
  readonly endedMs?: number;
}

export interface LoopState {
  readonly v: 1;
  readonly phase: LoopPhase;
  /** When the phase began. */
  readonly sinceMs: number;
  readonly round: LoopRound | null;
  /** Rounds that are over, the newest first; the log has them all. */
  readonly past: readonly LoopRound[];
  /** Rounds that were begun. */
  readonly rounds: number;
  readonly paused: { readonly by: string; readonly why: string; readonly atMs: number } | null;
  readonly failuresInRow: number;
  /** Failures of the present phase, which is tried again. */
  readonly attempts: number;
  readonly problem: string | null;
  /** The current version has learnt from documents up to here; null where no round made it. */
  readonly usedUntilMs: number | null;
  /** A round has tried documents up to here, whatever came of it. */
  readonly triedUntilMs: number | null;
  readonly lastEndedMs: number | null;
  /** Rounds begun by the schedule that were judged while this version is current; absent where there were none yet. */
  readonly scheduledGates?: number;
  /** Looks at the quality of the current version, which share its false-alarm rate, and labelled documents at the last one. */
  readonly looks: number;
  readonly lookedAt: number;
  /** Spent in a calendar month: `2026-11`. */
  readonly spent: { readonly month: string; readonly coreSeconds: number; readonly money: number };
}

export const idleState: LoopState = {
  v: 1,
  phase: "idle",
  sinceMs: 0,
  round: null,
  past: [],
  rounds: 0,
  paused: null,
  failuresInRow: 0,
  attempts: 0,
  problem: null,
  usedUntilMs: null,
  triedUntilMs: null,
  lastEndedMs: null,
  looks: 0,
  lookedAt: 0,
  spent: { month: "", coreSeconds: 0, money: 0 },
};

/** Rounds that the state keeps. */
export const keptRounds = 20;
