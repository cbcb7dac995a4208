/** What is done in each phase, by ports, and what it came to as an event. Work may be done again after a crash: each port gives the same for the same round. */
import { isLoamError } from "../base/index.ts";
import type { LoopEvent, TrafficVerdict } from "./events.ts";
import { pendingWork } from "./machine.ts";
import type { Evidence, LoopRound, LoopState } from "./state.ts";

export interface AssembledRound {
  /** Time of the newest document that the round uses. */
  readonly untilMs: number;
  readonly evidence: Evidence;
}

export interface TrainedRound {
  readonly version: number;
  readonly artifact: string;
  readonly coreSeconds: number;
  readonly money: number;
  readonly evidence: Evidence;
}

export interface JudgedRound {
  readonly passed: boolean;
  /** The release asks for approvals that are not given yet. */
  readonly needsApproval: boolean;
  readonly why: string;
  readonly evidence: Evidence;
}

export interface ComparedTraffic {
  readonly verdict: TrafficVerdict;
  /** Of both arms; of a shadow, copied ones. */
  readonly requests: number;
  /** The declared longest run is over: what is undecided stays so. */
  readonly isOver: boolean;
  readonly why: string;
  readonly evidence: Evidence;
}

export interface LoopPorts {
  /** Makes the documents of a round. */
  assemble(round: LoopRound, signal: AbortSignal): Promise<AssembledRound>;
  train(round: LoopRound, signal: AbortSignal): Promise<TrainedRound>;
  /** Holds the new version against the current one, and asks the alias's release. */
  judge(round: LoopRound, signal: AbortSignal): Promise<JudgedRound>;
  /** The approvals, once all are there. */
  approval(round: LoopRound): Promise<Evidence | undefined>;
  /** Sends the new version its share of the traffic, if it does not get it already, and says what the comparison shows so far. */
  compare(round: LoopRound, phase: "shadow" | "canary", sinceMs: number): Promise<ComparedTraffic>;
  /** Moves the alias, once: a second call finds that it has moved. Undefined with a reason where it may not. */
  promote(
    round: LoopRound,
    signal: AbortSignal,
  ): Promise<{ readonly promoted: Evidence } | { readonly refused: string; readonly evidence: Evidence }>;
  /** Errors that say nothing of the round, such as a full disk. */
  isOfMachine(error: unknown): boolean;
  /** Sends the traffic where the alias points, first moving that back where the round is taken back. */
  settle(round: LoopRound, phase: "settling" | "restoring" | "rolling back"): Promise<Evidence>;
}

/** Work that failed after it had cost something. Its cause is the error that ended it. */
export class FailedLoopWork extends Error {
  readonly coreSeconds: number;
  readonly money: number;

  constructor(why: string, { coreSeconds, money }: { readonly coreSeconds: number; readonly money: number }, cause?: unknown) {
    super(why, { cause });
    this.name = "FailedLoopWork";
    this.coreSeconds = coreSeconds;
    this.money = money;
  }
}

/** Work that waits for its machine: the event to tell, and as its cause what is in the way. */
export class BlockedLoopWork extends Error {
  readonly event: LoopEvent;

  constructor(event: LoopEvent & { readonly type: "blocked" }, cause: unknown) {
    super(event.why, { cause });
    this.name = "BlockedLoopWork";
    this.event = event;
  }
}

const whyOf = (error: unknown): string => (isLoamError(error) ? error.message : error instanceof Error ? error.message : String(error));

type RoundWork = (ports: LoopPorts, round: LoopRound, state: LoopState, signal: AbortSignal) => Promise<LoopEvent | undefined>;

const compared =
  (phase: "shadow" | "canary"): RoundWork =>
  async (ports, round, { sinceMs }) => ({ type: "compared", round: round.number, phase, ...(await ports.compare(round, phase, sinceMs)) });

const settled =
  (phase: "settling" | "restoring" | "rolling back"): RoundWork =>
  async (ports, round) => ({ type: "settled", round: round.number, evidence: await ports.settle(round, phase) });

const works: Readonly<Record<Exclude<ReturnType<typeof pendingWork>, undefined | "look">, RoundWork>> = {
  data: async (ports, round, _, signal) => ({ type: "assembled", round: round.number, ...(await ports.assemble(round, signal)) }),
  training: async (ports, round, _, signal) => ({ type: "trained", round: round.number, ...(await ports.train(round, signal)) }),
  gates: async (ports, round, _, signal) => ({ type: "judged", round: round.number, ...(await ports.judge(round, signal)) }),
  async approval(ports, round) {
    const evidence = await ports.approval(round);
    return evidence && { type: "approved", round: round.number, evidence };
  },
  shadow: compared("shadow"),
  canary: compared("canary"),
  async promotion(ports, round, _, signal) {
    const came = await ports.promote(round, signal);
    return "promoted" in came
      ? { type: "promoted", round: round.number, evidence: came.promoted }
      : { type: "refused", round: round.number, why: came.refused, evidence: came.evidence };
  },
  settling: settled("settling"),
  restoring: settled("restoring"),
  "rolling back": settled("rolling back"),
};

/**
 * Does what is pending of a round and answers with the event; undefined where there is nothing to do, or nothing to tell yet. A failure is an event too; a
 * stop by the signal is thrown: the next start goes on. Errors: BlockedLoopWork where the machine is in the way.
 */
export async function performLoopWork(ports: LoopPorts, state: LoopState, signal: AbortSignal): Promise<LoopEvent | undefined> {
  const work = pendingWork(state);
  const { round, phase } = state;
  if (!round || work === undefined || work === "look") return undefined;
  try {
    return await works[work](ports, round, state, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    const { coreSeconds, money } = error instanceof FailedLoopWork ? error : { coreSeconds: 0, money: 0 };
    const told = { round: round.number, phase, why: whyOf(error), coreSeconds, money };
    const cause = error instanceof FailedLoopWork ? error.cause : error;
    // a test that nobody can count ends, and the traffic goes back
    if (ports.isOfMachine(cause) && phase !== "shadow" && phase !== "canary")
      throw new BlockedLoopWork({ type: "blocked", ...told }, cause);
    return { type: "failed", ...told };
  }
}
