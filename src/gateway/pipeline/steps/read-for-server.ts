/** The request as the server behind the gateway is given it. */

import { callerHeader, ownerHeader } from "../../../protocols/index.ts";
import { contentBytes } from "../../http/ask.ts";
import { ownerValue } from "../../owners/owner.ts";
import type { Adds, ReadsWeb } from "../step.ts";

/** Of the request: credentials are the gateway's, not the server's; the caller is whom the gateway names; and the body goes on decoded. */
const ungiven = ["authorization", "x-api-key", "api-key", "cookie", callerHeader, ownerHeader, "content-encoding", "content-length"];

/** Errors: gateway/tooLarge, body, mediaType, cancelled. */
export async function readForServer({ gateway, request, exchange, identity }: ReadsWeb<"identity">): Promise<Adds<"served">> {
  const bytes = request.body ? await contentBytes(request) : undefined;
  const headers = new Headers(request.headers);
  for (const name of ungiven) headers.delete(name);
  headers.set(ownerHeader, ownerValue(gateway.control, identity));
  if (gateway.callers) headers.set(callerHeader, gateway.callers.note(identity, request.headers.get("x-loam-data-class")));
  headers.set("x-request-id", exchange.id);
  const { url, method, signal } = request;
  // its bytes are a buffer's, never a shared one's
  const body = (bytes ?? null) as Uint8Array<ArrayBuffer> | null;
  return { served: { request: new Request(url, { method, headers, signal, body }), sizeBytes: bytes?.length ?? 0 } };
}
