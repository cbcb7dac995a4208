/** The application on a socket: start on a host and port, and an end in order (stop taking work, finish streams, close). */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { answerCors, corsRules, defined, type LastRequests, lastRequests } from "../base/index.ts";
import { serveErrors } from "./errors.ts";
import type { App } from "./http/app.ts";
import { limits } from "./limits.ts";

export interface ListenOptions {
  /** An address, or several separated by commas (127.0.0.1,::1), on the same port. 127.0.0.1 when absent: nobody but this machine. */
  readonly host?: string;
  /** 8080 when absent; 0 takes a free one. */
  readonly port?: number;
  /** Milliseconds in which a request's headers and body must have come, else 408 and the socket closes; `limits.requestMs` when absent. */
  readonly requestMs?: number;
  /** Pages of these origins may call the server; those of its own alone when absent. */
  readonly corsOrigins?: readonly string[];
  /** Prefix of paths that a proxy leaves in requests, `/llm`; it is cut off before anything looks at a path. None when absent. */
  readonly rootPath?: string;
}

export interface DrainOptions {
  /** How long streams in flight may go on; 25 s when absent, which fits the 30 s between SIGTERM and SIGKILL of most platforms. */
  readonly graceMs?: number;
  /** How long new connections are still taken, while readiness answers 503; 0 when absent. */
  readonly delayMs?: number;
  /** Waits for the delay and the grace period; for tests. */
  readonly wait?: LastRequests["wait"];
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Shuts down: readiness answers 503 at once and each answer closes its connection; after `delayMs` no connection is taken any more. What is in flight is
   * finished within the grace period and ended with an error after it, then engines close. Gives how many answers were cut off. Calling it again waits for the same end.
   */
  drain(options?: DrainOptions): Promise<{ readonly cutOff: number }>;
  /** Closes at once. */
  close(): Promise<void>;
}

const defaultPort = 8080;
const defaultGraceMs = 25_000;
/** Streams that were ended by an error get this long to say so before their sockets are destroyed. */
const lastWordsMs = 250;

/** Ends the engines and the application once no answer is under way, or the grace period is over. */
async function drained(app: App, graceMs: number, close: () => Promise<void>): Promise<{ readonly cutOff: number }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, Math.max(0, graceMs));
  });
  await Promise.race([app.engines.drain(), late]);
  clearTimeout(timer);
  const cutOff = app.engines.all().reduce((n, e) => n + e.stats().running + e.stats().queued, 0);
  await close();
  return { cutOff };
}

/** An application whose requests come by `fetch` alone, where a platform brings them and no socket is open. */
export function withoutPort(app: App): Listening {
  const close = async () => {
    await app.engines.close();
    app.close();
  };
  let draining: Promise<{ cutOff: number }> | undefined;
  return {
    host: "localhost",
    port: 0,
    url: "http://localhost",
    drain: ({ graceMs = defaultGraceMs } = {}) => {
      app.engines.leave();
      draining ??= drained(app, graceMs, close);
      return draining;
    },
    close,
  };
}

/** A prefix of paths without its last slash; "" for none. Errors: serve/parameter where it is no path. */
function rootPrefix(path: string): string {
  const prefix = path.replace(/\/+$/, "");
  if (prefix === "" || /^(\/[\w.~-]+)+$/.test(prefix)) return prefix;
  throw serveErrors.fail("parameter", {
    place: "root path",
    expected: "a path of letters, digits and - . _ ~, such as /llm",
    received: JSON.stringify(path),
  });
}

/** A request's path without the prefix, where it begins with it. */
const belowRoot = (url: string, prefix: string): string => {
  if (prefix === "" || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  return rest === "" || rest.startsWith("?") ? `/${rest}` : rest.startsWith("/") ? rest : url;
};

/** Starts listening. Errors: serve/portInUse names the port and what to try. */
export async function listen(app: App, options: ListenOptions = {}): Promise<Listening> {
  const { host = "127.0.0.1", port = defaultPort, requestMs = limits.requestMs, corsOrigins = [], rootPath = "" } = options;
  const cors = corsOrigins.length > 0 ? corsRules(corsOrigins) : undefined;
  const prefix = rootPrefix(rootPath);
  const hosts = host.split(",").map(name => name.trim());
  const [first = host] = hosts;
  const listener = getRequestListener((request, peer) => app.fetch(request, peer), { overrideGlobalObjects: false, hostname: first });
  const newServer = () => {
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        requestTimeout: requestMs,
        headersTimeout: requestMs,
        // how often Node looks; its 30 s would be half of the limit
        connectionsCheckingInterval: requestMs / 12,
        keepAliveTimeout: limits.keepAliveMs,
      },
      (incoming: IncomingMessage, outgoing: ServerResponse) => {
        incoming.url = belowRoot(incoming.url ?? "/", prefix);
        if (!cors || !answerCors(cors, incoming, outgoing)) void listener(incoming, outgoing);
      },
    );
    server.maxHeadersCount = limits.headerCount;
    return server;
  };
  const servers = hosts.map(newServer);
  const bound = await openedAll(servers, hosts, port);
  const shown = first.includes(":") ? `[${first}]` : first;

  const close = async () => {
    const closed = Promise.all(servers.map(closedServer));
    for (const server of servers) server.closeIdleConnections();
    await app.engines.close();
    app.close();
    const timer = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, lastWordsMs);
    await closed;
    clearTimeout(timer);
  };
  let draining: Promise<{ cutOff: number }> | undefined;
  const drain = async ({ graceMs = defaultGraceMs, delayMs = 0, wait }: DrainOptions) => {
    app.engines.leave();
    const until = performance.now() + delayMs + graceMs;
    await Promise.all(servers.map(server => lastRequests(server, { delayMs, graceMs, ...defined({ wait }) })));
    return drained(app, until - performance.now(), close);
  };
  return {
    host,
    port: bound,
    url: `http://${shown}:${bound}`,
    drain: (options = {}) => {
      draining ??= drain(options);
      return draining;
    },
    close,
  };
}

const closedServer = (server: Server): Promise<void> => new Promise(resolve => server.close(() => resolve()));

/** Opens each server at its host, all at the port of the first, and gives the port. Closes those that are open where one fails. */
async function openedAll(servers: readonly Server[], hosts: readonly string[], port: number): Promise<number> {
  let bound = port;
  const open: Server[] = [];
  try {
    for (const [i, server] of servers.entries()) {
      await opened(server, hosts[i]!, bound);
      open.push(server);
      bound = (server.address() as AddressInfo).port;
    }
  } catch (error) {
    await Promise.all(open.map(closedServer));
    throw error;
  }
  return bound;
}

function opened(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        reject(
          serveErrors.fail(
            "portInUse",
            {
              place: `port ${port}`,
              message: `another program listens on ${host}:${port}`,
              hint: `Stop it, or take another port: --port ${port < 65_535 ? port + 1 : 8080}, or --port 0 for any free one.`,
            },
            error,
          ),
        );
      else if (error.code === "EACCES" || error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
        reject(
          serveErrors.fail(
            "portInUse",
            {
              place: `${host}:${port}`,
              message: error.code === "EACCES" ? `port ${port} may not be used without special rights` : "this machine has no such address",
              hint: error.code === "EACCES" ? "Take a port above 1023." : "Use 127.0.0.1, or 0.0.0.0 for every address of the machine.",
            },
            error,
          ),
        );
      else reject(error);
    });
    server.listen(port, host, resolve);
  });
}
