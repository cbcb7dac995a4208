/** One-time login codes: each opens one session, once, within a few minutes. Only hashes are kept. */
import type { Clock } from "../base/index.ts";
import { newSessionSecret, secretHash } from "./secrets.ts";

/** Long enough to switch to a browser, short enough to be worthless in a scrollback or a list of processes. */
export const codeMs = 10 * 60_000;
/** Outstanding codes; the oldest gives way. Bounds memory where a program asks for codes in a loop. */
const mostCodes = 100;

export const codePrefix = "login-";

export class LoginCodes {
  readonly #clock: Clock;
  /** Time of expiry by hash, in the order of issue. */
  readonly #expiries = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(): string {
    this.#sweep();
    if (this.#expiries.size >= mostCodes) this.#expiries.delete(this.#expiries.keys().next().value!);
    const code = newSessionSecret(codePrefix);
    this.#expiries.set(secretHash(code), this.#clock.now() + codeMs);
    return code;
  }

  /** True once for each code that was issued and has not expired. */
  redeem(code: string): boolean {
    this.#sweep();
    return this.#expiries.delete(secretHash(code));
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [hash, expiry] of this.#expiries) if (expiry <= now) this.#expiries.delete(hash);
  }
}
