/**
 * Requests whose answer has ended wait here for who counts them and writes them down. They are told a few at a time: one alone, between two
 * requests, finds none of that code in the processor's caches and costs three times as much, of which the next answer has its share.
 */
import type { Clock } from "../../base/index.ts";
import { type End, type GatewayExchange, recordOf } from "./exchange.ts";
import type { RequestRecord } from "./request-record.ts";

/** How long one waits at most, unless somebody asks before. */
const waitMs = 50;
/** So many are told without a pause, for which an answer may have to wait. */
const most = 32;

interface Ended {
  readonly exchange: GatewayExchange;
  readonly end: End;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export class EndedRequests {
  readonly #clock: Clock;
  readonly #told: (record: RequestRecord, exchange: GatewayExchange) => void;
  #waiting: Ended[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `told` gets each once, in the order in which they ended. */
  constructor(clock: Clock, told: (record: RequestRecord, exchange: GatewayExchange) => void) {
    this.#clock = clock;
    this.#told = told;
  }

  /** It has ended now. One that is traced is told at once: its trace ends with its record. */
  add(exchange: GatewayExchange, end: End): void {
    const count = this.#waiting.push({ exchange, end, nowMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() });
    if (exchange.trace || count >= most) this.tell();
    else this.#timer ??= setTimeout(() => this.tell(), waitMs);
  }

  /** All that wait: whoever looks at counts and records asks for it before. */
  tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ended = this.#waiting;
    this.#waiting = [];
    for (const { exchange, end, nowMs, monotonicMs } of ended) this.#told(recordOf(exchange, end, nowMs, monotonicMs), exchange);
  }
}
