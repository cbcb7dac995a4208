/** Who sends the request: by its signature, its credentials, a browser's session or the connection's certificate. */
import { receivedBytes } from "../../http/ask.ts";
import { isSigned } from "../../http/is-signed.ts";
import type { AnyRequest } from "../../http/node-request.ts";
import { ReadyAnswer } from "../../http/wire-error.ts";
import type { Authentication, SignedWire } from "../../identity/contract.ts";
import { ambiguous, credentialsOf } from "../../identity/credentials.ts";
import type { Peer } from "../client-connection.ts";
import type { Adds, Arrival, Reads } from "../step.ts";

type Identified = Adds<"identity">;

/** Errors: an answer of 401 or 503 with its challenge, whose detail goes to the log alone; session/forgery; of a signed body gateway/tooLarge, cancelled. */
export function identify(x: Reads<never>): Identified | Promise<Identified> {
  const { gateway, request, headers, exchange } = x;
  const { control } = gateway;
  // Node's own requests are not signed: `listenGateway` has looked
  if (request instanceof Request && isSigned(gateway, () => headers)) return identifySigned(x, request);
  const credentials = credentialsOf(name => headers.get(name));
  if ("status" in credentials) return identified(x, { refusal: credentials });
  const byCookie = credentials.token === undefined ? control.sessionOf?.(name => headers.get(name), exchange.method) : undefined;
  if (byCookie) {
    if (exchange.method === "GET") exchange.isPageRead = true;
    return identified(x, { identity: byCookie });
  }
  const { certificate } = exchange;
  const answer = control.authenticate(certificate === undefined ? credentials : { ...credentials, certificate });
  return answer instanceof Promise ? answer.then(a => identified(x, a)) : identified(x, answer);
}

/** As it came over the wire; without a socket as the request says. */
function wireOf(request: Request, peer: Peer | undefined): SignedWire {
  const url = new URL(request.url);
  return {
    method: request.method,
    target: peer?.incoming?.url ?? `${url.pathname}${url.search}`,
    rawHeaders: peer?.incoming?.rawHeaders ?? [...request.headers].flat(),
  };
}

/** By AWS Signature Version 4. A body that had to be read for that is there to be read again. */
async function identifySigned(x: Arrival, request: Request): Promise<Identified> {
  const { gateway, headers, peer } = x;
  let bytes: Promise<Uint8Array> | undefined;
  const body = (): Promise<Uint8Array> => {
    bytes ??= request.body ? Promise.resolve(receivedBytes(request)) : Promise.resolve(new Uint8Array());
    return bytes;
  };
  const isBoth = headers.has("x-api-key") || headers.has("api-key");
  const added = identified(
    x,
    isBoth ? { refusal: ambiguous } : await gateway.control.authenticate({ signed: { wire: wireOf(request, peer), body } }),
  );
  if (!bytes || !request.body) return added;
  const { method, url, signal } = request;
  // its bytes are a buffer's, never a shared one's
  const again: AnyRequest = new Request(url, { method, headers: request.headers, signal, body: (await bytes) as Uint8Array<ArrayBuffer> });
  return { ...added, request: again };
}

function identified({ exchange }: Arrival, { identity, refusal }: Authentication): Identified {
  if (identity) {
    exchange.identity = identity;
    return { identity };
  }
  exchange.detail = refusal.detail;
  const isLate = refusal.status === 503;
  throw new ReadyAnswer({
    status: refusal.status,
    ours: isLate ? "gateway/unavailable" : "gateway/unauthenticated",
    body: JSON.stringify({
      error: {
        message: refusal.message,
        type: isLate ? "server_error" : "authentication_error",
        param: null,
        code: isLate ? "service_unavailable" : "invalid_api_key",
      },
    }),
    headers: isLate ? { "retry-after": "5" } : { "www-authenticate": refusal.challenge },
  });
}
