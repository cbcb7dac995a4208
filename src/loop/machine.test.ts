/** Laws of the loop over random sequences of events: duplicates, late ones, out of order, clocks that jump. */
import { describe, expect, test } from "vitest";
import { type Random, random } from "../base/index.ts";
import type { LoopEvent } from "./events.ts";
import { advanceLoop, type LoopStep, pendingWork } from "./machine.ts";
import { idleState, type LoopState } from "./state.ts";

const traffic = { share: 10, requests: 50, errors: 0.05, longest: 1000 };
const canary = { ...traffic, alpha: 0.05, latency: 2, leastEffect: 0, warmup: 0 };
const policies = [{ failures: 3 }, { failures: 3, shadow: traffic }, { failures: 3, canary }, { failures: 2, shadow: traffic, canary }];
type Rules = (typeof policies)[number];

const pick = <T>(r: Random, all: readonly T[]): T => all[Math.floor(r.uniform() * all.length)]!;

/** What work in a state may come to. */
function outcomeOf(state: LoopState, r: Random, current: number): LoopEvent {
  const round = state.round?.number ?? 0;
  const evidence = {};
  if (state.phase !== "idle" && r.uniform() < 0.15)
    return { type: "failed", round, phase: state.phase, why: "no", coreSeconds: 1, money: 0 };
  if (state.phase !== "idle" && r.uniform() < 0.1)
    return { type: "blocked", round, phase: state.phase, why: "the disk is full", coreSeconds: 1, money: 0 };
  switch (pendingWork(state)) {
    case "look":
      return { type: "triggered", trigger: { kind: "schedule", why: "it is time", figures: {} }, current, moves: 0, untilMs: state.rounds };
    case "data":
      return { type: "assembled", round, untilMs: 1, evidence };
    case "training":
      return { type: "trained", round, version: current + 1, artifact: `a${round}`, coreSeconds: 5, money: 1, evidence };
    case "gates":
      return { type: "judged", round, passed: r.uniform() < 0.7, needsApproval: r.uniform() < 0.3, why: "so", evidence };
    case "approval":
      return { type: "approved", round, evidence };
    case "shadow":
    case "canary": {
      const verdict = pick(r, ["harm", "no harm", "undecided"] as const);
      return {
        type: "compared",
        round,
        phase: state.phase as "shadow",
        verdict,
        requests: Math.floor(r.uniform() * 100),
        isOver: r.uniform() < 0.2,
        why: "so",
        evidence,
      };
    }
    case "promotion":
      return r.uniform() < 0.2 ? { type: "refused", round, why: "moved", evidence } : { type: "promoted", round, evidence };
    default:
      return { type: "settled", round, evidence };
  }
}

interface Told {
  readonly event: LoopEvent;
  readonly nowMs: number;
}

/** A history of a loop, with the state before each event. */
function history(seed: number, rules: Rules, length = 250) {
  const r = random(`loop/${seed}`);
  let state = idleState;
  let nowMs = 1_000_000;
  const told: Told[] = [];
  const seen: { before: LoopState; after: LoopState; event: LoopEvent; steps: readonly LoopStep[] }[] = [];
  const tell = (event: LoopEvent) => {
    nowMs += r.uniform() < 0.05 ? (r.uniform() - 0.5) * 1e7 : r.uniform() * 300;
    const before = state;
    const { state: after, steps } = advanceLoop(state, event, nowMs, rules);
    state = after;
    told.push({ event, nowMs });
    seen.push({ before, after, event, steps });
  };
  for (let i = 0; i < length; i++) {
    const kind = r.uniform();
    if (kind < 0.2 && told.length > 0) tell(pick(r, told).event);
    else if (kind < 0.25) tell({ type: "pause", by: "ann", why: "lunch" });
    else if (kind < 0.35) tell({ type: "resume", by: "ann" });
    else if (kind < 0.4) tell({ type: "rollback", by: "bob", why: "slow" });
    else tell(outcomeOf(state, r, 7));
  }
  return { seen, state };
}

const runs = policies.flatMap(rules => Array.from({ length: 60 }, (_, seed) => ({ rules, ...history(seed, rules) })));

describe("any order of events, told twice, late, by a clock that jumps", () => {
  test("never has two rounds at once, and a round is over once", () => {
    for (const { seen } of runs) {
      const ended: number[] = [];
      for (const { before, after, event } of seen) {
        if (after.rounds !== before.rounds) {
          expect(before.phase).toBe("idle");
          expect(event.type).toBe("triggered");
          expect(after.rounds).toBe(before.rounds + 1);
        }
        expect(after.phase === "idle").toBe(after.round === null);
        if (before.round && !after.round && !ended.includes(before.round.number)) ended.push(before.round.number);
      }
      expect(ended).toEqual(ended.toSorted((a, b) => a - b));
    }
  });

  test("promotes a version only through its gates and every test that the policy asks for, in the same round", () => {
    let promotions = 0;
    for (const { rules, seen } of runs)
      for (const { before, after, steps } of seen)
        if (steps.some(s => s.step === "promotion")) {
          promotions++;
          const { round } = after;
          expect(before.phase).toBe("promotion");
          expect(round!.hasPassed).toEqual({
            gates: true,
            ...(rules.shadow ? { shadow: true } : {}),
            ...(rules.canary ? { canary: true } : {}),
          });
          expect(round!.candidate!.artifact).toBe(`a${round!.number}`);
        }
    expect(promotions).toBeGreaterThan(100);
  });

  test("logs the promotion of a round at most once", () => {
    for (const { seen } of runs) {
      const promoted = seen.flatMap(s => s.steps.filter(x => x.step === "promotion").map(x => x.round));
      expect(promoted).toEqual([...new Set(promoted)]);
    }
  });

  test("can always be taken back: traffic returns, or the alias does, and the loop is idle again", () => {
    let tried = 0;
    for (const { seen, rules } of runs)
      for (const { after } of seen) {
        if (after.phase === "idle" && !after.past.some(p => p.outcome === "promoted")) continue;
        tried++;
        const back = advanceLoop(after, { type: "rollback", by: "ann", why: "no" }, 2e6, rules).state;
        const number = back.round?.number ?? 0;
        if (back.phase === "idle") continue;
        expect(["restoring", "rolling back"]).toContain(back.phase);
        expect(pendingWork(back)).toBe(back.phase);
        const end = advanceLoop(back, { type: "settled", round: number, evidence: {} }, 2e6 + 1, rules).state;
        expect(end.phase).toBe("idle");
        expect(end.past.find(p => p.number === number)!.outcome).not.toBe("promoted");
      }
    expect(tried).toBeGreaterThan(1000);
  });

  test("comes to an end: work that succeeds ends a round within nine events", () => {
    for (const { state, rules } of runs) {
      let now = state;
      let nowMs = 3e6;
      if (now.paused) now = advanceLoop(now, { type: "resume", by: "ann" }, nowMs, rules).state;
      for (let i = 0; i < 9 && now.phase !== "idle"; i++) {
        nowMs += 2000;
        const round = now.round!.number;
        const ok: LoopEvent =
          now.phase === "shadow" || now.phase === "canary"
            ? {
                type: "compared",
                round,
                phase: now.phase,
                verdict: "undecided",
                requests: 1,
                isOver: false,
                why: "time is over",
                evidence: {},
              }
            : now.phase === "gates"
              ? { type: "judged", round, passed: true, needsApproval: false, why: "", evidence: {} }
              : now.phase === "promotion"
                ? { type: "promoted", round, evidence: {} }
                : outcomeOf(now, random("ok"), 7);
        now = advanceLoop(
          now,
          ok.type === "failed" || ok.type === "blocked" ? { type: "settled", round, evidence: {} } : ok,
          nowMs,
          rules,
        ).state;
      }
      expect(now.phase).toBe("idle");
    }
  });

  test("failures in a row pause the loop, and say so once", () => {
    const rules = policies[0]!;
    let state = idleState;
    const steps: LoopStep[] = [];
    for (let i = 1; i <= 4; i++)
      for (const event of [
        outcomeOf(state, random("x"), 1),
        { type: "failed", round: i, phase: "data", why: "no rows", coreSeconds: 0, money: 0 } as const,
      ]) {
        const next = advanceLoop(state, event, i * 100, rules);
        state = next.state;
        steps.push(...next.steps);
      }
    expect(steps.map(s => s.step)).toEqual(["triggered", "failed", "triggered", "failed", "triggered", "failed", "paused"]);
    expect(state.paused).toMatchObject({ by: "loop", why: "3 rounds in a row failed; the last one: data: no rows" });
    expect(pendingWork(state)).toBeUndefined();
    expect(advanceLoop(state, { type: "resume", by: "ann" }, 1, rules).state).toMatchObject({ paused: null, failuresInRow: 0 });
  });

  test("a full disk holds a round up in each phase, however often: it is no failure, and its cost counts", () => {
    let held = 0;
    for (const { rules, seen } of runs)
      for (const { after } of seen) {
        const { round, phase } = after;
        if (!round) continue;
        held++;
        const full = { type: "blocked", round: round.number, phase, why: "the disk is full", coreSeconds: 2, money: 0 } as const;
        const { state, steps } = advanceLoop(after, full, 2e6, rules);
        expect(steps).toEqual([]);
        expect(state).toMatchObject({ phase, problem: "the disk is full", attempts: after.attempts, failuresInRow: after.failuresInRow });
        expect(state.round!.coreSeconds).toBe(round.coreSeconds + 2);
        // what is known and cost nothing is not written again
        expect(advanceLoop(state, { ...full, coreSeconds: 0 }, 2e6, rules).state).toBe(state);
        expect(advanceLoop(after, { ...full, phase: "idle" }, 2e6, rules).state).toBe(after);
      }
    expect(held).toBeGreaterThan(1000);
  });

  test("a pause in a canary brings its traffic back", () => {
    const rules = policies[2]!;
    const events: LoopEvent[] = [
      outcomeOf(idleState, random("x"), 1),
      { type: "assembled", round: 1, untilMs: 1, evidence: {} },
      { type: "trained", round: 1, version: 2, artifact: "a1", coreSeconds: 1, money: 0, evidence: {} },
      { type: "judged", round: 1, passed: true, needsApproval: false, why: "", evidence: {} },
      { type: "pause", by: "ann", why: "incident" },
      { type: "settled", round: 1, evidence: {} },
    ];
    const phases: string[] = [];
    let state = idleState;
    for (const e of events) {
      state = advanceLoop(state, e, 10, rules).state;
      phases.push(state.phase);
    }
    expect(phases).toEqual(["data", "training", "gates", "canary", "restoring", "idle"]);
    expect(state.past[0]).toMatchObject({ outcome: "held", why: "paused by ann: incident" });
  });
});
