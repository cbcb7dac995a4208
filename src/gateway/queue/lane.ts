/**
 * The way to one upstream: so many requests at once, the others in a bounded line, higher priorities first. A full line turns away whoever is
 * last in it, be it the newcomer or one who waits. Nobody waits longer than it may; who leaves makes room at once.
 */
import type { Clock } from "../../base/index.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import { Line, rankOf } from "./line.ts";

export interface LaneOptions {
  /** Requests at once. */
  readonly concurrency: number;
  /** Requests that wait. */
  readonly most: number;
  /** Nobody waits longer. */
  readonly longestMs: number;
  /** Waiting so long is worth one priority. */
  readonly agingMs: number;
}

export interface LaneState {
  readonly concurrency: number;
  readonly running: number;
  readonly waiting: number;
  /** Turned away because the line was full, and because they had waited as long as they may. */
  readonly refused: number;
  readonly expired: number;
}

interface Waiter {
  grant(): void;
  refuse(failure: UpstreamFailure): void;
}

/** Bounds of what whoever is turned away is told to wait. */
const leastRetryMs = 1_000;
const mostRetryMs = 60_000;
/** Weight of the newest in the average time between two ends. */
const newest = 0.2;

export class Lane {
  readonly #options: LaneOptions;
  readonly #clock: Clock;
  readonly #line = new Line<Waiter>();
  #running = 0;
  #refused = 0;
  #expired = 0;
  /** Between two ends while some wait (ms). */
  #paceMs: number | undefined;
  #endedMs: number | undefined;

  constructor(options: LaneOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  state(): LaneState {
    const { concurrency } = this.#options;
    return { concurrency, running: this.#running, waiting: this.#line.length, refused: this.#refused, expired: this.#expired };
  }

  /** Nobody more can go at once. */
  get isFull(): boolean {
    return this.#running >= this.#options.concurrency || this.#line.length > 0;
  }

  /** Takes a place where one is free and nobody waits; `leave` must follow. */
  tryEnter(): boolean {
    if (this.isFull) return false;
    this.#running++;
    return true;
  }

  /** Waits for a place; `leave` must follow. Errors: UpstreamFailure: queueFull, queueTime, the stop's reason. */
  enter(priority: number, mostMs: number, stop: Stop): Promise<void> {
    if (this.tryEnter()) return Promise.resolve();
    const { most, longestMs, agingMs } = this.#options;
    const waitMs = Math.min(mostMs, longestMs);
    if (waitMs <= 0) return Promise.reject(this.#late(0));
    const rank = rankOf(this.#clock.monotonic(), priority, agingMs);
    if (this.#line.length >= most) {
      const last = this.#line.popAfter(rank);
      if (!last) return Promise.reject(this.#turnedAway());
      last.refuse(this.#turnedAway());
    }
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer);
        stop.delete(gone);
      };
      const waiter: Waiter = {
        grant: () => {
          over();
          resolve();
        },
        refuse: failure => {
          over();
          reject(failure);
        },
      };
      const take = this.#line.push(waiter, rank);
      const timer = setTimeout(() => {
        if (take()) waiter.refuse(this.#late(waitMs));
      }, waitMs);
      const gone = (reason: UpstreamFailure) => {
        if (take()) waiter.refuse(reason);
      };
      stop.add(gone);
    });
  }

  /** A place is free again: the next in line has it at once. */
  leave(): void {
    const nowMs = this.#clock.monotonic();
    if (this.#line.length > 0 && this.#endedMs !== undefined) {
      const ms = nowMs - this.#endedMs;
      this.#paceMs = this.#paceMs === undefined ? ms : this.#paceMs + newest * (ms - this.#paceMs);
    }
    this.#endedMs = nowMs;
    const next = this.#line.shift();
    if (next) next.grant();
    else this.#running--;
  }

  /** What the line takes to empty, from how fast it moves. */
  #retryAfterMs(): number {
    return Math.min(mostRetryMs, Math.max(leastRetryMs, Math.ceil((this.#paceMs ?? 0) * (this.#line.length + 1))));
  }

  #turnedAway(): UpstreamFailure {
    this.#refused++;
    return new UpstreamFailure("queueFull", `${this.#line.length} wait`, { retryAfterMs: this.#retryAfterMs() });
  }

  #late(waitedMs: number): UpstreamFailure {
    this.#expired++;
    return new UpstreamFailure("queueTime", `no place after ${waitedMs} ms`, { retryAfterMs: this.#retryAfterMs() });
  }
}
