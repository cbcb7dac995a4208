/** An answer that is passed through as it comes: bounded, and cut off rather than shortened. */

import { commonThresholdHeader, tensorHeader } from "../../protocols/index.ts";
import type { End, GatewayExchange } from "../http/exchange.ts";
import type { HeaderReader } from "../http/node-request.ts";
import type { Identity } from "../identity/contract.ts";
import type { GatewayPorts } from "../ports.ts";
import type { UpstreamReply } from "../upstreams/call.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { Ended, Upstream } from "../upstreams/upstream.ts";
import type { PassedRequest } from "./passed-request.ts";

/** One request while it is passed through. */
export interface PassUnderWay extends PassedRequest {
  readonly gateway: GatewayPorts;
  readonly exchange: GatewayExchange;
  readonly headers: HeaderReader;
  readonly identity: Identity;
  readonly stop: Stop;
  readonly hangUp: (() => void) | undefined;
  readonly end: (how: End) => void;
  readonly upstream: Upstream;
  /** Of the body, where it was read. */
  readonly text: string | undefined;
}

/** Of the answer's, what says how to read it. */
const answerHeaders = [
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-length",
  tensorHeader,
  commonThresholdHeader,
  "cache-control",
  "etag",
  "last-modified",
  "retry-after",
  "retry-after-ms",
];

/** Headers by these names, where they are there. */
export const picked = (names: readonly string[], more: readonly string[], get: (name: string) => string | null | undefined) => {
  const found: Record<string, string> = {};
  for (const name of [...names, ...more]) {
    const value = get(name);
    if (value !== null && value !== undefined) found[name] = value;
  }
  return found;
};

/** What belongs to the bytes as the upstream wrote them. */
const ofBytes = ["content-length", "etag"];

/** `isChanged`: the body is not as the upstream wrote it. */
export function passedHeaders({ exchange, pass }: PassUnderWay, reply: UpstreamReply, isChanged = false): Record<string, string> {
  const names = isChanged ? answerHeaders.filter(name => !ofBytes.includes(name)) : answerHeaders;
  return {
    ...picked(names, pass.answerHeaders, name => reply.headers.get(name)),
    // nginx would otherwise collect a stream
    "x-accel-buffering": "no",
    ...exchange.reservation?.headers(),
    "x-loam-target": pass.upstream,
  };
}

/** The answer as it comes; what breaks off, is too much or is not taken ends with its connection, so that nobody takes it for whole. */
export function streamOf(
  { pass, hangUp, end, stop, gateway }: PassUnderWay,
  reply: UpstreamReply,
  note: (end: { readonly how: Ended; readonly said: string; readonly failure?: UpstreamFailure }) => void,
): ReadableStream<Uint8Array> {
  const { readerMs } = gateway.config;
  let slow: NodeJS.Timeout | undefined;
  let size = 0;
  const cut = (controller: ReadableStreamDefaultController<Uint8Array>, why: UpstreamFailure) => {
    if (hangUp) hangUp();
    else controller.error(why);
  };
  const broken = (controller: ReadableStreamDefaultController<Uint8Array>, failure: UpstreamFailure) => {
    reply.cancel();
    note({ how: failure.isFault ? "failed" : "unknown", said: failure.kind, failure });
    end({ status: reply.status, error: failure.kind.endsWith("Timeout") ? "gateway/timeout" : "gateway/cut" });
    cut(controller, failure);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(slow);
        try {
          const piece = await reply.read();
          if (piece === undefined) {
            note({ how: "answered", said: "answered" });
            end({ status: reply.status });
            return controller.close();
          }
          if (piece === "waiting") return;
          size += piece.length;
          if (size > pass.answerBytes) return broken(controller, new UpstreamFailure("tooLarge", `more than ${pass.answerBytes} bytes`));
          controller.enqueue(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
        } catch (error) {
          const failure = error instanceof UpstreamFailure ? error : new UpstreamFailure("cut", String(error), { cause: error });
          return broken(controller, failure);
        }
        slow = setTimeout(() => {
          reply.cancel();
          note({ how: "unknown", said: "left" });
          end({ status: 499, error: "gateway/slowReader" });
          cut(controller, new UpstreamFailure("left", `nothing was taken for ${readerMs} ms`));
        }, readerMs);
      },
      cancel() {
        clearTimeout(slow);
        reply.cancel();
        note({ how: "unknown", said: stop.reason?.kind ?? "left" });
        end({ status: 499, error: "gateway/cancelled" });
      },
    },
    { highWaterMark: 0 },
  );
}
