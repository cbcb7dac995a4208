/** One version in the lifecycle: what it is doing, who uses it, how long it stays without work, and its changes one after another. */
import type { ListedMetadata } from "../model-metadata.ts";
import type { OpenVersion } from "./version-source.ts";
import type { HeldVisit } from "./visit.ts";

/** `asleep`: its memory is given back, the next request loads it again. */
export type VersionState = "loading" | "ready" | "unloading" | "asleep" | "failed" | "unloaded";

/** setTimeout takes 31 bits: 24.8 days. */
const longestTimerMs = 2 ** 31 - 1;

export class FleetEntry {
  readonly name: string;
  readonly version: number;
  state: VersionState = "unloaded";
  open: OpenVersion | undefined;
  /** What is told of it while it sleeps. */
  sleeping: ListedMetadata | undefined;
  /** Why the last load failed. */
  error: unknown;
  /** Loads that failed in a row. */
  failures = 0;
  /** It goes to sleep, or wakes: requests wait for it instead of being refused. */
  isDozing = false;
  /** The operator's: no request makes it shorter. */
  #leastMs: number;
  #keepAliveMs: number;
  /** Milliseconds since 1970 at which it may fall asleep; undefined while that is not known. */
  #expiresAt: number | undefined;
  #users = 0;
  #expected = 0;
  #whenFree: (() => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #changes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, version: number, keepAliveMs: number) {
    this.name = name;
    this.version = version;
    this.#leastMs = keepAliveMs;
    this.#keepAliveMs = keepAliveMs;
  }

  /** How long it stays without work: as long as the operator said, or longer where the last request said so. */
  get keepAliveMs(): number {
    return this.#keepAliveMs;
  }
  /** The operator's word, from now on. */
  keepAtLeast(ms: number): void {
    this.#leastMs = ms;
    this.#keepAliveMs = ms;
  }
  /** Milliseconds since 1970 at which it falls asleep if nobody uses it before; Infinity for never. */
  get expiresAt(): number {
    return this.#expiresAt ?? Date.now() + this.#keepAliveMs;
  }

  get key(): string {
    return `${this.name}@${this.version}`;
  }
  get id(): string {
    return this.open?.engine.model.id ?? this.sleeping?.model.id ?? this.key;
  }
  get users(): number {
    return this.#users;
  }
  /** A request uses it, or waits for it to wake. */
  get isWanted(): boolean {
    return this.#users + this.#expected > 0;
  }
  /** It can answer now. */
  get isServing(): boolean {
    return this.state === "ready" && this.open?.engine.state === "ready";
  }
  /** It can answer, or will without anybody's doing. */
  get isThere(): boolean {
    return this.isServing || this.state === "asleep" || this.isDozing;
  }

  /** No change is under way or waits. */
  get isSettled(): boolean {
    return this.#changes === 0;
  }
  /** Runs a change after those before it, and then what is to be done when it was the last. */
  after<T>(change: () => Promise<T>, then: () => void): Promise<T> {
    this.#changes++;
    const run = this.#last.then(change).finally(() => {
      this.#changes--;
      then();
    });
    this.#last = run.catch(() => {});
    return run;
  }
  /** Resolves when all changes that were asked for have been made. */
  settled(): Promise<unknown> {
    return this.#last;
  }

  take(onIdle: () => void): HeldVisit {
    this.#users++;
    this.stay();
    return {
      id: this.key,
      release: keepAliveMs => {
        this.#users--;
        this.#keepAliveMs = Math.max(this.#leastMs, keepAliveMs ?? 0);
        if (this.#users > 0) return;
        for (const resolve of this.#whenFree.splice(0)) resolve();
        this.doze(onIdle);
      },
    };
  }
  /** A request waits for it to wake: it does not fall asleep again before that request has had its turn. The result ends the wait. */
  expect(onIdle: () => void): () => void {
    this.#expected++;
    return () => {
      this.#expected--;
      this.doze(onIdle);
    };
  }
  /** Resolves when no request is between choosing it and having its answers under way. */
  free(): Promise<void> {
    return this.#users === 0 ? Promise.resolve() : new Promise(resolve => this.#whenFree.push(resolve));
  }

  /** Waits for nobody any more. */
  abandon(): void {
    for (const resolve of this.#whenFree.splice(0)) resolve();
  }

  /** Calls back when nobody has used it for as long as it is kept. */
  doze(onIdle: () => void, leastMs = 0): void {
    this.stay();
    if (this.state !== "ready" || this.isWanted || !Number.isFinite(this.#keepAliveMs)) return;
    const restMs = Math.max(leastMs, this.#keepAliveMs);
    this.#expiresAt = Date.now() + restMs;
    this.#sleepAfter(restMs, onIdle);
  }
  #sleepAfter(restMs: number, onIdle: () => void): void {
    const pieceMs = Math.min(restMs, longestTimerMs);
    this.#timer = setTimeout(() => (pieceMs < restMs ? this.#sleepAfter(restMs - pieceMs, onIdle) : onIdle()), pieceMs);
    this.#timer.unref();
  }
  stay(): void {
    clearTimeout(this.#timer);
    this.#expiresAt = undefined;
  }
}
