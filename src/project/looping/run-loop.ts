/** A loop as it runs: looks between two rounds, and does what is pending in one, an event at a time. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  BlockedLoopWork,
  decideTrigger,
  isAhead,
  type LoopPorts,
  type LoopState,
  type LoopTrigger,
  loopErrors,
  pendingWork,
  performLoopWork,
  spentBudget,
} from "../../loop/index.ts";
import { readLoop, tellLoop } from "./loop-record.ts";
import { noteLook } from "./loop-status.ts";
import type { RoundPlace } from "./round-work.ts";
import { type LoopLook, lookAtSignals } from "./signals.ts";

interface LoopStepReport {
  readonly state: LoopState;
  /** Steps that were written to the log. */
  readonly steps: readonly string[];
  /** What stands in the way of the next one, or what was done. */
  readonly why: string;
  /** Nothing changes before time passes, requests come, or a person does something. */
  readonly isWaiting: boolean;
}

export interface LoopRunner {
  readonly at: RoundPlace;
  readonly ports: LoopPorts;
  readonly now: () => number;
}

/** A person asks for a round: everything but the budget and the number of new documents is passed over. */
const askedFor = (by: string): LoopTrigger => ({ kind: "person", why: `asked for by ${by}`, figures: {} });

function personTrigger({ at }: LoopRunner, state: LoopState, look: LoopLook, by: string): LoopTrigger {
  const { policy, model } = at;
  const refuse = (expected: string, received: string) => loopErrors.fail("state", { place: `loop.${model}`, expected, received });
  if (state.paused) throw refuse("a loop that is not paused", `paused by ${state.paused.by}: ${state.paused.why}`);
  const spent = spentBudget(policy, state, look.nowMs);
  if (spent !== undefined) throw refuse("budget for a round", spent);
  if (look.newDocuments < policy.data.least) throw refuse(`${policy.data.least} new labelled documents or more`, String(look.newDocuments));
  return askedFor(by);
}

/** Looks at the signals; a person's wish begins a round without one. Errors: loop/state where it cannot. */
async function lookAround(r: LoopRunner, before: LoopState, by: string | undefined): Promise<LoopStepReport> {
  const { model, policy, store } = r.at;
  const nowMs = r.now();
  const state = isAhead(before, nowMs) ? (await tellLoop(store, model, policy, { type: "clock" }, nowMs)).state : before;
  const look = await lookAtSignals(r.at, state, nowMs);
  const decision =
    by === undefined
      ? decideTrigger(policy, state, look)
      : { trigger: personTrigger(r, state, look, by), why: "asked for", hasLooked: false };
  await noteLook(store, model, { atMs: nowMs, newDocuments: look.newDocuments, why: decision.why });
  const tell = (event: Parameters<typeof tellLoop>[3]) => tellLoop(store, model, policy, event, nowMs);
  if (decision.trigger) {
    const { current, moves } = look;
    const told = await tell({ type: "triggered", trigger: decision.trigger, current, moves, untilMs: nowMs });
    return { ...told, why: decision.why, isWaiting: told.steps.length === 0 };
  }
  const told = decision.hasLooked ? await tell({ type: "looked", labelled: look.labelled }) : { state, steps: [] };
  return { ...told, why: decision.why, isWaiting: true };
}

/** What a round that is over has come to. */
const endOf = ({ model, policy }: RoundPlace, { round }: LoopState): string =>
  round?.why ?? (round?.candidate ? `${policy.alias} is ${model}@${round.candidate.version}` : "over");

/** One look, or one piece of work of a round, and its event in the record. `by`: a person who asks for a round now. Errors: what the work waits for. */
async function stepLoop(r: LoopRunner, signal: AbortSignal, by?: string): Promise<LoopStepReport> {
  const { model, policy, store } = r.at;
  const state = await readLoop(store, model);
  const work = pendingWork(state);
  if (work === undefined) return { state, steps: [], why: `paused by ${state.paused!.by}: ${state.paused!.why}`, isWaiting: true };
  if (work === "look") return lookAround(r, state, by);
  const event = await performLoopWork(r.ports, state, signal).catch(async (error: unknown) => {
    if (!(error instanceof BlockedLoopWork)) throw error;
    await tellLoop(store, model, policy, error.event, r.now());
    throw error.cause;
  });
  if (!event) return { state, steps: [], why: `waiting for ${work}`, isWaiting: true };
  const told = await tellLoop(store, model, policy, event, r.now());
  const isSame = told.state.phase === state.phase && told.state.round?.number === state.round?.number;
  return { ...told, why: "why" in event ? event.why : event.type === "settled" ? endOf(r.at, state) : work, isWaiting: isSame };
}

/** Steps until the loop waits for something. Answers with every step that was made. */
export async function runUntilWaiting(r: LoopRunner, signal: AbortSignal, by?: string): Promise<LoopStepReport> {
  const steps: string[] = [];
  let asks = by;
  for (;;) {
    signal.throwIfAborted();
    const report = await stepLoop(r, signal, asks);
    asks = undefined;
    steps.push(...report.steps);
    // a round that is over is looked past at the next call: new signals come with time
    if (report.isWaiting || report.state.phase === "idle") return { ...report, steps };
  }
}

/** Between two looks at the traffic of a test, at a phase that is tried again, at a machine that is in the way, and at the signals. */
const betweenMs = { traffic: 1_000, retry: 5_000, machine: 60_000, signals: 60_000 } as const;

const pauseOf = ({ phase }: LoopState): number =>
  phase === "shadow" || phase === "canary" ? betweenMs.traffic : phase === "idle" ? betweenMs.signals : betweenMs.retry;

/** Runs until the signal aborts. `onReport` hears of each step; a look or step that fails is told and tried again. */
export async function runLoopForEver(
  r: LoopRunner,
  signal: AbortSignal,
  o: { readonly onReport: (report: LoopStepReport) => void; readonly onProblem: (error: unknown) => void },
): Promise<void> {
  while (!signal.aborted) {
    let waitMs: number = betweenMs.retry;
    try {
      const report = await runUntilWaiting(r, signal);
      o.onReport(report);
      waitMs = pauseOf(report.state);
    } catch (error) {
      if (signal.aborted) return;
      o.onProblem(error);
      if (r.ports.isOfMachine(error)) waitMs = betweenMs.machine;
    }
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
  }
}
