/** Sockets as ranks use them: read to a length and no further, encrypted off loopback, probed by the system. */
import { createHmac } from "node:crypto";
import { lookup } from "node:dns/promises";
import { BlockList, connect, createServer, isIPv6, type Server, type Socket } from "node:net";
import { connect as connectSecurely, createSecureContext, TLSSocket } from "node:tls";
import { ranksErrors } from "../errors.ts";
import { probeConnection } from "../native.ts";

export interface RankAddress {
  readonly host: string;
  readonly port: number;
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** `host:port`, with the host as an IP address. Errors: `ranks/argument`, `ranks/transport`. */
export async function parseRankAddress(text: string): Promise<RankAddress> {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65535)
    throw ranksErrors.fail("argument", { place: "address of rank 0", expected: "HOST:PORT, such as 10.0.0.1:29500", received: text });
  try {
    return { host: (await lookup(found[1] ?? found[2]!)).address, port };
  } catch (cause) {
    throw ranksErrors.fail("transport", { place: text, expected: "a host", received: (cause as Error).message }, cause);
  }
}

export const isLoopbackAddress = (host: string): boolean => loopback.check(host, isIPv6(host) ? "ipv6" : "ipv4");

/**
 * TLS 1.2 with a shared key and a fresh exchange of keys (RFC 5489, RFC 7905): both sides prove that they have the secret, recorded traffic stays closed
 * even if the secret comes out later, and neither certificates nor a protocol of our own are needed.
 */
const secureOptions = { ciphers: "ECDHE-PSK-CHACHA20-POLY1305", minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
const identity = "loam-ranks";
const sharedKey = (secret: string): Buffer => createHmac("sha256", secret).update("loam ranks: key of TLS").digest();

/** The system's number of a socket, for which Node has no name. */
export function fileOf(socket: Socket): number | undefined {
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

/** Settings of a connection that every rank has, on either side. */
function prepare(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 1000);
  const file = fileOf(socket);
  if (file !== undefined) probeConnection(file);
}

/** A connection or its handshake takes no longer. */
const openMs = 5000;

const opened = (socket: Socket, event: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error("the connection was not answered")), openMs);
    const fail = (error: Error) => {
      clearTimeout(late);
      socket.destroy();
      reject(error);
    };
    socket.once("error", fail);
    // what a server's side of TLS calls an error before it is open
    socket.once("_tlsError", fail);
    socket.once("close", () => fail(new Error("the connection was closed")));
    socket.once(event, () => {
      clearTimeout(late);
      resolve(socket);
    });
  });

/** Connects to a rank. */
export async function connectToRank({ host, port }: RankAddress, secret: string, isSecure: boolean): Promise<Socket> {
  const socket = connect({ host, port });
  await opened(socket, "connect");
  prepare(socket);
  if (!isSecure) return socket;
  const secured = connectSecurely({
    socket,
    ...secureOptions,
    pskCallback: () => ({ psk: sharedKey(secret), identity }),
    // the shared key says who the other side is
    checkServerIdentity: () => undefined,
  });
  await opened(secured, "secureConnect");
  return secured;
}

/** The other side of `openConnection`. */
export async function acceptConnection(socket: Socket, secret: string, isSecure: boolean): Promise<Socket> {
  prepare(socket);
  if (!isSecure) return socket;
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: createSecureContext(secureOptions),
    // TLSSocket takes it as tls.Server does; its type leaves it out
    ...{ pskCallback: (_: Socket, name: string) => (name === identity ? sharedKey(secret) : null) },
  });
  await opened(secured, "secure");
  return secured;
}

/** Listens; port 0 is any. Errors: `ranks/transport`. */
export function listenAt({ host, port }: RankAddress, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        ranksErrors.fail(
          "transport",
          {
            place: `${host}:${port}`,
            expected: "an address of this host to listen at",
            received: cause.code === "EADDRINUSE" ? "one that another program uses" : cause.message,
            hint: "Choose another address for rank 0.",
          },
          cause,
        ),
      ),
    );
    server.listen({ host, port }, () => resolve(server));
  });
}

export const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
};

/** The next `bytes` of a connection, and none after them. Rejects when it ends before. */
export function readExactly(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const over = (error: Error | undefined, found?: Buffer) => {
      socket.off("readable", look).off("end", ended).off("close", ended).off("error", ended);
      if (found) resolve(found);
      else reject(error);
    };
    const ended = (cause?: unknown) => over(cause instanceof Error ? cause : new Error("the connection was closed"));
    const look = () => {
      const found: unknown = socket.read(bytes);
      if (found instanceof Buffer && found.length === bytes) over(undefined, found);
      else if (found !== null || socket.readableEnded) ended();
    };
    socket.on("readable", look).on("end", ended).on("close", ended).on("error", ended);
    look();
  });
}
