/** A server that closes its connection under a reader that waits: without the guard undici ends the process. */
import { execFile } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer, type Socket } from "node:net";
import { fetch as undiciFetch } from "undici";
import { expect, onTestFinished, test } from "vitest";
import { guardPausedResponses } from "./undici-guard.ts";

/** What is announced of the end, and how it comes. */
type Ending = "length" | "close" | "short" | "reset" | "keep-alive";
/** As much as `fetch` takes before its reader does, and one segment on a loopback. */
const size = 16_384;

const respond = (ending: Ending) => (socket: Socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    const length = ending === "close" || ending === "reset" ? "" : `Content-Length: ${ending === "short" ? size + 1 : size}\r\n`;
    socket.write(`HTTP/1.1 200 OK\r\n${ending === "keep-alive" ? "" : "Connection: close\r\n"}${length}\r\n`);
    socket.write(Buffer.alloc(size, "a"));
    // its reader has paused by then, as a rule; if not, the response is whole all the same
    setTimeout(() => (ending === "reset" ? socket.resetAndDestroy() : socket.end()), 100);
  });
};

async function serve(ending: Ending): Promise<string> {
  const server = createServer(respond(ending)).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise(resolve => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as { readonly port: number }).port}/`;
}

/** Reads when the connection to `url` is over: the bytes, or the error's code. */
async function readLate(fetched: typeof fetch, url: string): Promise<number | string> {
  const over = new Promise<void>(resolve => {
    const connected = (message: unknown) => {
      const { socket, connectParams } = message as { readonly socket: Socket; readonly connectParams: { readonly port: string } };
      if (connectParams.port === new URL(url).port) socket.once("close", () => resolve());
    };
    subscribe("undici:client:connected", connected);
    onTestFinished(() => void unsubscribe("undici:client:connected", connected));
  });
  const response = await fetched(url);
  await over;
  try {
    return (await response.arrayBuffer()).byteLength;
  } catch (error) {
    return (error as { readonly cause?: { readonly code?: string } }).cause?.code ?? String(error);
  }
}

const clients: [string, typeof fetch][] = [
  ["Node's fetch", fetch],
  // reason: the package's own declarations of the same function
  ["undici", undiciFetch as unknown as typeof fetch],
];
const expected: [Ending, string, number | string | RegExp][] = [
  ["length", "is whole", size],
  ["close", "is whole", size],
  ["keep-alive", "is whole", size],
  ["short", "is an error", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"],
  ["reset", "is an error", /ECONNRESET|UND_ERR_SOCKET/],
];

for (const [name, client] of clients)
  for (const [ending, what, result] of expected)
    test(`a response to ${name} whose connection ends (${ending}) while its reader waits ${what}`, async () => {
      guardPausedResponses();
      const got = await readLate(client, await serve(ending));
      if (result instanceof RegExp) expect(got).toMatch(result);
      else expect(got).toBe(result);
    });

test("undici without the guard ends the process, so the guard is still needed", async () => {
  const url = await serve("length");
  const program = `import { fetch } from "undici"; const r = await fetch(${JSON.stringify(url)}); setTimeout(() => r.arrayBuffer(), 30_000);`;
  const ended = await new Promise<string>(resolve =>
    execFile(process.execPath, ["--input-type=module", "--eval", program], (_error, _out, err) => resolve(err)),
  );
  expect(ended).toContain("assert(!this.paused)");
});
