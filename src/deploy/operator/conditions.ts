/** Conditions of a LoamModel, in the form that `kubectl wait` and people read. */
import type { ModelCondition } from "./spec.ts";

export type Said = Pick<ModelCondition, "type" | "status" | "reason" | "message">;

/** In the order that they are said; a time is when the status changed, not the message. */
export function conditionsOf(
  said: readonly Said[],
  before: readonly ModelCondition[],
  generation: number,
  nowMs: number,
): readonly ModelCondition[] {
  const now = new Date(Math.floor(nowMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
  return said.map(s => {
    const old = before.find(b => b.type === s.type);
    const lastTransitionTime = old?.status === s.status ? old.lastTransitionTime : now;
    return { ...s, message: s.message.slice(0, 1000), observedGeneration: generation, lastTransitionTime };
  });
}
