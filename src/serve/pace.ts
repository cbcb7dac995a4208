/** How fast the queue moves: the mean time between answers that leave their slots while others wait. Idle time says nothing of it. */

const firstGuessMs = 1000;
/** Share of the newest gap in the mean. */
const newest = 0.2;
const retrySeconds = { least: 1, most: 60 };

export class Pace {
  #gapMs = firstGuessMs;
  #lastMs: number | undefined;

  /** An answer left its slot; `waiting` are those behind it. */
  left(nowMs: number, waiting: number): void {
    if (waiting > 0 && this.#lastMs !== undefined) this.#gapMs += newest * (nowMs - this.#lastMs - this.#gapMs);
    this.#lastMs = waiting > 0 ? nowMs : undefined;
  }

  /** Seconds after which so many have likely left. Official clients keep to at most 60. */
  retryAfterSeconds(waiting: number): number {
    return Math.min(retrySeconds.most, Math.max(retrySeconds.least, Math.ceil((waiting * this.#gapMs) / 1000)));
  }
}
