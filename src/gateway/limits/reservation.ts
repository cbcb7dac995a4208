/** A reservation that was granted: its headers, and its end, which is told to the store once. */
import type { UsageRow } from "../contract.ts";
import type { SettleAsk } from "./bucket-store.ts";
import type { Actual, Demand, LimitState, Reservation, Subjects } from "./contract.ts";
import { limitHeaderList, limitHeaders } from "./headers.ts";
import { deltasOf, type RuleLine } from "./lines.ts";
import type { Prices } from "./price-table.ts";

/** What a decision found. */
interface Found {
  readonly id: string;
  readonly lines: readonly RuleLine[];
  readonly states: readonly LimitState[];
  readonly warnings: Reservation["warnings"];
  readonly unlimited: boolean;
}

/** How reservations of one limiter end. */
export interface ReservationEnding {
  prices(): Prices;
  usageOf(subjects: Subjects, actual: Actual): UsageRow;
  /** Ends when it is written, or kept for later. */
  settle(ask: SettleAsk): Promise<void>;
}

/** More than any model reads or writes: beyond it, it is a mistake or a lie. */
export const mostCountedTokens = 1e9;

export const isAmount = (x: number): boolean => Number.isFinite(x) && x >= 0 && x <= mostCountedTokens;
/** What an upstream says, or what was held where that cannot be. */
const honest = (said: number, held: number): number => (isAmount(said) ? Math.ceil(said) : held);

const done = Promise.resolve();

export class Granted implements Reservation {
  readonly id: string;
  readonly states: readonly LimitState[];
  readonly warnings: Reservation["warnings"];
  readonly unlimited: boolean;
  readonly #subjects: Subjects;
  readonly #demand: Demand;
  readonly #lines: readonly RuleLine[];
  readonly #ending: ReservationEnding;
  /** Of the moment of the decision. */
  readonly #prices: Prices;
  #headerList: readonly string[] | undefined;
  #isOver = false;

  constructor({ id, lines, states, warnings, unlimited }: Found, subjects: Subjects, demand: Demand, ending: ReservationEnding) {
    this.id = id;
    this.states = states;
    this.warnings = warnings;
    this.unlimited = unlimited;
    this.#subjects = subjects;
    this.#demand = demand;
    this.#lines = lines;
    this.#ending = ending;
    this.#prices = ending.prices();
  }

  headers(): Readonly<Record<string, string>> {
    return limitHeaders(this.states);
  }

  headerList(): readonly string[] {
    this.#headerList ??= limitHeaderList(this.states);
    return this.#headerList;
  }

  settle(said: Actual): Promise<void> {
    const demand = this.#demand;
    const inputTokens = honest(said.inputTokens, demand.inputTokens);
    const actual: Actual = {
      inputTokens,
      cachedTokens: Math.min(honest(said.cachedTokens, 0), inputTokens),
      outputTokens: honest(said.outputTokens, demand.maxOutputTokens),
      pricedAs: said.pricedAs,
      requests: demand.requests,
      status: said.status,
    };
    return this.#end(deltasOf(this.#lines, this.#prices, this.#subjects, demand, actual), this.#ending.usageOf(this.#subjects, actual));
  }

  cancel(): Promise<void> {
    return this.#end("cancel", null);
  }

  #end(deltas: SettleAsk["deltas"], usage: UsageRow | null): Promise<void> {
    if (this.#isOver) return done;
    this.#isOver = true;
    const { length } = this.#lines;
    if (length === 0 && usage === null) return done;
    return this.#ending.settle({ id: this.id, deltas, tookLines: length > 0 && !this.unlimited, usage });
  }
}
