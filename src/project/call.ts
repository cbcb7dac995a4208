/**
 * A call of the library that takes its time: awaited for its result, or read as a stream of events. It begins when it is first awaited or read.
 * Leaving the `for await` stops the work in good order, as the signal does, and waits until it has stopped: nothing is left half-written.
 */
import { baseErrors, isLoamError, type Progress } from "../base/index.ts";
import { type EventContent, eventVersion, type ProjectEvent } from "./events.ts";

/** What the work of a call is given. */
export interface Watch {
  readonly signal: AbortSignal;
  emit(event: EventContent): void;
  /** As in `CallOptions`. */
  readonly abandon?: (() => void) | undefined;
}

export interface CallOptions {
  /** Aborted: the call stops in good order and fails with base/interrupted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * For a program that ends when it is stopped: a stop leaves the loading of a model behind, which cannot be interrupted, and calls this. Default: the
   * loading is waited for, and the model closed.
   */
  readonly abandon?: (() => void) | undefined;
}

export interface Call<T> extends PromiseLike<T>, AsyncIterable<ProjectEvent> {}

/** Progress of a job under a label. */
export const progressFor =
  ({ emit }: Pick<Watch, "emit">, label: string): Progress =>
  event =>
    emit({ event: "progress", label, ...event });

/** Events that nobody has read yet. A progress event takes the place of an earlier one of the same label and stage, up to the last event of another kind. */
class Unread {
  readonly #events: ProjectEvent[] = [];
  #wake: () => void = () => {};
  #isOver = false;

  add(event: ProjectEvent): void {
    if (event.event === "progress")
      for (let i = this.#events.length - 1; i >= 0; i--) {
        const earlier = this.#events[i]!;
        if (earlier.event !== "progress") break;
        if (earlier.label !== event.label || earlier.stage !== event.stage) continue;
        this.#events.splice(i, 1);
        break;
      }
    this.#events.push(event);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** The next one; undefined at the end. */
  async next(): Promise<ProjectEvent | undefined> {
    while (this.#events.length === 0 && !this.#isOver)
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    return this.#events.shift();
  }
}

const interrupted = () =>
  baseErrors.fail("interrupted", { message: "stopped", hint: "What is done is kept; the same call goes on from there." });

class Working<T> implements Call<T> {
  readonly #work: (watch: Watch) => Promise<T>;
  readonly #given: CallOptions;
  readonly #stop = new AbortController();
  #result: Promise<T> | undefined;
  #unread: Unread | undefined;

  constructor(work: (watch: Watch) => Promise<T>, given: CallOptions) {
    this.#work = work;
    this.#given = given;
  }

  #begin(): Promise<T> {
    this.#result ??= this.#run();
    return this.#result;
  }

  async #run(): Promise<T> {
    const { signal: given, abandon } = this.#given;
    const stop = () => this.#stop.abort(isLoamError(given?.reason, "base/interrupted") ? given.reason : interrupted());
    if (given?.aborted) stop();
    else given?.addEventListener("abort", stop, { once: true });
    try {
      this.#stop.signal.throwIfAborted();
      return await this.#work({ signal: this.#stop.signal, emit: event => this.#unread?.add({ ...event, v: eventVersion }), abandon });
    } finally {
      given?.removeEventListener("abort", stop);
      this.#unread?.end();
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: a call is awaited for its result
  then<A = T, B = never>(done?: ((result: T) => A | PromiseLike<A>) | null, failed?: ((reason: unknown) => B | PromiseLike<B>) | null) {
    return this.#begin().then(done, failed);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProjectEvent, void, undefined> {
    if (this.#unread || this.#result)
      throw new TypeError("the events of a call are read once, by whoever begins it: read them before it is awaited");
    const unread = new Unread();
    this.#unread = unread;
    const result = this.#begin();
    // whoever reads may be busy when it fails, and is told at the end
    result.catch(() => {});
    let isRead = false;
    try {
      for (let event = await unread.next(); event; event = await unread.next()) yield event;
      isRead = true;
    } finally {
      this.#unread = undefined;
      if (!isRead) {
        this.#stop.abort(interrupted());
        await result.catch(() => {});
      }
    }
    await result;
  }
}

/** A call that does `work` once it is awaited or read. */
export const callOf = <T>(work: (watch: Watch) => Promise<T>, options: CallOptions = {}): Call<T> => new Working(work, options);
