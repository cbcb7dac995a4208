/**
 * Requests for a model answered on node's own objects: the same steps and the same answer as by way of Hono, at a third of what the Web's
 * Request and Response cost. What is unusual (a body without a length, a long one, another method or address) goes the common way.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GatewayPorts } from "../ports.ts";
import { type Address, answerRequest, type Ending, type Written } from "./answer-request.ts";
import type { End } from "./exchange.ts";
import type { ModelFields } from "./model-addresses.ts";
import { type AnyRequest, NodeRequest } from "./node-request.ts";

/** A declared body up to this size; node reads and drops so much where a request is refused before its body was read. */
const mostBytes = 1024 * 1024;

type DirectAddress = Address<AnyRequest, ModelFields>;
type DirectAddresses = ReadonlyMap<string, DirectAddress>;

/** Until a stream's client has taken what was written, or left. */
const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise(resolve => {
    const end = () => {
      outgoing.off("drain", end);
      outgoing.off("close", end);
      resolve();
    };
    outgoing.on("drain", end);
    outgoing.on("close", end);
  });

async function pipe(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const left = () => void reader.cancel().catch(() => {});
  outgoing.once("close", left);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (outgoing.destroyed) return;
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.off("close", left);
    outgoing.end();
  } catch {
    // a body that breaks off is one whose connection does: its client must not take it for whole
    outgoing.destroy();
  }
}

function write({ status, headers, body }: Written, outgoing: ServerResponse): void {
  const isStream = body instanceof ReadableStream;
  if (!isStream) headers.push("content-length", String(typeof body === "string" ? Buffer.byteLength(body) : body.byteLength));
  outgoing.writeHead(status, headers);
  if (!isStream) outgoing.end(body);
  else {
    outgoing.flushHeaders();
    void pipe(body, outgoing);
  }
}

/** Answers where the request is one of these; false where it must go the common way. */
export function directly(
  gateway: GatewayPorts,
  addresses: DirectAddresses,
): (incoming: IncomingMessage, outgoing: ServerResponse) => boolean {
  const answer = async (address: DirectAddress, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    // what is counted at the end need not be waited for by the client
    let isWritten = false;
    let later: (() => void) | undefined;
    // node tells of the headers before it has read on: now a body that came with them is there
    await undefined;
    const request = new NodeRequest(incoming);
    const ending: Ending = counted => (end: End) => {
      if (isWritten) counted(end);
      else later ??= () => counted(end);
    };
    try {
      const given = await answerRequest(gateway, address, request, { incoming, outgoing }, ending);
      if (outgoing.destroyed) {
        if (given.body instanceof ReadableStream) await given.body.cancel();
      } else write(given, outgoing);
    } catch (error) {
      gateway.onFailure(error, "");
      outgoing.destroy();
    } finally {
      isWritten = true;
      later?.();
      request.answered();
    }
  };
  return (incoming, outgoing) => {
    if (incoming.method !== "POST") return false;
    const address = addresses.get(incoming.url!);
    const declared = Number(incoming.headers["content-length"] ?? Number.NaN);
    if (!address || !(declared <= mostBytes)) return false;
    void answer(address, incoming, outgoing);
    return true;
  };
}
