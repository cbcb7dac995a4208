/** What is remembered of a model's requests while the gateway runs: when first bytes came, how long answers were, how many were hedged. */
import type { Clock } from "../../base/index.ts";
import { type RetryBudget, retryBudget } from "./retry-budget.ts";
import type { Hedge } from "./route.ts";

/** So many of the last count (of a hundred, five slow ones too many would be no rare chance); fewer than `leastTimes` say nothing of a tail. */
const mostTimes = 300;
const leastTimes = 20;
/** Between two looks at the order. */
const lookEvery = 10;

/** The last times, and what 95 of 100 of them took less than. */
export class Recent {
  readonly #times: number[] = [];
  #at = 0;
  #since = lookEvery;
  #p95: number | undefined;

  push(ms: number): void {
    this.#times[this.#at] = ms;
    this.#at = (this.#at + 1) % mostTimes;
    if (++this.#since < lookEvery || this.#times.length < leastTimes) return;
    this.#since = 0;
    const sorted = [...this.#times].sort((a, b) => a - b);
    // the nearest rank
    this.#p95 = sorted[Math.ceil(0.95 * sorted.length) - 1];
  }

  get p95(): number | undefined {
    return this.#p95;
  }
}

/** Weight of the newest answer in the average. */
const newest = 0.1;
/** A hedge goes where there is little traffic too. */
const alwaysHedged = 1;

export class RouteMemory {
  readonly #whole: Recent;
  readonly #streamed: Recent;
  readonly hedges: RetryBudget | undefined;
  #outputTokens: number | undefined;

  /** `before`: of the same model, whose place it takes. */
  constructor(hedge: Hedge | undefined, clock: Clock, before?: RouteMemory) {
    this.#whole = before ? before.#whole : new Recent();
    this.#streamed = before ? before.#streamed : new Recent();
    if (before) this.#outputTokens = before.#outputTokens;
    this.hedges = hedge && retryBudget({ budgetRatio: hedge.share }, clock, alwaysHedged, before?.hedges?.counts);
  }

  /** Of first bytes: a whole answer's comes with its last. */
  firstBytes(isStream: boolean): Recent {
    return isStream ? this.#streamed : this.#whole;
  }

  /** An answer had so many tokens. */
  answered(outputTokens: number): void {
    if (outputTokens <= 0) return;
    this.#outputTokens =
      this.#outputTokens === undefined ? outputTokens : this.#outputTokens + newest * (outputTokens - this.#outputTokens);
  }

  /** What an answer will come to, from those before it; at most what was asked for. */
  expectedTokens(most: number): number {
    return Math.min(most, this.#outputTokens ?? most);
  }
}
