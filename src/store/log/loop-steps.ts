/** Holds the steps of retraining loops against each other: rounds of a model follow one another, each promotes at most once, and its artifacts are known. */
import type { Findings } from "../findings.ts";
import type { LoopLogEntry } from "./entries.ts";

/** The artifacts that a step names. */
function artifactsOf({ evidence }: LoopLogEntry): string[] {
  if (typeof evidence !== "object" || evidence === null || Array.isArray(evidence)) return [];
  const { artifacts } = evidence as { readonly artifacts?: unknown };
  if (typeof artifacts !== "object" || artifacts === null) return [];
  return Object.values(artifacts).filter(a => typeof a === "string");
}

/** `artifacts` are those that the log has named so far. */
export function loopStepCheck(artifacts: ReadonlySet<string>, findings: Findings): (entry: LoopLogEntry, place: string) => void {
  const begun = new Map<string, number>();
  const promoted = new Set<string>();
  return (entry, place) => {
    const { model, round, step } = entry;
    const last = begun.get(model) ?? 0;
    if (step === "triggered") {
      if (round !== last + 1) findings.add(place, `round ${last + 1} of the loop of ${model}`, round);
      begun.set(model, Math.max(last, round));
    } else if (round > last) findings.add(place, "a step of a round that has begun", round);
    if (step === "promotion") {
      const key = `${model} ${round}`;
      if (promoted.has(key)) findings.add(place, "one promotion a round", "a second one");
      promoted.add(key);
    }
    for (const id of artifactsOf(entry)) if (!artifacts.has(id)) findings.add(place, "artifacts that the log knows", id);
  };
}
