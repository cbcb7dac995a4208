/**
 * An answer that comes in pieces, in a protocol's framing. Pull by pull, so a slow client slows its generation and fills no memory; a comment keeps a
 * silent stream open where the framing has comments.
 */
import type { WireError } from "../wire-error.ts";
import { type Framing, openaiEvents } from "./framing.ts";

interface EventStreamOptions {
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

export function eventStreamResponse(source: AsyncGenerator<unknown, void, undefined>, options: EventStreamOptions): Response {
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
