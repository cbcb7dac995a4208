/**
 * An answer that comes in pieces, in a contract's framing: OpenAI's server-sent events (`data: <json>`, at the end `data: [DONE]`; an error is
 * an event with an `error` object, after which the stream closes), or another's. Pull by pull, so a slow client slows its generation and
 * fills no memory; a comment line keeps a silent stream open where the framing has comments.
 */
import type { WireError } from "./wire-error.ts";

/** How the pieces of a stream look on the wire. */
export interface Framing {
  readonly contentType: string;
  piece(value: unknown): string;
  /** What stands after the last piece. */
  readonly end: string;
  error(error: WireError): string;
  /** Keeps a silent stream open and says nothing; absent where there is no such thing. */
  readonly silence?: string;
}

const eventType = "text/event-stream; charset=utf-8";
const silence = ": still working\n\n";
export const openaiEvents: Framing = {
  contentType: eventType,
  piece: value => `data: ${JSON.stringify(value)}\n\n`,
  end: "data: [DONE]\n\n",
  error: wire => `data: ${JSON.stringify(wire.body)}\n\n`,
  silence,
};

/** Events of data without a last one; the error is what the contract says. */
export const plainEvents = (error: (wire: WireError) => unknown): Framing => ({
  ...openaiEvents,
  end: "",
  error: wire => `data: ${JSON.stringify(error(wire))}\n\n`,
});

/** Events named by the `type` of what they carry. */
export const typedEvents = (error: (wire: WireError) => { readonly type: string }): Framing => {
  const piece = (value: unknown) => `event: ${(value as { type: string }).type}\ndata: ${JSON.stringify(value)}\n\n`;
  return { contentType: eventType, piece, end: "", error: wire => piece(error(wire)), silence };
};

/** A line of JSON a piece. */
export const jsonLines = (error: (wire: WireError) => unknown): Framing => ({
  contentType: "application/x-ndjson",
  piece: value => `${JSON.stringify(value)}\n`,
  end: "",
  error: wire => `${JSON.stringify(error(wire))}\n`,
});

export interface EventStreamOptions {
  /** OpenAI's when absent. */
  readonly framing?: Framing;
  readonly heartbeatMs: number;
  /** How an error looks on the wire. */
  readonly onError: (error: unknown) => WireError;
  /** The client left. */
  readonly onLeave: () => void;
  /** Once, however it ended. */
  readonly onEnd: (error: WireError | "left" | undefined) => void;
}

const encoder = new TextEncoder();
const headers = {
  "cache-control": "no-cache, no-transform",
  // nginx would otherwise collect the stream
  "x-accel-buffering": "no",
};

export function eventStream(source: AsyncGenerator<unknown, void, undefined>, options: EventStreamOptions): Response {
  const { framing = openaiEvents } = options;
  let pending: Promise<IteratorResult<unknown, void>> | undefined;
  let isOver = false;
  const over = (how: WireError | "left" | undefined): boolean => {
    if (isOver) return false;
    isOver = true;
    options.onEnd(how);
    return true;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      pending ??= source.next();
      let timer: NodeJS.Timeout | undefined;
      const quiet = new Promise<"silence">(resolve => {
        if (framing.silence !== undefined) timer = setTimeout(() => resolve("silence"), options.heartbeatMs);
      });
      try {
        const got = await Promise.race([pending, quiet]);
        if (isOver) return;
        if (got === "silence") {
          send(framing.silence ?? "");
          return;
        }
        pending = undefined;
        if (!got.done) {
          send(framing.piece(got.value));
          return;
        }
        if (framing.end !== "") send(framing.end);
        over(undefined);
        controller.close();
      } catch (error) {
        const wire = options.onError(error);
        if (!over(wire)) return;
        send(framing.error(wire));
        controller.close();
      } finally {
        clearTimeout(timer);
      }
    },
    cancel() {
      pending?.catch(() => {});
      // cancelled first, so that whoever is told of the end finds nothing of it under way
      if (!isOver) options.onLeave();
      over("left");
      source.return().catch(() => {});
    },
  });
  return new Response(body, { headers: { ...headers, "content-type": framing.contentType } });
}
