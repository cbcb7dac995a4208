/** The mixer: the one place that decides. Steps give verdicts; a document stays unless one of them says no, and the first no is its reason. */
import type { Verdict } from "./ledger.ts";

/** The verdict that drops a document, or undefined when it stays. */
export const decide = (verdicts: readonly Verdict[] | undefined): Verdict | undefined => verdicts?.find(v => !v.keep);
