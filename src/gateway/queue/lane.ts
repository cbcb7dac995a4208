/**
 * Admission to one upstream: so many requests at once, of one key at most its part of them, the others in a bounded queue that is fair by key.
 * A free place goes to the priority whose turn it is (`line.ts`) and, among the waiting requests of that priority, to the key with the fewest
 * requests under way, of several such to the one served least recently: max-min fairness (Demers, Keshav and Shenker, "Analysis and simulation of a fair queueing algorithm", 1989, with requests
 * in place of packets). A full queue drops the last request of a lower priority, else the last of the key with the most that wait.
 */
import type { Clock } from "../../base/index.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import { Line, rankOf } from "./line.ts";

export interface LaneOptions {
  /** Requests at once. */
  readonly concurrency: number;
  /** Requests of one key at once. */
  readonly perKey: number;
  /** Requests that wait. */
  readonly most: number;
  /** Nobody waits longer. */
  readonly longestMs: number;
  /** Waiting so long is worth one priority. */
  readonly agingMs: number;
  /** The upstream's place in the file, and which of its settings bounds `concurrency`: for errors and warnings. */
  readonly place: string;
  readonly setting: "connections" | "concurrency";
}

export interface LaneState {
  readonly concurrency: number;
  readonly perKey: number;
  readonly running: number;
  readonly waiting: number;
  /** Turned away because the queue was full, and because they had waited as long as they may. */
  readonly refused: number;
  readonly expired: number;
}

/** Whose request it is, how urgent it is, and how long it waits at most. */
export interface LaneEntry {
  readonly key: string;
  readonly priority: number;
  readonly mostMs: number;
}

interface Waiter {
  grant(lane: Lane): void;
  /** Dropped from the lane's queue. */
  refuse(lane: Lane, failure: UpstreamFailure): void;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly key: string;
  readonly priority: number;
  remove(): boolean;
}

interface KeyCounts {
  running: number;
  waiting: number;
  /** Number of its last place, counted over all keys. */
  served: number;
}

/** Bounds of the `Retry-After` that a request is turned away with. */
const leastRetryMs = 1_000;
const mostRetryMs = 60_000;
/** Weight of the newest in the average time between two ends. */
const newest = 0.2;
/** Of `connections` in use: a warning, and the share below which the next warning is a new one. */
const nearShare = 0.8;
const farShare = 0.7;
/** Below so many connections a share says little: each request would be a warning. */
const leastWarned = 10;

export class Lane {
  /** Called when the connections in use reach 80 % of their limit, once until they fall below 70 %. */
  onNear: ((state: LaneState) => void) | undefined;
  readonly #options: LaneOptions;
  readonly #clock: Clock;
  readonly #line = new Line<Waiting>();
  readonly #keys = new Map<string, KeyCounts>();
  readonly #nearAt: number;
  readonly #farAt: number;
  #isNear = false;
  #running = 0;
  #served = 0;
  #refused = 0;
  #expired = 0;
  /** Between two ends while some wait (ms). */
  #paceMs: number | undefined;
  #endedMs: number | undefined;

  constructor(options: LaneOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const { concurrency, setting } = options;
    this.#nearAt = setting === "connections" && concurrency >= leastWarned ? Math.ceil(nearShare * concurrency) : Number.POSITIVE_INFINITY;
    this.#farAt = farShare * concurrency;
  }

  state(): LaneState {
    const { concurrency, perKey } = this.#options;
    return {
      concurrency,
      perKey,
      running: this.#running,
      waiting: this.#line.length,
      refused: this.#refused,
      expired: this.#expired,
    };
  }

  /** One more request of the key would wait. While a place is free, only requests of keys that have their part wait. */
  isFull(key: string): boolean {
    return this.#running >= this.#options.concurrency || this.#hasItsPart(key);
  }

  #hasItsPart(key: string): boolean {
    return (this.#keys.get(key)?.running ?? 0) >= this.#options.perKey;
  }

  #counts(key: string): KeyCounts {
    let counts = this.#keys.get(key);
    if (counts === undefined) {
      counts = { running: 0, waiting: 0, served: 0 };
      this.#keys.set(key, counts);
    }
    return counts;
  }

  #forgetIdle(key: string, { running, waiting }: KeyCounts): void {
    if (running === 0 && waiting === 0) this.#keys.delete(key);
  }

  /** Takes a free place; `leave` must follow. */
  tryEnter(key: string): boolean {
    if (this.isFull(key)) return false;
    this.#take(key);
    if (this.#running >= this.#nearAt && !this.#isNear) {
      this.#isNear = true;
      this.onNear?.(this.state());
    }
    return true;
  }

  #take(key: string): void {
    const counts = this.#counts(key);
    counts.running++;
    counts.served = ++this.#served;
    this.#running++;
  }

  /** Waits for a place; `leave` must follow. Errors: UpstreamFailure: queueFull, queueTime, the stop's reason. */
  async enter(entry: LaneEntry, stop: Stop): Promise<void> {
    await enterAny([this], entry, stop);
  }

  /** Adds a waiter to the queue; returns what removes it; undefined where the queue is full of those that go before it. */
  join(waiter: Waiter, { priority, key }: LaneEntry): (() => boolean) | undefined {
    const { most, agingMs } = this.#options;
    if (most === 0) return undefined;
    const rank = rankOf(this.#clock.monotonic(), priority, agingMs);
    if (this.#line.length >= most) {
      const last = this.#line.lastAfter(rank) ?? this.#lastOfMostWaiting(priority, key);
      if (!last) return undefined;
      last.remove();
      last.waiter.refuse(this, this.turnedAway(last.key));
    }
    const counts = this.#counts(key);
    counts.waiting++;
    const take = this.#line.push(
      {
        waiter,
        key,
        priority,
        remove: () => remove(),
      },
      rank,
    );
    const remove = (): boolean => {
      if (!take()) return false;
      counts.waiting--;
      this.#forgetIdle(key, counts);
      return true;
    };
    return remove;
  }

  /** The last request, of no higher priority, of the key with the most that wait; undefined where the newcomer's key would have as many. */
  #lastOfMostWaiting(priority: number, key: string): Waiting | undefined {
    const own = this.#keys.get(key)?.waiting ?? 0;
    let most = own + 1;
    for (const { waiting } of this.#keys.values()) most = Math.max(most, waiting);
    if (most === own + 1) return undefined;
    let last: Waiting | undefined;
    for (const waiting of this.#line) if (this.#keys.get(waiting.key)!.waiting === most && waiting.priority <= priority) last = waiting;
    return last;
  }

  get longestMs(): number {
    return this.#options.longestMs;
  }

  /** A place of the key is free again: the next request that may take it has it at once. */
  leave(key: string): void {
    const nowMs = this.#clock.monotonic();
    if (this.#line.length > 0 && this.#endedMs !== undefined) {
      const ms = nowMs - this.#endedMs;
      this.#paceMs = this.#paceMs === undefined ? ms : this.#paceMs + newest * (ms - this.#paceMs);
    }
    this.#endedMs = nowMs;
    const counts = this.#keys.get(key)!;
    counts.running--;
    this.#running--;
    const next = this.#line.length === 0 ? undefined : this.#next();
    if (next) {
      this.#take(next.key);
      next.remove();
      next.waiter.grant(this);
    } else if (this.#isNear && this.#running < this.#farAt) this.#isNear = false;
    this.#forgetIdle(key, counts);
  }

  /** The first request that may go says which priority's turn it is; of that one the key with the fewest requests under way goes. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    let best: KeyCounts | undefined;
    for (const waiting of this.#line) {
      if (next !== undefined && waiting.priority !== next.priority) continue;
      const counts = this.#keys.get(waiting.key)!;
      if (counts.running >= this.#options.perKey) continue;
      const isBetter = !best || counts.running < best.running || (counts.running === best.running && counts.served < best.served);
      if (isBetter) [next, best] = [waiting, counts];
    }
    return next;
  }

  /** What the queue takes to empty, from how fast it moves. */
  #retryAfterMs(): number {
    return Math.min(mostRetryMs, Math.max(leastRetryMs, Math.ceil((this.#paceMs ?? 0) * (this.#line.length + 1))));
  }

  #failure(kind: "queueFull" | "queueTime", key: string, detail: string): UpstreamFailure {
    const { place, setting, concurrency, perKey } = this.#options;
    const limit = this.#hasItsPart(key)
      ? { setting: `${place}.concurrencyPerKey`, value: perKey }
      : { setting: `${place}.${setting}`, value: concurrency };
    return new UpstreamFailure(kind, `${limit.setting} (${limit.value}): ${detail}`, { retryAfterMs: this.#retryAfterMs(), limit });
  }

  turnedAway(key: string): UpstreamFailure {
    this.#refused++;
    return this.#failure("queueFull", key, `${this.#line.length} wait`);
  }

  late(waitedMs: number, key: string): UpstreamFailure {
    this.#expired++;
    return this.#failure("queueTime", key, `no place after ${waitedMs} ms`);
  }
}

/**
 * Waits in several queues at once and takes the first place that is free; returns whose. `leave` of that one must follow. Errors: UpstreamFailure:
 * queueFull where all queues are, queueTime, the stop's reason.
 */
export function enterAny(lanes: readonly Lane[], entry: LaneEntry, stop: Stop): Promise<Lane> {
  const { key } = entry;
  const free = lanes.find(l => l.tryEnter(key));
  if (free) return Promise.resolve(free);
  const waitMs = Math.min(entry.mostMs, ...lanes.map(l => l.longestMs));
  if (waitMs <= 0) return Promise.reject(lanes[0]!.late(0, key));
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
      const take = lane.join(waiter, entry);
      if (take) takes.set(lane, take);
    }
    if (takes.size === 0) return reject(lanes[0]!.turnedAway(key));
    timer = setTimeout(() => {
      over();
      reject(lanes[0]!.late(waitMs, key));
    }, waitMs);
    stop.add(gone);
  });
}
