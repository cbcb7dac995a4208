/** The client's connection as steps know it: when it closes before its answer, and how to close it. */
import type { AnyRequest } from "../http/node-request.ts";
import { UpstreamFailure } from "../upstreams/failure.ts";
import { Stop } from "../upstreams/stop.ts";

/** What the socket's side tells, where there is one. */
export interface Peer {
  readonly outgoing?: {
    destroy(): void;
    once(event: "close", listener: () => void): void;
    readonly writableFinished: boolean;
    readonly destroyed?: boolean;
  };
  readonly incoming?: {
    readonly socket: { readonly remoteAddress?: string | undefined };
    readonly url?: string | undefined;
    readonly rawHeaders?: readonly string[];
  };
}

/** Wished when the client's connection closes before its answer is whole. */
export function stopOnClose(request: AnyRequest, peer: Peer | undefined): Stop {
  const stop = new Stop();
  const gone = () => stop.stop(new UpstreamFailure("left", "the client left"));
  const outgoing = peer?.outgoing;
  if (outgoing?.destroyed) gone();
  else if (outgoing)
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) gone();
    });
  else if (!("signal" in request)) return stop;
  else if (request.signal.aborted) gone();
  else request.signal.addEventListener("abort", gone, { once: true });
  return stop;
}
