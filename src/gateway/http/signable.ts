/**
 * Requests that are signed instead of carrying a key (AWS Signature Version 4), before whatever answers them: who has signed is known then, and a
 * body that had to be read for that is there to be read again. They go the common way, since a signature is of the request as it was sent.
 */
import type { Signed } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import { ambiguous } from "../identity/credentials.ts";
import { algorithm } from "../identity/sigv4.ts";
import { receivedBytes } from "./ask.ts";
import type { Handle, Peer } from "./ask-model.ts";
import type { HeaderReader } from "./node-request.ts";

/** Headers are looked at only where signatures are let in. */
export const isSigned = ({ control }: Gateway, headers: () => HeaderReader): boolean =>
  control.access().sigv4 !== undefined && (headers().get("authorization")?.startsWith(algorithm) ?? false);

/** As it came over the wire; without a socket as the request says. */
function wireOf(request: Request, peer: Peer | undefined): Signed["wire"] {
  const url = new URL(request.url);
  return {
    method: request.method,
    target: peer?.incoming?.url ?? `${url.pathname}${url.search}`,
    rawHeaders: peer?.incoming?.rawHeaders ?? [...request.headers].flat(),
  };
}

/** Errors: those of the handler; of the body gateway/tooLarge, cancelled. */
export const signable =
  (gateway: Gateway, handle: Handle): Handle =>
  async (request, exchange, end, peer) => {
    const { headers } = request;
    if (!isSigned(gateway, () => headers)) return handle(request, exchange, end, peer);
    let bytes: Promise<Uint8Array> | undefined;
    const body = (): Promise<Uint8Array> => {
      bytes ??= request.body ? Promise.resolve(receivedBytes(request)) : Promise.resolve(new Uint8Array());
      return bytes;
    };
    const isBoth = headers.has("x-api-key") || headers.has("api-key");
    exchange.signed = isBoth
      ? { refusal: ambiguous }
      : await gateway.control.authenticate({ signed: { wire: wireOf(request, peer), body } });
    if (!bytes || !request.body) return handle(request, exchange, end, peer);
    const { method, url, signal } = request;
    const again = new Request(url, { method, headers, signal, body: (await bytes) as Uint8Array<ArrayBuffer> });
    return handle(again, exchange, end, peer);
  };
