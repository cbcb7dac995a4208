/**
 * Requests that wait for a person: each until it is approved or refused, its client leaves, or its time is over. They live in this process, whose
 * clients wait on their connections; nothing of them is written anywhere.
 */
import type { Clock } from "../../../base/index.ts";
import { gatewayErrors } from "../../errors.ts";
import type { Stop } from "../../upstreams/stop.ts";

/** What an administrator is shown. */
export interface HeldInfo {
  readonly id: string;
  /** The case in the review queue, which stays when the client has gone. */
  readonly review: string;
  readonly guard: string;
  /** Of the request, as in the log. */
  readonly request: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly key: string;
  readonly subject: string;
  readonly model: string;
  readonly endpoint: string;
  readonly flaggedBy: readonly string[];
  /** The end of what the model would be sent, as the guards before have left it. */
  readonly text: string;
}

interface Settled {
  readonly how: "approved" | "refused" | "timeout" | "left";
  /** Whoever decided. */
  readonly by?: string;
}

/** Characters of a request that are shown: its end has the newest turn. */
const shownCharacters = 4_000;

interface Waiting {
  readonly info: HeldInfo;
  settle(given: Settled): void;
}

export class HeldRequests {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  list(): readonly HeldInfo[] {
    return [...this.#waiting.values()].map(w => w.info);
  }

  numOf(guard: string): number {
    let count = 0;
    for (const { info } of this.#waiting.values()) if (info.guard === guard) count++;
    return count;
  }

  /** Ends when it is settled. The request must not have left already. */
  hold(
    given: Omit<HeldInfo, "id" | "sinceMs" | "untilMs" | "text">,
    texts: readonly string[],
    timeoutMs: number,
    stop: Stop,
  ): Promise<Settled> {
    const id = `held_${(++this.#count).toString(36)}`;
    const sinceMs = this.#clock.now();
    const info: HeldInfo = { id, ...given, sinceMs, untilMs: sinceMs + timeoutMs, text: texts.join("\n\n").slice(-shownCharacters) };
    return new Promise(resolve => {
      const gone = () => settle({ how: "left" });
      const settle = (given: Settled) => {
        if (!this.#waiting.delete(id)) return;
        clearTimeout(timer);
        stop.delete(gone);
        resolve(given);
      };
      const timer = setTimeout(() => settle({ how: "timeout" }), timeoutMs);
      this.#waiting.set(id, { info, settle });
      stop.add(gone);
    });
  }

  /** A request that waits. Errors: gateway/unknownHeld. */
  find(id: string): HeldInfo {
    const waiting = this.#waiting.get(id);
    if (waiting) return waiting.info;
    throw gatewayErrors.fail("unknownHeld", {
      place: id.slice(0, 60),
      message: "no request with this id waits",
      hint: "It was decided, its client left, or its time was over. `loam gateway held` lists those that wait.",
    });
  }

  /** Its case was decided; nothing happens where nobody waits any more. */
  decided(review: string, how: "approved" | "refused", by: string): void {
    for (const { info, settle } of [...this.#waiting.values()]) if (info.review === review) settle({ how, by });
  }
}
