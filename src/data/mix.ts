/**
 * The mixer: the one place that decides. Steps give verdicts; a document stays unless one of them says no, and the first no is its reason.
 * A document that the user names (`keep:`) stays all the same, and the no is told.
 */
import type { StepVerdict } from "./ledger.ts";

/** The verdict that drops a document, or undefined when it stays. */
export const firstRefusal = (verdicts: readonly StepVerdict[] | undefined): StepVerdict | undefined => verdicts?.find(v => !v.keep);

/** What becomes of a document: nothing, a drop, or a no that the user overrules. */
interface MixDecision {
  readonly drop?: StepVerdict;
  readonly overruled?: StepVerdict;
}

export function mix(verdicts: readonly StepVerdict[] | undefined, isNamed: boolean): MixDecision {
  const no = firstRefusal(verdicts);
  if (!no) return {};
  return isNamed ? { overruled: no } : { drop: no };
}
