/**
 * An upstream that is a function of this process: no socket, no second hop. The same promises as over a socket (`call.ts`): a deadline for the
 * first byte and for silence, no piece read before the last one was taken, and an end of the work the moment that nobody listens.
 */
import { Readable } from "node:stream";
import type { Connection, ReplyHeaders, UpstreamCall, UpstreamReply } from "./call.ts";
import { UpstreamFailure } from "./failure.ts";

/** A server as a function, as Hono's `fetch`. */
export type ServeHere = (request: Request) => Response | Promise<Response>;

class HereReply implements UpstreamReply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #idleMs: number;
  readonly #end: (failure?: UpstreamFailure) => void;
  readonly #failure: () => UpstreamFailure | undefined;
  /** Kept when it is ended by a failure; a server need not notice that it is to stop. */
  readonly #stopped: Promise<"stopped">;
  #next: Promise<Buffer | undefined> | undefined;
  /** Since when it has been silent, where somebody waits. */
  #quietFrom: number | undefined;

  constructor(
    response: Response,
    { deadlines }: UpstreamCall,
    end: (failure?: UpstreamFailure) => void,
    failure: () => UpstreamFailure | undefined,
    stopped: Promise<"stopped">,
  ) {
    this.status = response.status;
    this.headers = new Map(response.headers);
    this.#reader = response.body?.getReader();
    this.#idleMs = deadlines.idleMs;
    this.#end = end;
    this.#failure = failure;
    this.#stopped = stopped;
    if (!this.#reader) end();
  }

  async #piece(): Promise<Buffer | undefined> {
    for (;;) {
      const { value } = await this.#reader!.read();
      if (value === undefined) return undefined;
      if (value.length > 0) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  }

  /** What ended it, told by whoever stopped it rather than by what its stream says then. */
  #broken(error: unknown): UpstreamFailure {
    const failure = this.#failure() ?? new UpstreamFailure("cut", error instanceof Error ? error.message : String(error), { cause: error });
    this.#end(failure);
    return failure;
  }

  async read(waitMs = Number.POSITIVE_INFINITY): Promise<Buffer | "waiting" | undefined> {
    const stopped = this.#failure();
    if (stopped) throw stopped;
    if (!this.#reader) return undefined;
    this.#quietFrom ??= performance.now();
    const leftMs = Math.max(0, this.#idleMs - (performance.now() - this.#quietFrom));
    this.#next ??= this.#piece();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">(resolve => {
      timer = setTimeout(() => resolve("late"), Math.min(waitMs, leftMs));
    });
    try {
      const piece = await Promise.race([this.#next, late, this.#stopped]);
      if (piece === "late") {
        if (waitMs < leftMs) return "waiting";
        this.#end(new UpstreamFailure("idleTimeout", `nothing for ${this.#idleMs} ms`));
        throw this.#failure()!;
      }
      this.#next = undefined;
      this.#quietFrom = undefined;
      // a stream that was stopped may end as if it were whole
      const failure = this.#failure();
      if (failure || piece === "stopped") throw failure;
      if (piece === undefined) this.#end();
      return piece;
    } catch (error) {
      throw this.#broken(error);
    } finally {
      clearTimeout(timer);
    }
  }

  cancel(): void {
    this.#end(new UpstreamFailure("reset", "nobody wants the rest"));
    this.#next?.catch(() => {});
    this.#reader?.cancel().catch(() => {});
  }
}

/** `origin` is what the server sees as its own address. */
export function connectHere(origin: string, serve: ServeHere): Connection {
  const call: Connection["call"] = (call, replied) =>
    new Promise<UpstreamReply>((resolve, reject) => {
      const { method, path, headers, body, deadlines, stop } = call;
      const abort = new AbortController();
      let isOver = false;
      let failure: UpstreamFailure | undefined;
      let wake: () => void = () => {};
      const stopped = new Promise<"stopped">(resolve => {
        wake = () => resolve("stopped");
      });
      const timer = setTimeout(
        () => end(new UpstreamFailure("firstByteTimeout", `no headers after ${deadlines.firstByteMs} ms`)),
        deadlines.firstByteMs,
      );
      const end = (why?: UpstreamFailure): void => {
        if (isOver) return;
        isOver = true;
        failure = why;
        clearTimeout(timer);
        stop.delete(end);
        if (!why) return;
        abort.abort(why);
        wake();
        reject(why);
      };
      stop.add(end);
      if (isOver) return;
      const request = new Request(new URL(path, origin), {
        method,
        headers,
        body: (body instanceof Readable ? Readable.toWeb(body) : (body ?? null)) as
          | string
          | Uint8Array<ArrayBuffer>
          | ReadableStream
          | null,
        ...(body instanceof Readable ? { duplex: "half" } : {}),
        signal: abort.signal,
      });
      // a handler that throws at once is a promise that fails
      void (async () => serve(request))().then(
        response => {
          clearTimeout(timer);
          if (isOver) response.body?.cancel().catch(() => {});
          else {
            replied?.(response.status);
            resolve(new HereReply(response, call, end, () => failure, stopped));
          }
        },
        (error: unknown) => end(new UpstreamFailure("reset", error instanceof Error ? error.message : String(error), { cause: error })),
      );
    });
  return { call, close: async () => {} };
}
