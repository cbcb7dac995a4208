/** The last minutes of an engine, second by second, for the console's charts: who runs, who waits, tokens a second. */
import { type Clock, systemClock } from "../base/index.ts";
import type { Engine } from "./engine.ts";

export interface HistoryPoint {
  /** Milliseconds since 1970, the start of the second. */
  readonly t: number;
  readonly running: number;
  readonly queued: number;
  readonly tokensPerSecond: number;
}

/** Five minutes. */
const keptSeconds = 300;
/** The rate that is shown is the mean of so many whole seconds: steps of a slow model come less than once a second. */
const rateSeconds = 3;

export class EngineHistory {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #points: HistoryPoint[] = [];
  #second: number;
  #tokens = 0;

  constructor(engine: Engine, clock: Clock = systemClock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#second = this.#now();
    const token = () => {
      this.#advance();
      this.#tokens++;
    };
    engine.observe({ firstToken: token, nextToken: token, submitted: () => this.#advance(), finished: () => this.#advance() });
  }

  points(): readonly HistoryPoint[] {
    this.#advance();
    return this.#points;
  }
  get tokensPerSecond(): number {
    const last = this.points().slice(-rateSeconds);
    return last.length ? last.reduce((n, p) => n + p.tokensPerSecond, 0) / last.length : 0;
  }

  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
  /** Closes the seconds that have passed. */
  #advance(): void {
    const now = this.#now();
    // after a long silence only the seconds that are kept are written; a clock that was set back starts anew
    if (now < this.#second) this.#second = now;
    this.#second = Math.max(this.#second, now - keptSeconds);
    while (this.#second < now) {
      const { running, queued } = this.#engine.stats();
      this.#points.push({ t: this.#second * 1000, running, queued, tokensPerSecond: this.#tokens });
      this.#tokens = 0;
      this.#second++;
    }
    if (this.#points.length > keptSeconds) this.#points.splice(0, this.#points.length - keptSeconds);
  }
}
