/** Sessions of browsers, in memory: they end with the process. An id is random and kept as its hash; it expires when idle and at a fixed age. */
import type { Clock } from "../base/index.ts";
import { newSessionSecret, secretHash } from "./secrets.ts";

export const sessionLimits = {
  /** Without a request for so long, a session is over. */
  idleMs: 8 * 3_600_000,
  /** After so long it is over in any case. */
  absoluteMs: 7 * 24 * 3_600_000,
  /** Sessions at once; the oldest gives way. */
  most: 1_000,
};

export interface Session {
  /** What writes must repeat in a header. */
  readonly csrf: string;
}

interface Kept extends Session {
  readonly openedMs: number;
  usedMs: number;
}

export class SessionStore {
  readonly #clock: Clock;
  readonly #byHash = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The new session's id, for its cookie alone. */
  open(): string {
    this.#sweep();
    if (this.#byHash.size >= sessionLimits.most) this.#byHash.delete(this.#byHash.keys().next().value!);
    const [id, now] = [newSessionSecret(""), this.#clock.now()];
    this.#byHash.set(secretHash(id), { csrf: newSessionSecret(""), openedMs: now, usedMs: now });
    return id;
  }

  /** The session, which counts as used; undefined where it is unknown or over. */
  use(id: string): Session | undefined {
    const hash = secretHash(id);
    const found = this.#byHash.get(hash);
    if (!found) return undefined;
    if (this.#isOver(found)) {
      this.#byHash.delete(hash);
      return undefined;
    }
    found.usedMs = this.#clock.now();
    return found;
  }

  close(id: string): void {
    this.#byHash.delete(secretHash(id));
  }

  #isOver({ openedMs, usedMs }: Kept): boolean {
    const now = this.#clock.now();
    return now - usedMs >= sessionLimits.idleMs || now - openedMs >= sessionLimits.absoluteMs;
  }

  #sweep(): void {
    for (const [hash, kept] of this.#byHash) if (this.#isOver(kept)) this.#byHash.delete(hash);
  }
}
