/** Trials in a line: how many are in which state, and why one ended. */
import type { StoredTrial, TrialState } from "../../store/index.ts";

export function trialCounts(trials: readonly Pick<StoredTrial, "state">[]): Partial<Record<TrialState, number>> {
  const counts: Partial<Record<TrialState, number>> = {};
  for (const { state } of trials) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

const reasonWidth = 110;
/** A line's worth of a reason. */
export const shortReason = (reason: string): string => (reason.length > reasonWidth ? `${reason.slice(0, reasonWidth)}...` : reason);
