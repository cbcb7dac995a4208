/**
 * One request's way to a version: what was chosen for it stays chosen, and what it uses is not unloaded before its answers are under way
 * (then the engine itself waits for them). So every request is answered by one version, whole.
 */
import type { ModelUse } from "../authorization.ts";
import type { ListedMetadata } from "../model-metadata.ts";

interface VisitOptions {
  /** Who asks, where that is known: a user stays with a version. */
  user?(): string | undefined;
  /** How long the model may rest afterwards, where the request says so. */
  keepAliveMs?(): number | undefined;
  /** Whether the request may use a model. Errors: its own. */
  authorize?(use: ModelUse): void;
  /** Whether the request may be told that a model exists; of all when absent. */
  sees?(use: ModelUse): boolean;
  /** The request is only told of models: those that it may not be told of do not exist for it. */
  readonly hides?: boolean;
}

/** What a visit holds on to. */
export interface HeldVisit {
  readonly id: string;
  release(keepAliveMs: number | undefined): void;
}

export class Visit {
  readonly #options: VisitOptions;
  readonly #held = new Map<string, HeldVisit>();
  readonly #awaited = new Map<string, () => void>();
  /** Version chosen for each name that was asked for. */
  readonly chosen = new Map<string, number>();
  /** Versions that the request is to be copied to. */
  readonly shadows = new Set<string>();
  /** The version that a split chose. */
  arm: number | undefined;
  /** Whose answer it was, or of what it told. */
  engine: ListedMetadata | undefined;
  #isOver = false;
  #isCovered = false;

  constructor(options: VisitOptions = {}) {
    this.#options = options;
  }

  get user(): string | undefined {
    return this.#options.user?.();
  }
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Holds once, however often it is asked for. */
  hold(id: string, take: () => HeldVisit): void {
    if (!this.#isOver && !this.#held.has(id)) this.#held.set(id, take());
  }
  /** It waits for a version to wake: once, however often it has to. */
  awaits(id: string, expect: () => () => void): void {
    if (!this.#isOver && !this.#awaited.has(id)) this.#awaited.set(id, expect());
  }
  holds(id: string): boolean {
    return this.#held.has(id);
  }
  /** What a request asks for is read before it is answered. Errors: serve/parameter. */
  check(): void {
    this.#options.keepAliveMs?.();
  }

  get hides(): boolean {
    return this.#options.hides === true;
  }
  sees(use: ModelUse): boolean {
    return this.#options.sees?.(use) ?? true;
  }
  /** Called with each model that is resolved, before it is woken, held or used. Errors: those of `authorize`. */
  authorize(use: () => ModelUse): void {
    if (!this.#isCovered && this.#options.authorize) this.#options.authorize(use());
  }
  /** Resolves what an authorised model stands on: an adapter is a model of its own, whoever may use its base. */
  covered<T>(resolve: () => T): T {
    const before = this.#isCovered;
    this.#isCovered = true;
    try {
      return resolve();
    } finally {
      this.#isCovered = before;
    }
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const wish = () => {
      try {
        return this.#options.keepAliveMs?.();
      } catch {
        return undefined; // it was refused for it
      }
    };
    for (const held of this.#held.values()) held.release(wish());
    this.#held.clear();
    for (const over of this.#awaited.values()) over();
    this.#awaited.clear();
  }
}

/**
 * Thrown where a request meets a version that sleeps: whoever handles the request waits and asks again from the start. Nothing has been done
 * for it yet then; asking for an engine is always the first thing. (The idea is React's Suspense.)
 */
export class Asleep extends Error {
  readonly awake: Promise<unknown>;
  constructor(id: string, awake: Promise<unknown>) {
    super(`${id} was asleep`);
    this.awake = awake;
    // whoever does not wait finds out when they ask again
    awake.catch(() => {});
  }
}
