/**
 * A wish to end something, with its reason: what an AbortSignal is, at a twentieth of its price for one request (measured 0.2 against 4 µs with one
 * listener on Node 20).
 */
import type { UpstreamFailure } from "./failure.ts";

export class Stop {
  #reason: UpstreamFailure | undefined;
  readonly #listeners = new Set<(reason: UpstreamFailure) => void>();

  /** Why, once it is wished. */
  get reason(): UpstreamFailure | undefined {
    return this.#reason;
  }

  /** The first reason counts. */
  stop(reason: UpstreamFailure): void {
    if (this.#reason) return;
    this.#reason = reason;
    for (const listener of [...this.#listeners]) listener(reason);
    this.#listeners.clear();
  }

  /** At once where it is wished already. */
  add(listener: (reason: UpstreamFailure) => void): void {
    if (this.#reason) listener(this.#reason);
    else this.#listeners.add(listener);
  }

  delete(listener: (reason: UpstreamFailure) => void): void {
    this.#listeners.delete(listener);
  }
}
