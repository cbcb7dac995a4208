/**
 * How many wrong login codes are taken: per address of the socket, and in all. Codes are beyond guessing; this keeps the log and the processor
 * quiet. Clients behind one proxy share its address. The local token is not limited: `loam login` works whoever else is trying.
 */
import type { Clock } from "../base/index.ts";

export const attemptLimits = { windowMs: 60_000, perAddress: 10, total: 200 };

export class AttemptLimit {
  readonly #clock: Clock;
  #windowEnd = 0;
  #total = 0;
  /** Bounded by `total`: one more address is one more attempt. */
  readonly #byAddress = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isExceeded(address: string): boolean {
    this.#turn();
    return this.#total >= attemptLimits.total || (this.#byAddress.get(address) ?? 0) >= attemptLimits.perAddress;
  }

  failed(address: string): void {
    this.#turn();
    this.#total++;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  #turn(): void {
    const now = this.#clock.monotonic();
    if (now < this.#windowEnd) return;
    this.#windowEnd = now + attemptLimits.windowMs;
    this.#total = 0;
    this.#byAddress.clear();
  }
}
