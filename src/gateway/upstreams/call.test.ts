/** Connections to upstreams, beside real sockets. */
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { connectTo } from "./call.ts";
import { Stop } from "./stop.ts";

test("an upstream that closes its connection while the client is slow loses no byte and does not end the gateway", async () => {
  // as much as is held for a slow client: reading pauses after the last byte
  const size = 65_536;
  let hasClosed: () => void;
  const closed = new Promise<void>(resolve => {
    hasClosed = resolve;
  });
  const server = createServer(socket => {
    socket.on("error", () => {}).on("close", hasClosed);
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, "a"));
      setTimeout(() => socket.end(), 100);
    });
  }).listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  const { port } = server.address() as { readonly port: number };
  const connection = connectTo({ origin: `http://127.0.0.1:${port}`, network: "any", connections: 1 });
  onTestFinished(async () => {
    await connection.close();
    server.close();
  });
  const deadlines = { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000 };
  const reply = await connection.call({ method: "GET", path: "/", headers: {}, deadlines, stop: new Stop() });
  await closed;
  let bytes = 0;
  for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) bytes += piece.length;
  expect(bytes).toBe(size);
});
