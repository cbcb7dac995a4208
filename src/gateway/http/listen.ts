/** The gateway on a socket, and its end in order: no new work, answers under way are finished, what lasts too long is told so, then sockets close. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { modelPlaces } from "./app.ts";
import { directly } from "./direct.ts";
import { limits } from "./limits.ts";

export interface GatewayListening {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Finishes what is under way, within the time (25 s when absent, of the 30 s that platforms give), and closes. */
  drain(graceMs?: number): Promise<{ readonly cutOff: number }>;
}

const defaultGraceMs = 25_000;
/** Streams that were ended by an error get this long to say so. */
const lastWordsMs = 250;

/** Errors: gateway/portInUse. */
export async function listenGateway(gateway: Gateway, at: { readonly host: string; readonly port: number }): Promise<GatewayListening> {
  const { host, port } = at;
  const listener = getRequestListener(
    (request, env) => gateway.fetch(request, env as { incoming: IncomingMessage; outgoing: ServerResponse }),
    { hostname: host },
  );
  const direct = directly(gateway, modelPlaces(gateway));
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      headersTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.requestMs / 12,
      keepAliveTimeout: limits.keepAliveMs,
    },
    (incoming: IncomingMessage, outgoing: ServerResponse) => {
      if (!direct(incoming, outgoing)) void listener(incoming, outgoing);
    },
  );
  server.maxHeadersCount = limits.headerCount;
  await new Promise<void>((resolve, reject) => {
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
  const own = (server.address() as AddressInfo).port;
  const shown = host.includes(":") ? `[${host}]` : host;
  let draining: Promise<{ readonly cutOff: number }> | undefined;
  const drain = async (graceMs: number) => {
    const { cutOff } = await gateway.drain(graceMs);
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    gateway.cutOff();
    const timer = setTimeout(() => server.closeAllConnections(), lastWordsMs);
    await closed;
    clearTimeout(timer);
    await gateway.close();
    return { cutOff };
  };
  return {
    host,
    port: own,
    url: `http://${shown}:${own}`,
    drain: (graceMs = defaultGraceMs) => {
      draining ??= drain(graceMs);
      return draining;
    },
  };
}
