/** The gateway on a socket, and its end in order: no new work, answers under way are finished, what lasts too long is told so, then sockets close. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, Server as NetServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { answerCors, corsRules, lastRequests } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { openTls } from "../transport/tls.ts";
import { directAddresses } from "./app.ts";
import { directly } from "./direct.ts";
import { isSigned } from "./is-signed.ts";
import { gatewayBounds } from "./limits.ts";
import { NodeHeaders } from "./node-request.ts";
import { gatewayWireError } from "./wire-error.ts";

interface GatewayDrainOptions {
  /** 25 s when absent, of the 30 s that platforms give. */
  readonly graceMs?: number;
  /** 0 when absent. */
  readonly delayMs?: number;
}

export interface GatewayListening {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Shuts down: not ready at once; takes no connection after `delayMs`; finishes what is under way within `graceMs` of that, and closes. */
  drain(options?: GatewayDrainOptions): Promise<{ readonly cutOff: number }>;
  /**
   * For another process that listens on the same socket: takes no new connection, still answers on those that are there, each answer the last of its
   * own, and drains when they are gone or have been idle for so long; streams have as long as any request.
   */
  handOver(idleMs?: number): Promise<{ readonly cutOff: number }>;
}

const defaultGraceMs = 25_000;
/** Streams that were ended by an error get this long to say so. */
const lastWordsMs = 250;

interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** Changed files of `listen.tls`: taken up (undefined), or why not. */
  readonly onTls?: (error: unknown) => void;
  /** Milliseconds in which a request's headers and body must have come; `limits.requestMs` when absent. */
  readonly requestMs?: number;
}

function refuseHeaders(outgoing: ServerResponse): void {
  const expected = `at most ${gatewayBounds.headerCount}`;
  const { status, body } = gatewayWireError(gatewayErrors.fail("headers", { place: "headers", expected, received: "more" }), "");
  outgoing.writeHead(status, { "content-type": "application/json", connection: "close" }).end(body);
}

/** Errors: gateway/portInUse. */
const bound = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        gatewayErrors.fail(
          "portInUse",
          {
            place: `${host}:${port}`,
            message: error.code === "EADDRINUSE" ? "another program listens there" : `it cannot be used (${error.code})`,
            hint: "Stop it, or take another port: --port 0 for any free one.",
          },
          error,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });

/** Errors: gateway/portInUse; gateway/config where the files of `listen.tls` are not what they should be. */
export async function listenGateway(
  gateway: Gateway,
  { host, port, onTls, requestMs = gatewayBounds.requestMs }: ListenAt,
): Promise<GatewayListening> {
  const { listen, folder } = gateway.config;
  const tls = listen.tls && (await openTls(listen.tls, folder));
  gateway.certificateOf = tls?.certificateOf;
  const listener = getRequestListener(
    (request, env) => gateway.fetch(request, env as { incoming: IncomingMessage; outgoing: ServerResponse }),
    { hostname: host },
  );
  const direct = directly(gateway, directAddresses);
  const options = {
    maxHeaderSize: gatewayBounds.headerBytes,
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: requestMs / 12,
    keepAliveTimeout: gatewayBounds.keepAliveMs,
  };
  const cors = listen.corsOrigins.length > 0 ? corsRules(listen.corsOrigins) : undefined;
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (cors && answerCors(cors, incoming, outgoing)) return;
    if (incoming.rawHeaders.length > 2 * gatewayBounds.headerCount) refuseHeaders(outgoing);
    else if (isSigned(gateway, () => new NodeHeaders(incoming.rawHeaders)) || !direct(incoming, outgoing))
      void listener(incoming, outgoing);
  };
  const secure = tls && createSecureServer({ ...options, ...tls.options, handshakeTimeout: gatewayBounds.handshakeMs }, handle);
  const server: Server = secure ?? createServer(options, handle);
  const unfollow = secure && tls.follow(secure, onTls ?? (() => {}));
  // one more than is taken, so that too many are seen; node leaves the rest away in silence
  server.maxHeadersCount = gatewayBounds.headerCount + 1;
  await bound(server, host, port);
  const own = (server.address() as AddressInfo).port;
  const shown = host.includes(":") ? `[${host}]` : host;
  let draining: Promise<{ readonly cutOff: number }> | undefined;
  const drain = async (graceMs: number, delayMs: number) => {
    gateway.leave();
    const until = performance.now() + delayMs + graceMs;
    await lastRequests(server, { delayMs, graceMs });
    const { cutOff } = await gateway.drain(Math.max(0, until - performance.now()));
    unfollow?.();
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    gateway.cutOff();
    const timer = setTimeout(() => server.closeAllConnections(), lastWordsMs);
    await closed;
    clearTimeout(timer);
    await gateway.close();
    return { cutOff };
  };
  const handOver = async (idleMs: number) => {
    gateway.leave();
    // not http's own close, which ends idle connections at once: a request may be on its way on one
    const gone = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
    const timer = new AbortController();
    await Promise.race([gone, sleep(idleMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    return drain(gateway.config.totalMs, 0);
  };
  return {
    host,
    port: own,
    url: `${tls ? "https" : "http"}://${shown}:${own}`,
    drain: ({ graceMs = defaultGraceMs, delayMs = 0 } = {}) => {
      draining ??= drain(graceMs, delayMs);
      return draining;
    },
    handOver: (idleMs = gatewayBounds.handOverIdleMs) => {
      draining ??= handOver(idleMs);
      return draining;
    },
  };
}
