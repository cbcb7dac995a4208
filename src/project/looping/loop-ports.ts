/** The ports of a loop, filled by a project: the record, the recipe, the release, a server. */
import { isLoamError } from "../../base/index.ts";
import { type LoopPorts, type LoopRound, loopErrors, roundBudget } from "../../loop/index.ts";
import { isErrorOfMachine } from "../of-machine.ts";
import { closeComparison, judgeRoundComparison, openRoundComparison } from "./comparison.ts";
import { readLoop } from "./loop-record.ts";
import { promoteRound, takeBackMove } from "./release-move.ts";
import { assembleRound, judgeRound, type RoundPlace, releaseOf, trainRound } from "./round-work.ts";
import { type LoopTraffic, settleTraffic, shareTraffic, takeBackTraffic } from "./traffic.ts";

/** Does the heavy work of a round: in this process, or in one of its own. */
export type HeavyWork = Pick<LoopPorts, "assemble" | "train" | "judge">;

/** In this process. */
export function heavyWork(at: RoundPlace, now: () => number): HeavyWork {
  const given = (signal: AbortSignal): RoundPlace => ({ ...at, watch: { ...at.watch, signal } });
  const state = () => readLoop(at.store, at.model);
  return {
    assemble: (round, signal) => assembleRound(given(signal), round),
    train: async (round, signal) => trainRound(given(signal), round, roundBudget(at.policy, await state(), now())),
    judge: (round, signal) => judgeRound(given(signal), round),
  };
}

const versionsOf = ({ current, candidate }: LoopRound) => ({ current, candidate: candidate!.version });

async function shareOfPhase({ policy }: RoundPlace, traffic: LoopTraffic, round: LoopRound, phase: "shadow" | "canary"): Promise<void> {
  const { current, candidate } = versionsOf(round);
  if (current === null)
    throw loopErrors.fail("state", { place: `round ${round.number}`, expected: "a current version to compare with", received: "none" });
  if (phase === "shadow") return shareTraffic(traffic, { current, candidate }, { [current]: 1 }, { [candidate]: policy.shadow!.share });
  const { share } = policy.canary!;
  return shareTraffic(traffic, { current, candidate }, { [current]: 100 - share, [candidate]: share }, {});
}

/** `labels` adds what people said of the canary's responses since the last call. */
export function loopPorts(
  at: RoundPlace,
  traffic: LoopTraffic,
  heavy: HeavyWork,
  labels: (round: LoopRound) => Promise<void> = async () => {},
): LoopPorts {
  const { store, model, policy } = at;
  return {
    ...heavy,
    isOfMachine: error => isErrorOfMachine(error) || isLoamError(error, "loop/machine"),
    async approval(round) {
      const { needsApproval, refusals, verdict } = await releaseOf(at, round.candidate!.version);
      if (needsApproval || refusals.length > 0) return undefined;
      return { release: verdict.gates.filter(g => g.kind === "approval").map(({ gate, told }) => ({ gate, told })) };
    },
    async compare(round, phase) {
      const { current, candidate } = versionsOf(round);
      await openRoundComparison(store, model, policy, { round: round.number, phase, current: current ?? 0, candidate });
      await shareOfPhase(at, traffic, round, phase);
      if (phase === "canary") await labels(round);
      const shown = await judgeRoundComparison(store, model, policy, round);
      return shown ?? { verdict: "undecided", requests: 0, isOver: false, why: "no requests yet", evidence: {} };
    },
    promote: (round, signal) => promoteRound({ ...at, watch: { ...at.watch, signal } }, round),
    async settle(round, phase) {
      const candidate = round.candidate?.version ?? null;
      const number = phase === "settling" ? candidate : await takeBackMove(at, round);
      if (phase === "settling" || candidate === null || number === candidate) await settleTraffic(traffic, policy.alias, number);
      else await takeBackTraffic(traffic, policy.alias, number, candidate);
      await closeComparison(store, model);
      return { version: number };
    },
  };
}
