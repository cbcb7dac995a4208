/** One thing that a release asks for, and what came of it. Plain data: it is kept in the log with the promotion. */

export interface ReleaseGate {
  readonly kind: "metric" | "approval" | "from" | "signature" | "archived" | "files" | "owner";
  /** As the rules say it. */
  readonly gate: string;
  readonly passed: boolean;
  /** `notComputed`: nothing was measured, or not a number. It does not pass. */
  readonly outcome: "passed" | "failed" | "notComputed";
  /** For people: figures, interval, who has approved. */
  readonly told: string;
  /** What is asked, as `value operator bound`: the version's own side against the rest, numbers and current figures; approvals against their count. */
  readonly value?: number;
  readonly operator?: "<" | "<=" | ">" | ">=";
  readonly bound?: number;
  /** Of a metric: figures by the names in the condition, left - right with its one-sided 95 % bounds, and the results behind it. */
  readonly figures?: Readonly<Record<string, number>>;
  readonly difference?: number;
  readonly low?: number;
  readonly high?: number;
  readonly evidence?: "shown" | "undecided" | "excluded" | "unknown";
  readonly items?: number;
  readonly artifacts?: readonly string[];
}

/** Whether a gate is passed, both ways that it is told. */
export const gateOutcome = (passed: boolean): Pick<ReleaseGate, "passed" | "outcome"> => ({
  passed,
  outcome: passed ? "passed" : "failed",
});
