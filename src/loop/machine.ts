/**
 * The loop as a state machine: a round goes from its trigger through data, training, gates, approval, shadow and canary to a promotion, or back. What is to be
 * done in a state follows from the state alone (`pendingWork`), so whoever finds it in the record after a crash does the same again; all work is idempotent.
 * Order of steps after canary releasing (Sato 2014; Google SRE Workbook, chapter 16).
 */
import type { LoopEvent, TrafficVerdict } from "./events.ts";
import type { LoopPolicy } from "./part.ts";
import { type Evidence, keptRounds, type LoopPhase, type LoopRound, type LoopState, type RoundOutcome } from "./state.ts";

/** What is to be done now, in each phase; `idle` looks at the signals. */
export type LoopWork = Exclude<LoopPhase, "idle"> | "look";

/** Written to the log: what was done in which round, and the evidence. */
export interface LoopStep {
  readonly round: number;
  readonly step: string;
  readonly evidence: Evidence;
}

export interface LoopTransition {
  readonly state: LoopState;
  /** Empty where the event changed nothing that has to be proved. */
  readonly steps: readonly LoopStep[];
}

type Rules = Pick<LoopPolicy, "shadow" | "canary" | "failures">;

/** Times of one phase that work on it may fail before the round is given up, or, where traffic must go back, before it is said to a person. */
const mostAttempts = 3;

/** Phases in which a version of the round may get traffic. */
const hasTraffic: readonly LoopPhase[] = ["shadow", "canary", "promotion"];
/** Phases that go on while the loop is paused: what was begun is brought to a safe end. */
const goesOnPaused: readonly LoopPhase[] = ["promotion", "settling", "restoring", "rolling back"];

export const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

const unchanged = (state: LoopState): LoopTransition => ({ state, steps: [] });

function spend(state: LoopState, coreSeconds: number, money: number, nowMs: number): LoopState["spent"] {
  const month = monthOf(nowMs);
  const before = state.spent.month === month ? state.spent : { month, coreSeconds: 0, money: 0 };
  return { month, coreSeconds: before.coreSeconds + coreSeconds, money: before.money + money };
}

/** The round in its next phase, with what the last one showed. */
function enter(state: LoopState, phase: LoopPhase, nowMs: number, round: LoopRound, step: string, evidence: Evidence): LoopTransition {
  return {
    state: { ...state, phase, sinceMs: nowMs, attempts: 0, problem: null, round },
    steps: [{ round: round.number, step, evidence }],
  };
}

const withEvidence = (round: LoopRound, phase: LoopPhase, evidence: Evidence): LoopRound => ({
  ...round,
  evidence: { ...round.evidence, [phase]: evidence },
});

/** A round is over. */
function endRound(state: LoopState, round: LoopRound, outcome: RoundOutcome, why: string, nowMs: number, rules: Rules): LoopTransition {
  const isPromoted = outcome === "promoted";
  const failuresInRow = outcome === "failed" ? state.failuresInRow + 1 : 0;
  const ended: LoopRound = { ...round, outcome, why, endedMs: nowMs };
  const givesUp = failuresInRow >= rules.failures;
  const paused = givesUp ? { by: "loop", why: `${failuresInRow} rounds in a row failed; the last one: ${why}`, atMs: nowMs } : state.paused;
  return {
    state: {
      ...state,
      phase: "idle",
      sinceMs: nowMs,
      round: null,
      past: [ended, ...state.past.filter(r => r.number !== ended.number)].slice(0, keptRounds),
      paused,
      failuresInRow,
      attempts: 0,
      problem: null,
      // what no version learnt from is still new; a failed round has not even tried it
      usedUntilMs: isPromoted ? round.untilMs : round.sinceMs,
      triedUntilMs: outcome === "failed" ? state.triedUntilMs : round.untilMs,
      lastEndedMs: nowMs,
      scheduledGates: isPromoted ? 0 : (state.scheduledGates ?? 0),
      looks: isPromoted ? 0 : state.looks,
      lookedAt: isPromoted ? 0 : state.lookedAt,
    },
    steps: [
      { round: round.number, step: outcome, evidence: { why } },
      ...(givesUp && !state.paused ? [{ round: round.number, step: "paused", evidence: { by: "loop", why: paused!.why } }] : []),
    ],
  };
}

/** The round ends so once traffic is back; at once where it never left. */
function giveUp(state: LoopState, round: LoopRound, outcome: RoundOutcome, why: string, nowMs: number, rules: Rules): LoopTransition {
  if (!hasTraffic.includes(state.phase)) return endRound(state, round, outcome, why, nowMs, rules);
  return enter(state, "restoring", nowMs, { ...round, outcome, why }, "restoring", { outcome, why });
}

/** The first phase with traffic that the policy asks for and that comes after this one. */
const nextTraffic = (rules: Rules, after: "gates" | "shadow" | "canary"): LoopPhase => {
  if (after === "gates" && rules.shadow) return "shadow";
  return after !== "canary" && rules.canary ? "canary" : "promotion";
};

function triggered(state: LoopState, event: LoopEvent & { readonly type: "triggered" }, nowMs: number): LoopTransition {
  if (state.phase !== "idle" || state.paused) return unchanged(state);
  const { type: _, ...given } = event;
  // another current version, whoever promoted it, has been held against nothing
  const last = state.past[0];
  const gatesBefore = !last || last.current === event.current ? (state.scheduledGates ?? 0) : 0;
  const round: LoopRound = {
    number: state.rounds + 1,
    startedMs: nowMs,
    sinceMs: state.usedUntilMs,
    ...given,
    gatesBefore,
    evidence: {},
    hasPassed: {},
    coreSeconds: 0,
    money: 0,
  };
  const { trigger, current, untilMs } = event;
  return enter({ ...state, rounds: round.number, scheduledGates: gatesBefore }, "data", nowMs, round, "triggered", {
    kind: trigger.kind,
    why: trigger.why,
    figures: trigger.figures,
    current,
    untilMs,
  });
}

type Compared = LoopEvent & { readonly type: "compared" };

function compared(state: LoopState, round: LoopRound, event: Compared, nowMs: number, rules: Rules): LoopTransition {
  const { phase, verdict, requests, why, evidence } = event;
  const limits = rules[phase];
  if (state.phase !== phase || !limits) return unchanged(state);
  const seen = withEvidence(round, phase, { verdict, requests, ...evidence });
  const on: Record<TrafficVerdict, () => LoopTransition> = {
    harm: () => giveUp(state, seen, "rolled back", why, nowMs, rules),
    "no harm": () =>
      enter(state, nextTraffic(rules, phase), nowMs, { ...seen, hasPassed: { ...round.hasPassed, [phase]: true } }, phase, {
        verdict,
        requests,
        why,
        ...evidence,
      }),
    undecided() {
      const isOver = event.isOver || nowMs - state.sinceMs >= limits.longest;
      if (isOver) return giveUp(state, seen, "held", why, nowMs, rules);
      // a clock that went back begins the wait again
      return { state: { ...state, round: seen, sinceMs: Math.min(state.sinceMs, nowMs), attempts: 0, problem: null }, steps: [] };
    },
  };
  return on[verdict]();
}

type Failed = LoopEvent & { readonly type: "failed" | "blocked" };

/** What failed work cost. */
function charged(state: LoopState, round: LoopRound, { coreSeconds, money }: Failed, nowMs: number) {
  const spent: LoopState = { ...state, spent: spend(state, coreSeconds, money, nowMs) };
  const costing: LoopRound = { ...round, coreSeconds: round.coreSeconds + coreSeconds, money: round.money + money };
  return { spent, costing };
}

/** The same work again, however often; a disk that stays full is not written to again and again. */
function blocked(state: LoopState, round: LoopRound, event: Failed, nowMs: number): LoopTransition {
  const isKnown = state.problem === event.why && event.coreSeconds === 0 && event.money === 0;
  if (state.phase !== event.phase || isKnown) return unchanged(state);
  const { spent, costing } = charged(state, round, event, nowMs);
  return { state: { ...spent, round: costing, problem: event.why }, steps: [] };
}

function failed(state: LoopState, round: LoopRound, event: Failed, nowMs: number, rules: Rules): LoopTransition {
  if (state.phase !== event.phase) return unchanged(state);
  const { why } = event;
  const { spent, costing } = charged(state, round, event, nowMs);
  const attempts = state.attempts + 1;
  // what must be brought to an end is tried until it is; the rest is given up
  const isTriedAgain = goesOnPaused.includes(state.phase) && (state.phase !== "promotion" || attempts < mostAttempts);
  if (isTriedAgain || (hasTraffic.includes(state.phase) && attempts < mostAttempts))
    return { state: { ...spent, round: costing, attempts, problem: why }, steps: [] };
  return giveUp(spent, costing, "failed", `${state.phase}: ${why}`, nowMs, rules);
}

/** The newest round that was promoted and not taken back since. */
export const lastPromoted = ({ past }: Pick<LoopState, "past">): LoopRound | undefined => past.find(r => r.outcome === "promoted");

function rollback(state: LoopState, { by, why }: LoopEvent & { readonly type: "rollback" }, nowMs: number, rules: Rules): LoopTransition {
  const said = `${by}: ${why}`;
  const { round } = state;
  if (round && ["settling", "rolling back"].includes(state.phase)) {
    // the alias has moved: it goes back
    if (state.phase === "rolling back") return unchanged(state);
    return enter(state, "rolling back", nowMs, { ...round, outcome: "rolled back", why: said }, "rollback", { by, why });
  }
  if (round) return state.phase === "restoring" ? unchanged(state) : giveUp(state, round, "rolled back", said, nowMs, rules);
  const last = lastPromoted(state);
  if (!last) return unchanged(state);
  const { endedMs: _, ...again } = last;
  return enter(state, "rolling back", nowMs, { ...again, outcome: "rolled back", why: said }, "rollback", { by, why });
}

function pause(state: LoopState, { by, why }: LoopEvent & { readonly type: "pause" }, nowMs: number, rules: Rules): LoopTransition {
  if (state.paused) return unchanged(state);
  const paused: LoopState = { ...state, paused: { by, why, atMs: nowMs } };
  const step: LoopStep = { round: state.round?.number ?? state.rounds, step: "paused", evidence: { by, why } };
  // nobody watches a test of a loop that stands still
  const isTested = state.round && (state.phase === "shadow" || state.phase === "canary");
  if (!isTested) return { state: paused, steps: [step] };
  const back = giveUp(paused, state.round, "held", `paused by ${by}: ${why}`, nowMs, rules);
  return { state: back.state, steps: [step, ...back.steps] };
}

type OfRound = Exclude<LoopEvent, { readonly type: "triggered" | "looked" | "clock" | "pause" | "resume" | "rollback" }>;

function inRound(state: LoopState, round: LoopRound, event: OfRound, nowMs: number, rules: Rules): LoopTransition {
  const { phase } = state;
  switch (event.type) {
    case "assembled":
      if (phase !== "data") return unchanged(state);
      return enter(
        state,
        "training",
        nowMs,
        { ...withEvidence(round, "data", event.evidence), untilMs: Math.min(round.untilMs, event.untilMs) },
        "data",
        event.evidence,
      );
    case "trained": {
      if (phase !== "training") return unchanged(state);
      const { version, artifact, coreSeconds, money, evidence } = event;
      const shown: Evidence = { ...evidence, version, artifact, coreSeconds, money };
      const trained = { ...withEvidence(round, "training", shown), candidate: { version, artifact } };
      const cost = { coreSeconds: round.coreSeconds + coreSeconds, money: round.money + money };
      return enter(
        { ...state, spent: spend(state, coreSeconds, money, nowMs) },
        "gates",
        nowMs,
        { ...trained, ...cost },
        "training",
        shown,
      );
    }
    case "judged": {
      if (phase !== "gates") return unchanged(state);
      const { passed, needsApproval, why, evidence } = event;
      const judged = withEvidence(round, "gates", evidence);
      const counted = { ...state, scheduledGates: (state.scheduledGates ?? 0) + Number(round.trigger.kind === "schedule") };
      if (!passed) return endRound(counted, judged, "rejected", why, nowMs, rules);
      const through = { ...judged, hasPassed: { ...round.hasPassed, gates: true as const } };
      return enter(counted, needsApproval ? "approval" : nextTraffic(rules, "gates"), nowMs, through, "gates", evidence);
    }
    case "approved":
      if (phase !== "approval") return unchanged(state);
      return enter(state, nextTraffic(rules, "gates"), nowMs, withEvidence(round, "approval", event.evidence), "approval", event.evidence);
    case "compared":
      return compared(state, round, event, nowMs, rules);
    case "promoted":
      if (phase !== "promotion") return unchanged(state);
      return enter(
        state,
        "settling",
        nowMs,
        { ...withEvidence(round, "promotion", event.evidence), outcome: "promoted" },
        "promotion",
        event.evidence,
      );
    case "refused":
      if (phase === "gates") return endRound(state, round, "rejected", event.why, nowMs, rules);
      return phase === "promotion" ? giveUp(state, round, "held", event.why, nowMs, rules) : unchanged(state);
    case "settled": {
      if (phase !== "settling" && phase !== "restoring" && phase !== "rolling back") return unchanged(state);
      return endRound(state, withEvidence(round, phase, event.evidence), round.outcome ?? "held", round.why ?? "", nowMs, rules);
    }
    case "blocked":
      return blocked(state, round, event, nowMs);
    case "failed":
      return failed(state, round, event, nowMs, rules);
  }
}

/** Whether an idle loop's last round ended after now: the clock was ahead then, and a cool-down from there would last until it. */
export const isAhead = ({ phase, lastEndedMs }: LoopState, nowMs: number): boolean =>
  phase === "idle" && lastEndedMs !== null && lastEndedMs > nowMs;

/** The state after an event. Total: an event that does not fit the state, of another round or told twice, changes nothing. */
export function advanceLoop(state: LoopState, event: LoopEvent, nowMs: number, rules: Rules): LoopTransition {
  switch (event.type) {
    case "triggered":
      return triggered(state, event, nowMs);
    case "looked":
      if (state.phase !== "idle" || event.labelled <= state.lookedAt) return unchanged(state);
      return { state: { ...state, looks: state.looks + 1, lookedAt: event.labelled }, steps: [] };
    case "clock":
      return isAhead(state, nowMs) ? { state: { ...state, lastEndedMs: nowMs }, steps: [] } : unchanged(state);
    case "pause":
      return pause(state, event, nowMs, rules);
    case "resume":
      if (!state.paused) return unchanged(state);
      return {
        state: { ...state, paused: null, failuresInRow: 0 },
        steps: [{ round: state.round?.number ?? state.rounds, step: "resumed", evidence: { by: event.by } }],
      };
    case "rollback":
      return rollback(state, event, nowMs, rules);
    default: {
      const { round } = state;
      return round && round.number === event.round ? inRound(state, round, event, nowMs, rules) : unchanged(state);
    }
  }
}

/** What is to be done in this state; undefined where a paused loop stands still. */
export function pendingWork({ phase, paused }: Pick<LoopState, "phase" | "paused">): LoopWork | undefined {
  if (paused && !goesOnPaused.includes(phase)) return undefined;
  return phase === "idle" ? "look" : phase;
}
