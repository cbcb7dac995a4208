/** A kept answer given again, whole or as the stream that it was; and an answer that is kept while it is given for the first time. */
import { isUtf8 } from "node:buffer";
import type { AdmittedRequest } from "../http/admitted-request.ts";
import type { Answer, End } from "../http/exchange.ts";
import type { KeptAnswer } from "./store.ts";

/** Of a stream that is given again, what goes at once. */
const pieceBytes = 32 * 1024;

/** What keeps a connection open says nothing of an answer. */
const waiting = ": waiting\n\n";

/** The events of a kept stream. A client that takes nothing for too long, or leaves, is told of by `end`, as with any other stream. */
export function replayed(x: AdmittedRequest, body: string, end: (how: Pick<End, "status" | "error">) => void): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(body);
  const { readerMs } = x.runtime.config;
  let at = 0;
  let slow: NodeJS.Timeout | undefined;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        clearTimeout(slow);
        if (at >= bytes.length) {
          end({ status: 200 });
          return controller.close();
        }
        controller.enqueue(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
        at += pieceBytes;
        slow = setTimeout(() => {
          end({ status: 499, error: "gateway/slowReader" });
          if (x.hangUp) x.hangUp();
          else controller.error(new Error(`nothing was taken for ${readerMs} ms`));
        }, readerMs);
      },
      cancel() {
        clearTimeout(slow);
        end({ status: 499, error: "gateway/cancelled" });
      },
    },
    { highWaterMark: 0 },
  );
}

export const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

interface Recording {
  /** Most bytes that are kept; a longer answer is passed on and not kept. */
  readonly mostBytes: number;
  /** The whole text, when the stream has ended. */
  onWhole(text: string): void;
  /** It will not be whole: too long, not UTF-8, or its client left. */
  onBroken(why: "left" | "unfit"): void;
}

/** The same stream, written down as its client takes it. */
export function recorded(answer: Answer & { readonly body: ReadableStream<Uint8Array> }, recording: Recording): Answer {
  const reader = answer.body.getReader();
  let parts: Uint8Array[] | undefined = [];
  let size = 0;
  const broken = (why: "left" | "unfit") => {
    if (parts === undefined) return;
    parts = undefined;
    recording.onBroken(why);
  };
  const take = (piece: Uint8Array) => {
    if (parts === undefined || (piece.length === waiting.length && Buffer.from(piece).toString("latin1") === waiting)) return;
    size += piece.length;
    if (size > recording.mostBytes) broken("unfit");
    else parts.push(piece);
  };
  const whole = () => {
    if (parts === undefined) return;
    const bytes = Buffer.concat(parts);
    if (!isUtf8(bytes)) return broken("unfit");
    parts = undefined;
    recording.onWhole(bytes.toString("utf8"));
  };
  return {
    ...answer,
    body: new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (done) {
              whole();
              return controller.close();
            }
            take(value);
            controller.enqueue(value);
          } catch (error) {
            broken("left");
            throw error;
          }
        },
        cancel(reason) {
          broken("left");
          return reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    ),
  };
}

/** Seconds since it was given first. */
export const ageOf = (kept: KeptAnswer, nowMs: number): number => Math.max(0, Math.floor((nowMs - kept.atMs) / 1000));
