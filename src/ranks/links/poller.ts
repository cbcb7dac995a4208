/**
 * Looking for frames where nothing wakes this thread: again and again while they come, then on each turn of the event loop, then every millisecond. So a
 * rank that waits long costs next to no processor time, and one that waits for microseconds waits no longer.
 */
import { performance } from "node:perf_hooks";

interface PollerWork {
  /** Looks once; whether anything happened. */
  readonly poll: () => boolean;
  /** Called now and then while nothing comes. */
  readonly idle: () => void;
  /** Lets other processes have the processor; called between looks. */
  readonly yieldProcessor: () => void;
}

/** Looks without a pause, until nothing came for so long. */
const spinMs = 0.05;
/** The event loop gets its turn after so long at the latest. */
const turnMs = 2;
/** From then on it sleeps between looks. */
const restlessMs = 2;
const sleepMs = 1;
const idleEveryMs = 200;

export class Poller {
  readonly #work: PollerWork;
  #isActive = false;
  #isScheduled = false;
  #lastCame = 0;
  #lastIdle = 0;
  #lastTurn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(work: PollerWork) {
    this.#work = work;
  }

  set active(isActive: boolean) {
    this.#isActive = isActive;
    if (!isActive) {
      if (this.#timer) clearTimeout(this.#timer);
      if (this.#timer) this.#isScheduled = false;
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    this.#lastCame = now;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // calls that find their messages there follow one another without a turn of the event loop, up to a bound
    if (now - this.#lastTurn < turnMs) queueMicrotask(this.#look);
    else setImmediate(this.#lookOnTurn);
  }

  readonly #lookOnTurn = (): void => {
    this.#lastTurn = performance.now();
    this.#look();
  };

  readonly #look = (): void => {
    this.#timer = undefined;
    this.#isScheduled = false;
    const began = performance.now();
    let now = began;
    while (this.#isActive && now - this.#lastCame < spinMs && now - began < turnMs) {
      if (this.#work.poll()) this.#lastCame = performance.now();
      else this.#work.yieldProcessor();
      now = performance.now();
    }
    if (!this.#isActive) return;
    if (this.#work.poll()) this.#lastCame = now;
    if (now - this.#lastIdle > idleEveryMs) {
      this.#lastIdle = now;
      this.#work.idle();
    }
    if (!this.#isActive || this.#isScheduled) return;
    this.#isScheduled = true;
    if (now - this.#lastCame < restlessMs) setImmediate(this.#lookOnTurn);
    else this.#timer = setTimeout(this.#lookOnTurn, sleepMs);
  };
}
