/** Labels of feedback that came for a canary's responses, added to its comparison once each. Untrusted ones do not count. */
import type { LoopRound } from "../../loop/index.ts";
import { changeState } from "../../store/index.ts";
import { labelledSince } from "../watching/feedback/index.ts";
import { addToComparison } from "./comparison.ts";
import { loopScope } from "./loop-record.ts";
import type { RoundPlace } from "./round-work.ts";

const key = "labels";

/** Labels up to a time were added. */
interface LabelsAdded {
  readonly round: number;
  readonly untilMs: number;
}

/** Whose class was told wrongly: 1. */
export const canaryLabels =
  ({ store, model, policy }: RoundPlace) =>
  async ({ number, startedMs }: LoopRound): Promise<void> => {
    if (policy.canary?.quality === undefined) return;
    const labelled = await labelledSince(store, model, startedMs);
    const fresh = await changeState(store, loopScope(model), key, value => {
      // states of this scope are written here alone
      const there = value as unknown as LabelsAdded | undefined;
      const since = there?.round === number ? there.untilMs : startedMs;
      const some = labelled.filter(l => l.truth.atMs > since);
      const untilMs = some.reduce((latest, l) => Math.max(latest, l.truth.atMs), since);
      return { value: some.length === 0 ? undefined : { round: number, untilMs }, answer: some };
    });
    await addToComparison(
      store,
      model,
      [],
      fresh.flatMap(({ requestId, index, version, atMs, truth, predicted }) =>
        truth.isTrusted && version !== null
          ? [{ id: `${requestId}/${index}`, version, atMs, loss: Number(truth.label !== predicted) }]
          : [],
      ),
    );
  };
