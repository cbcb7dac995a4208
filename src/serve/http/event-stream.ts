/**
 * Server-sent events in OpenAI's form: `data: <json>`, at the end `data: [DONE]`; an error is an event with an `error` object, after which the
 * stream closes. Pull by pull, so a slow client slows its generation and fills no memory; a comment line keeps a silent stream open.
 */
import type { WireError } from "./wire-error.ts";

export interface EventStreamOptions {
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
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // nginx would otherwise collect the stream
  "x-accel-buffering": "no",
};

export function eventStream(source: AsyncGenerator<unknown, void, undefined>, options: EventStreamOptions): Response {
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
      const silence = new Promise<"silence">(resolve => {
        timer = setTimeout(() => resolve("silence"), options.heartbeatMs);
      });
      try {
        const got = await Promise.race([pending, silence]);
        if (isOver) return;
        if (got === "silence") {
          send(": still working\n\n");
          return;
        }
        pending = undefined;
        if (!got.done) {
          send(`data: ${JSON.stringify(got.value)}\n\n`);
          return;
        }
        send("data: [DONE]\n\n");
        over(undefined);
        controller.close();
      } catch (error) {
        const wire = options.onError(error);
        if (!over(wire)) return;
        send(`data: ${JSON.stringify(wire.body)}\n\n`);
        controller.close();
      } finally {
        clearTimeout(timer);
      }
    },
    cancel() {
      pending?.catch(() => {});
      if (over("left")) options.onLeave();
      source.return().catch(() => {});
    },
  });
  return new Response(body, { headers });
}
