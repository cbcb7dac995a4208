/** What counts as good for a service level objective, as data, and what a response is for each of them. */
import type { ServiceObjective } from "../objectives.ts";
import { type ResponseFacts, responseVerdict } from "./window.ts";

export interface ObjectiveRule extends ServiceObjective {
  /** Of responses of this model's versions alone; of all when absent. */
  readonly model?: string;
  /** Good: the response did not fail, and came as fast as this says (milliseconds). */
  readonly firstTokenMs?: number;
  readonly latencyMs?: number;
}

/** Whether a response is good for each objective that is about it; undefined where none is. What its client did wrong counts for none. */
export function judgeResponse(
  rules: readonly ObjectiveRule[],
  modelName: string | null,
  { status, totalMs, firstTokenMs }: Pick<ResponseFacts, "status" | "totalMs" | "firstTokenMs">,
): Record<string, boolean> | undefined {
  const verdict = responseVerdict(status);
  if (rules.length === 0 || verdict === "excluded") return undefined;
  const judged: Record<string, boolean> = {};
  for (const { name, model, firstTokenMs: first, latencyMs } of rules) {
    if (model !== undefined && model !== modelName) continue;
    // a response without tokens of its own has no first one to be late
    const isFast =
      (first === undefined || firstTokenMs === null || firstTokenMs <= first) && (latencyMs === undefined || totalMs <= latencyMs);
    judged[name] = verdict === "good" && isFast;
  }
  return judged;
}
