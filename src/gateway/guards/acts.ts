/** What guards did with one request, for its line in the log, the metrics and a header: names and decisions, nothing of the texts. */
import type { GuardStage } from "./contract.ts";

/** `pass` and `flag` change nothing for the client; `open` and `closed`: the guard could not judge, and what it is set to was done. */
const decisions = ["pass", "flag", "rewrite", "restore", "block", "open", "closed"] as const;
type GuardDecision = (typeof decisions)[number];

export interface GuardCounts {
  decided(guard: string, stage: GuardStage, decision: GuardDecision): void;
  took(guard: string, stage: GuardStage, ms: number): void;
}

const tellsClient: readonly GuardDecision[] = ["rewrite", "restore", "block", "closed"];

export class GuardActs {
  readonly #counts: GuardCounts;
  readonly #lines = new Set<string>();
  readonly #acted = new Set<string>();
  /** For a header of a refusal: the review case and its token. */
  appeal: string | undefined;

  constructor(counts: GuardCounts) {
    this.#counts = counts;
  }

  /** Each decision of a guard in a stage counts once a request. */
  add(guard: string, stage: GuardStage, decision: GuardDecision): void {
    const line = `${guard} ${stage} ${decision}`;
    if (this.#lines.has(line)) return;
    this.#lines.add(line);
    this.#counts.decided(guard, stage, decision);
    if (tellsClient.includes(decision)) this.#acted.add(guard);
  }

  /** For the log alone. */
  note(guard: string, stage: GuardStage, note: string): void {
    this.#lines.add(`${guard} ${stage} ${note}`);
  }

  has(guard: string, stage: GuardStage, decision: GuardDecision): boolean {
    return this.#lines.has(`${guard} ${stage} ${decision}`);
  }

  /** Where it did nothing else. */
  passed(guard: string, stage: GuardStage): void {
    const begin = `${guard} ${stage} `;
    if (![...this.#lines].some(l => l.startsWith(begin))) this.add(guard, stage, "pass");
  }

  took(guard: string, stage: GuardStage, ms: number): void {
    this.#counts.took(guard, stage, ms);
  }

  /** For the log: what was more than a pass. */
  get lines(): readonly string[] {
    return [...this.#lines].filter(l => !l.endsWith(" pass"));
  }

  /** For a header: names of guards that acted so far. */
  get acted(): string {
    return [...this.#acted].join(", ");
  }
}
