/**
 * Which resources have changed, as an event stream: one reading of all topics serves every open stream, and none is made while nobody listens. A slow
 * client loses nothing and fills no memory: it gets the newest revisions when it reads. Tells that something changed, never what.
 */
import type { Clock } from "../../base/index.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Changes, type ChangeTopic, changeTopics } from "./console-answers/changes.ts";

/** Of each topic a text that differs as soon as its resources may differ; absent: nothing changes. */
export type ReadTopics = () => Promise<Readonly<Partial<Record<ChangeTopic, string>>>>;

interface ChangeFeedOptions {
  readonly read: ReadTopics;
  readonly clock: Clock;
  /** Between readings. */
  readonly everyMs?: number;
  /** Streams that are open at once. */
  readonly mostStreams?: number;
  /** After this time a stream ends, and its client comes back: whoever may read no longer is found then. */
  readonly streamMs?: number;
}

interface Listener {
  wake: () => void;
  isOver: boolean;
}

export class ChangeFeed {
  readonly #options: Required<ChangeFeedOptions>;
  readonly #seen = new Map<ChangeTopic, string | undefined>();
  readonly #revisions = new Map<ChangeTopic, number>();
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ChangeFeedOptions) {
    this.#options = { everyMs: limits.changesEveryMs, mostStreams: limits.changeStreams, streamMs: limits.changeStreamMs, ...options };
  }

  get numStreams(): number {
    return this.#listeners.size;
  }

  /** All revisions, then those that change. It is counted from this call on; `return` ends it. Errors: serve/queueFull, serve/draining. */
  open(): AsyncGenerator<Changes, void, undefined> {
    if (this.#isClosed) throw serveErrors.fail("draining", { place: "server", message: "the server is shutting down" });
    const { mostStreams } = this.#options;
    if (this.#listeners.size >= mostStreams)
      throw serveErrors.fail("queueFull", {
        place: "events",
        expected: `at most ${mostStreams} open event streams`,
        received: "one more",
        hint: "Close other pages of the console; without a stream a page polls.",
      });
    const listener: Listener = { wake: () => {}, isOver: false };
    this.#listeners.add(listener);
    const changes = this.#changes(listener);
    // a generator that was never begun runs no `finally`
    const end = changes.return.bind(changes);
    changes.return = value => {
      this.#leave(listener);
      return end(value);
    };
    return changes;
  }

  /** Ends every stream. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) this.#leave(listener);
  }

  #leave(listener: Listener): void {
    listener.isOver = true;
    this.#listeners.delete(listener);
    listener.wake();
    if (this.#listeners.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async *#changes(listener: Listener): AsyncGenerator<Changes, void, undefined> {
    const over = setTimeout(() => this.#leave(listener), this.#options.streamMs);
    over.unref();
    const told = new Map<ChangeTopic, number>();
    try {
      await this.#read();
      this.#plan();
      while (!listener.isOver) {
        const newer = [...this.#revisions].filter(([topic, revision]) => told.get(topic) !== revision);
        if (newer.length > 0 || told.size === 0) {
          for (const [topic, revision] of newer) told.set(topic, revision);
          yield { revisions: Object.fromEntries(newer) };
          continue;
        }
        await new Promise<void>(resolve => {
          listener.wake = resolve;
        });
      }
    } finally {
      clearTimeout(over);
      this.#leave(listener);
    }
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#listeners.size === 0) return;
    this.#timer = setTimeout(async () => {
      await this.#read();
      this.#timer = undefined;
      this.#plan();
    }, this.#options.everyMs);
    this.#timer.unref();
  }

  /** Readings that are asked for at once are one. */
  #read(): Promise<void> {
    this.#reading ??= this.#compare().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #compare(): Promise<void> {
    const now = await this.#options.read();
    let hasChanged = false;
    for (const topic of changeTopics) {
      if (this.#revisions.has(topic) && this.#seen.get(topic) === now[topic]) continue;
      this.#seen.set(topic, now[topic]);
      // by the clock, so that they are newer after a restart too
      this.#revisions.set(topic, Math.max((this.#revisions.get(topic) ?? 0) + 1, this.#options.clock.now()));
      hasChanged = true;
    }
    if (hasChanged) for (const { wake } of this.#listeners) wake();
  }
}
