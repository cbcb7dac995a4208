/** What a loop is told. An event of a round names it: one that comes late, twice, or out of order changes nothing. */
import type { Evidence, LoopTrigger } from "./state.ts";

/** Of a comparison of versions on the same traffic. */
export const trafficVerdicts = ["harm", "no harm", "undecided"] as const;
export type TrafficVerdict = (typeof trafficVerdicts)[number];

interface OfRound {
  readonly round: number;
}

export type LoopEvent =
  /** A round begins, if none is under way. `money` and so on are what it may not exceed: the trigger was held against the policy. */
  | {
      readonly type: "triggered";
      readonly trigger: LoopTrigger;
      readonly current: number | null;
      readonly moves: number;
      readonly untilMs: number;
    }
  /** A look at the quality that starts nothing; it counts among those that share a false-alarm rate. */
  | { readonly type: "looked"; readonly labelled: number }
  /** A look before the end of the last round: the clock was ahead then. */
  | { readonly type: "clock" }
  /** `untilMs`: time of the newest document that the round uses; labels of later ones may still come. */
  | ({ readonly type: "assembled"; readonly untilMs: number; readonly evidence: Evidence } & OfRound)
  | ({
      readonly type: "trained";
      readonly version: number;
      readonly artifact: string;
      readonly coreSeconds: number;
      readonly money: number;
      readonly evidence: Evidence;
    } & OfRound)
  | ({
      readonly type: "judged";
      readonly passed: boolean;
      readonly needsApproval: boolean;
      readonly why: string;
      readonly evidence: Evidence;
    } & OfRound)
  | ({ readonly type: "approved"; readonly evidence: Evidence } & OfRound)
  /** Of the shadow or the canary, as the phase is. */
  | ({
      readonly type: "compared";
      readonly phase: "shadow" | "canary";
      readonly verdict: TrafficVerdict;
      readonly requests: number;
      /** The declared longest run is over: what is undecided stays so. */
      readonly isOver: boolean;
      readonly why: string;
      readonly evidence: Evidence;
    } & OfRound)
  | ({ readonly type: "promoted"; readonly evidence: Evidence } & OfRound)
  /** The promotion cannot be: a gate, an approval that was taken back, an alias that somebody moved. */
  | ({ readonly type: "refused"; readonly why: string; readonly evidence: Evidence } & OfRound)
  /** Traffic is where the alias points, and nothing else of the round is served. */
  | ({ readonly type: "settled"; readonly evidence: Evidence } & OfRound)
  | ({
      readonly type: "failed";
      readonly phase: string;
      readonly why: string;
      readonly coreSeconds: number;
      readonly money: number;
    } & OfRound)
  /** Work that waits for its machine (a full disk): it is done again, and the round has not failed. */
  | ({
      readonly type: "blocked";
      readonly phase: string;
      readonly why: string;
      readonly coreSeconds: number;
      readonly money: number;
    } & OfRound)
  | { readonly type: "pause"; readonly by: string; readonly why: string }
  | { readonly type: "resume"; readonly by: string }
  /** A person takes back: the round under way, or the last one that was promoted. */
  | { readonly type: "rollback"; readonly by: string; readonly why: string };
