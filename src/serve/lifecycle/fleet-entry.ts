/** One version in the lifecycle: what it is doing, who uses it, and its changes one after another. */
import type { OpenVersion } from "./version-source.ts";
import type { HeldVisit } from "./visit.ts";

/** `asleep`: its memory is given back, the next request loads it again. */
export type VersionState = "loading" | "ready" | "unloading" | "asleep" | "failed" | "unloaded";

export class FleetEntry {
  readonly name: string;
  readonly version: number;
  state: VersionState = "unloaded";
  open: OpenVersion | undefined;
  /** Why the last load failed. */
  error: unknown;
  /** Loads that failed in a row. */
  failures = 0;
  keepAliveMs: number;
  /** It goes to sleep, or wakes: requests wait for it instead of being refused. */
  isDozing = false;
  #users = 0;
  #whenFree: (() => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #changes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, version: number, keepAliveMs: number) {
    this.name = name;
    this.version = version;
    this.keepAliveMs = keepAliveMs;
  }

  get key(): string {
    return `${this.name}@${this.version}`;
  }
  get id(): string {
    return this.open?.engine.model.id ?? this.key;
  }
  get users(): number {
    return this.#users;
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
        if (keepAliveMs !== undefined) this.keepAliveMs = keepAliveMs;
        if (this.#users > 0) return;
        for (const resolve of this.#whenFree.splice(0)) resolve();
        this.doze(onIdle);
      },
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
    if (this.state !== "ready" || this.#users > 0 || !Number.isFinite(this.keepAliveMs)) return;
    // setTimeout takes 31 bits
    this.#timer = setTimeout(onIdle, Math.max(leastMs, Math.min(this.keepAliveMs, 2 ** 31 - 1)));
    this.#timer.unref();
  }
  stay(): void {
    clearTimeout(this.#timer);
  }
}
