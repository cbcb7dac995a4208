/** A reservation that was granted: its headers, and its end, which is told to the store once. */
import type { Actual, Demand, LimitState, Reservation, Subjects, UsageRow } from "../contract.ts";
import type { SettleAsk } from "./bucket-store.ts";
import { limitHeaders } from "./headers.ts";
import { deltasOf, type RuleLine } from "./lines.ts";
import type { Prices } from "./prices.ts";

export interface GrantedOptions {
  readonly id: string;
  readonly states: readonly LimitState[];
  readonly warnings: Reservation["warnings"];
  readonly unlimited: boolean;
  readonly subjects: Subjects;
  readonly demand: Demand;
  readonly lines: readonly RuleLine[];
  /** Of the moment of the decision. */
  readonly prices: Prices;
  usageOf(subjects: Subjects, actual: Actual): UsageRow;
  /** Ends when it is written, or kept for later. */
  settle(ask: SettleAsk): Promise<void>;
}

/** More than any model reads or writes: beyond it, it is a mistake or a lie. */
export const mostTokens = 1e9;

export const isAmount = (x: number): boolean => Number.isFinite(x) && x >= 0 && x <= mostTokens;
/** What an upstream says, or what was held where that cannot be. */
const honest = (said: number, held: number): number => (isAmount(said) ? Math.ceil(said) : held);

const done = Promise.resolve();

export class Granted implements Reservation {
  readonly id: string;
  readonly states: readonly LimitState[];
  readonly warnings: Reservation["warnings"];
  readonly unlimited: boolean;
  readonly #options: GrantedOptions;
  #isOver = false;

  constructor(options: GrantedOptions) {
    this.id = options.id;
    this.states = options.states;
    this.warnings = options.warnings;
    this.unlimited = options.unlimited;
    this.#options = options;
  }

  headers(): Readonly<Record<string, string>> {
    return limitHeaders(this.states);
  }

  settle(said: Actual): Promise<void> {
    const { demand, lines, prices, subjects, usageOf } = this.#options;
    const inputTokens = honest(said.inputTokens, demand.inputTokens);
    const actual: Actual = {
      inputTokens,
      cachedTokens: Math.min(honest(said.cachedTokens, 0), inputTokens),
      outputTokens: honest(said.outputTokens, demand.maxOutputTokens),
      pricedAs: said.pricedAs,
      status: said.status,
    };
    return this.#end(deltasOf(lines, prices, subjects, demand, actual), usageOf(subjects, actual));
  }

  cancel(): Promise<void> {
    return this.#end("cancel", null);
  }

  #end(deltas: SettleAsk["deltas"], usage: UsageRow | null): Promise<void> {
    if (this.#isOver) return done;
    this.#isOver = true;
    const { lines, settle } = this.#options;
    if (lines.length === 0 && usage === null) return done;
    return settle({ id: this.id, deltas, tookLines: lines.length > 0 && !this.unlimited, usage });
  }
}
