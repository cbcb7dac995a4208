/**
 * Which web pages of other origins may call a server (Fetch standard, CORS protocol). Answered before the application sees a request. Cookies are never allowed
 * with such requests, so that a console's login does not count for another page; keys in headers are.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface CorsRules {
  allows(origin: string): boolean;
}

const ownNames: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
const isOwn = (origin: string): boolean =>
  URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol) && ownNames.includes(new URL(origin).hostname);

/** `origins`: each as `corsOrigin` takes it. */
export function corsRules(origins: readonly string[]): CorsRules {
  const named = new Set(origins);
  return { allows: origin => named.has("*") || named.has(origin) || (named.has("localhost") && isOwn(origin)) };
}

/** HEAD needs no leave (Fetch standard: CORS-safelisted method). */
const methods = "GET, POST, DELETE, OPTIONS";
/** Seconds for which a browser need not ask again. */
const rememberedSeconds = "600";

/** Adds what the browser wants to see to a response; answers a preflight request whole, and is true then. */
export function answerCors({ allows }: CorsRules, incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  const { origin, "access-control-request-method": asked, "access-control-request-headers": headers } = incoming.headers;
  if (origin === undefined) return false;
  outgoing.setHeader("vary", "origin");
  const isAllowed = allows(origin);
  if (isAllowed) {
    outgoing.setHeader("access-control-allow-origin", origin);
    outgoing.setHeader("access-control-expose-headers", "*");
  }
  if (incoming.method !== "OPTIONS" || asked === undefined) return false;
  if (isAllowed) {
    outgoing.setHeader("access-control-allow-methods", methods);
    // a star does not cover `authorization`
    if (headers !== undefined) outgoing.setHeader("access-control-allow-headers", headers);
    // a page of the internet that calls this machine
    if (incoming.headers["access-control-request-private-network"] === "true")
      outgoing.setHeader("access-control-allow-private-network", "true");
    outgoing.setHeader("access-control-max-age", rememberedSeconds);
  }
  // 200, as llama.cpp's server: proxies and older browsers take 204 for a failure
  outgoing.writeHead(200, { "content-length": "0" }).end();
  return true;
}
