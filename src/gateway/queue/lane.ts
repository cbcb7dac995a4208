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
  grant(lane: Lane): void;
  /** The lane has no place in line for it any more. */
  refuse(lane: Lane, failure: UpstreamFailure): void;
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
  async enter(priority: number, mostMs: number, stop: Stop): Promise<void> {
    await enterAny([this], priority, mostMs, stop);
  }

  /** Takes a waiter into the line; gives what takes it out; undefined where the line is full of those that go before it. */
  join(waiter: Waiter, priority: number): (() => boolean) | undefined {
    const { most, agingMs } = this.#options;
    const rank = rankOf(this.#clock.monotonic(), priority, agingMs);
    if (this.#line.length >= most) {
      const last = this.#line.popAfter(rank);
      if (!last) return undefined;
      last.refuse(this, this.turnedAway());
    }
    return this.#line.push(waiter, rank);
  }

  get longestMs(): number {
    return this.#options.longestMs;
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
    if (next) next.grant(this);
    else this.#running--;
  }

  /** What the line takes to empty, from how fast it moves. */
  #retryAfterMs(): number {
    return Math.min(mostRetryMs, Math.max(leastRetryMs, Math.ceil((this.#paceMs ?? 0) * (this.#line.length + 1))));
  }

  turnedAway(): UpstreamFailure {
    this.#refused++;
    return new UpstreamFailure("queueFull", `${this.#line.length} wait`, { retryAfterMs: this.#retryAfterMs() });
  }

  late(waitedMs: number): UpstreamFailure {
    this.#expired++;
    return new UpstreamFailure("queueTime", `no place after ${waitedMs} ms`, { retryAfterMs: this.#retryAfterMs() });
  }
}

/**
 * Waits in several lines at once and takes the first place that is free; gives whose. `leave` of that one must follow. Errors: UpstreamFailure:
 * queueFull where all lines are, queueTime, the stop's reason.
 */
export function enterAny(lanes: readonly Lane[], priority: number, mostMs: number, stop: Stop): Promise<Lane> {
  const free = lanes.find(l => l.tryEnter());
  if (free) return Promise.resolve(free);
  const waitMs = Math.min(mostMs, ...lanes.map(l => l.longestMs));
  if (waitMs <= 0) return Promise.reject(lanes[0]!.late(0));
  return new Promise((resolve, reject) => {
    const takes = new Map<Lane, () => boolean>();
    let timer: NodeJS.Timeout | undefined;
    const over = () => {
      clearTimeout(timer);
      stop.delete(gone);
      for (const take of takes.values()) take();
      takes.clear();
    };
    const gone = (reason: UpstreamFailure) => {
      over();
      reject(reason);
    };
    const waiter: Waiter = {
      grant: lane => {
        over();
        resolve(lane);
      },
      refuse: (lane, failure) => {
        takes.delete(lane);
        if (takes.size > 0) return;
        over();
        reject(failure);
      },
    };
    for (const lane of lanes) {
      const take = lane.join(waiter, priority);
      if (take) takes.set(lane, take);
    }
    if (takes.size === 0) return reject(lanes[0]!.turnedAway());
    timer = setTimeout(() => {
      over();
      reject(lanes[0]!.late(waitMs));
    }, waitMs);
    stop.add(gone);
  });
}
