/**
 * A streamed answer from upstream to client that always ends with a proper end or a proper error: events are passed on byte for byte, one as
 * soon as it is complete, none before the client has taken the last (backpressure). What breaks before the client has seen any of the answer is
 * tried elsewhere; what breaks in the middle is gone on with where that can be, and else ends with an error event. Deciding where to is not
 * here: `open` does.
 */
import { cutEvents, dataEvent, doneEvent, type EventCutter, isDoneData, isRow, type StreamEvent } from "../../protocols/index.ts";

import type { UpstreamReply } from "../upstreams/call.ts";
import type { Continuation } from "../upstreams/config.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Ended } from "../upstreams/upstream.ts";
import { continued, glued } from "./continue.ts";
import { progressOf, type StreamedApi, type StreamProgress } from "./progress.ts";

/** An upstream's answer that has begun. */
export interface Source {
  readonly reply: UpstreamReply;
  /** Tells the upstream's record how it went; the failure is why the next is opened. */
  end(how: Ended, failure?: UpstreamFailure): void;
}

/** What a source has to go on with. */
export interface Resumption {
  /** Members of the request to change for an upstream that goes on in this way; undefined where it cannot. */
  bodyFor(how: Continuation): Readonly<Record<string, unknown>> | undefined;
}

export interface RelayOptions {
  readonly api: StreamedApi;
  readonly body: Readonly<Record<string, unknown>>;
  readonly choices: number;
  readonly dropsUsage: boolean;
  readonly heartbeatMs: number;
  readonly eventBytes: number;
  /** The next source, for an answer from the start or, with a resumption, from its middle. Errors: whatever the client is told when none is left. */
  open(resumption: Resumption | undefined): Promise<Source>;
  /** The event that tells the client of an error. */
  errorEvent(error: unknown): Buffer;
  /** Once, however it ended; `error` is what the client was told in the stream. */
  onEnd(end: { readonly error: unknown; readonly progress: StreamProgress; readonly resumed: number }): void;
}

const comment = Buffer.from(": waiting\n\n");
const lastEvent = Buffer.from(doneEvent);
/** An upstream has this long to close its answer after its last event, so that its connection can be used again. */
const lastWordsMs = 1_000;

/** Reads what is left, which should be nothing. */
async function finish(reply: UpstreamReply): Promise<void> {
  try {
    if ((await reply.read(lastWordsMs)) === undefined) return;
  } catch {
    return;
  }
  reply.cancel();
}

export class Relay {
  readonly #options: RelayOptions;
  #progress: StreamProgress;
  #cutter: EventCutter = cutEvents();
  #source: Source | undefined;
  #opening: Promise<Source> | undefined;
  /** Events until the first that says something: until then another upstream may be asked. */
  #held: Buffer[] = [];
  #out: Buffer[] = [];
  #hasBegun = false;
  #isOver = false;
  #resumption: Resumption | undefined;
  /** Pieces before the last resumption, which counts of the new source do not have. */
  #piecesBefore = 0;
  #resumed = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#progress = this.#fresh();
  }

  #fresh(): StreamProgress {
    const { api, dropsUsage, choices } = this.#options;
    return progressOf(api, { dropsUsage, choices });
  }

  /** The next bytes for the client, undefined at the end. Errors (what `open` throws) only before the first bytes that are no comment. */
  async read(): Promise<Buffer | undefined> {
    while (this.#out.length === 0) {
      if (this.#isOver) return undefined;
      try {
        const source = this.#source ?? (await this.#opened());
        if (source === undefined) return comment;
        const piece = await source.reply.read(this.#options.heartbeatMs);
        if (this.#isOver) return undefined;
        if (piece === "waiting") return comment;
        if (piece === undefined) this.#ended();
        else for (const event of this.#cutter.push(piece)) if (!this.#take(event)) break;
        if (this.#cutter.pendingBytes > this.#options.eventBytes) throw new UpstreamFailure("malformed", "an event without an end");
      } catch (error) {
        if (this.#isOver) return undefined;
        this.#failed(error);
      }
    }
    const out = this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out);
    this.#out = [];
    return out;
  }

  /** The client left. */
  cancel(): void {
    if (this.#isOver) return;
    this.#over(undefined);
    this.#source?.reply.cancel();
    this.#source?.end("unknown");
    this.#opening?.then(
      source => {
        source.reply.cancel();
        source.end("unknown");
      },
      () => {},
    );
  }

  /** The source, or undefined where it takes longer than clients wait in silence. */
  async #opened(): Promise<Source | undefined> {
    this.#opening ??= this.#options.open(this.#resumption);
    let timer: NodeJS.Timeout | undefined;
    const quiet = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), this.#options.heartbeatMs);
    });
    try {
      const source = await Promise.race([this.#opening, quiet]);
      if (source === undefined || this.#isOver) return undefined;
      this.#opening = undefined;
      this.#source = source;
      this.#cutter = cutEvents();
      return source;
    } catch (error) {
      this.#opening = undefined;
      throw new NoneLeft(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes an event; false where the answer is over. */
  #take(given: StreamEvent): boolean {
    const event = this.#resumption ? this.#glue(given) : given;
    if (event === undefined) return true;
    const seen = this.#progress.see(event);
    switch (seen.kind) {
      case "drop":
        return true;
      case "pass":
        this.#pass(event.bytes, seen.isContent);
        return true;
      case "done":
        if (!this.#progress.isWhole) throw new UpstreamFailure("malformed", "an end without a finish_reason");
        this.#pass(event.bytes, true);
        this.#answered();
        return false;
      case "broken":
        throw seen.error
          ? new UpstreamFailure("errorObject", seen.why, { body: JSON.stringify(seen.error) })
          : new UpstreamFailure("malformed", seen.why);
    }
  }

  #pass(bytes: Buffer, isContent: boolean): void {
    if (this.#hasBegun) this.#out.push(bytes);
    else {
      this.#held.push(bytes);
      if (!isContent) return;
      this.#hasBegun = true;
      this.#out.push(...this.#held);
      this.#held = [];
    }
  }

  #glue(event: StreamEvent): StreamEvent | undefined {
    if (event.data === undefined || isDoneData(event.data)) return event;
    let chunk: unknown;
    try {
      chunk = JSON.parse(event.data);
    } catch {
      return event;
    }
    if (!isRow(chunk) || chunk.error !== undefined) return event;
    const own = glued(chunk, this.#progress.first ?? {}, this.#piecesBefore);
    if (own === undefined) return undefined;
    const data = JSON.stringify(own);
    return { data, bytes: Buffer.from(dataEvent(data)) };
  }

  /** The upstream closed its answer. */
  #ended(): void {
    // a last event may lack its blank line
    if (this.#cutter.pendingBytes > 0) for (const event of this.#cutter.push(Buffer.from("\n\n"))) if (!this.#take(event)) return;
    if (!this.#progress.isWhole) throw new UpstreamFailure("cut", "the stream ended before the answer");
    // every choice ended, only the last word is missing
    if (!this.#progress.isDone) this.#pass(lastEvent, true);
    this.#answered();
  }

  #answered(): void {
    const source = this.#source!;
    source.end("answered");
    void finish(source.reply);
    this.#over(undefined);
  }

  /** Makes the best of what went wrong: another source, a proper end, or an error. */
  #failed(error: unknown): void {
    const told = this.#reasonToTell(error);
    if (told !== undefined) this.#tell(told.reason);
  }

  /** What the client must be told; undefined where it need not know. */
  #reasonToTell(error: unknown): { readonly reason: unknown } | undefined {
    if (error instanceof NoneLeft) return { reason: error.reason };
    const source = this.#source;
    this.#source = undefined;
    const failure = error instanceof UpstreamFailure ? error : undefined;
    source?.reply.cancel();
    if (failure && this.#progress.isWhole && !this.#progress.isDone) {
      // it fell after its last chunk: nothing of the answer is missing
      source?.end("answered");
      this.#pass(lastEvent, true);
      this.#over(undefined);
      return undefined;
    }
    source?.end(failure?.isFault ? "failed" : "unknown", failure);
    if (!failure?.isRetryable) return { reason: error };
    if (!this.#hasBegun) {
      this.#held = [];
      this.#progress = this.#fresh();
      return undefined;
    }
    // an upstream that says the answer is whole has said all of it: nothing can be gone on with
    if (this.#progress.isDone) return { reason: error };
    const { api, body } = this.#options;
    const bodyFor = (how: Continuation) => continued(api, how, body, this.#progress);
    if (bodyFor("vllm") === undefined) return { reason: error };
    this.#resumption = { bodyFor };
    this.#piecesBefore = this.#progress.pieces;
    this.#resumed++;
    return undefined;
  }

  #tell(error: unknown): void {
    this.#over(error);
    if (!this.#hasBegun) throw error;
    this.#out.push(this.#options.errorEvent(error));
  }

  #over(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnd({ error, progress: this.#progress, resumed: this.#resumed });
  }
}

/** `open` has nobody left to ask. */
class NoneLeft extends Error {
  readonly reason: unknown;
  constructor(reason: unknown) {
    super("none left", { cause: reason });
    this.reason = reason;
  }
}
