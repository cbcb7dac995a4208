/**
 * Events of one generation on their way to one reader, in order. Bounded: when the reader falls behind, the queue says so and its owner
 * pauses. Ends once, with a last event, an error, or because the reader left.
 */

export interface OutputQueueOptions {
  /** Events that may wait. */
  readonly capacity: number;
  /** The reader took an event from a full queue, or came back for more. */
  readonly onRoom: () => void;
  /** The reader left before the end. */
  readonly onLeave: () => void;
}

export class OutputQueue<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #options: OutputQueueOptions;
  #items: T[] = [];
  #state: "open" | "ended" | "left" = "open";
  #error: unknown;
  #reader: { resolve: (r: IteratorResult<T, undefined>) => void; reject: (e: unknown) => void } | undefined;

  constructor(options: OutputQueueOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#options.capacity;
  }

  push(item: T): void {
    if (this.#state !== "open") return;
    if (this.#reader) {
      this.#reader.resolve({ done: false, value: item });
      this.#reader = undefined;
    } else this.#items.push(item);
  }

  /** No more events. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = undefined;
  }

  /** No more events, and an error after those that wait. */
  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    if (this.#reader) this.#reader.reject(error);
    else this.#error = error;
    this.#reader = undefined;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) {
      const wasFull = this.isFull;
      const value = this.#items.shift()!;
      if (wasFull) this.#options.onRoom();
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#state !== "open") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    const wasOpen = this.#state === "open";
    this.#state = "left";
    this.#items = [];
    this.#error = undefined;
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = undefined;
    if (wasOpen) this.#options.onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
