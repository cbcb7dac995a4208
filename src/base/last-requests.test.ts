import { Agent, createServer, get, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { defaultDelayMs, lastRequests } from "./last-requests.ts";

/** A server that says close once it leaves; `slow` answers wait for `go`. */
async function rig() {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  const state = { isLeaving: false };
  const server: Server = createServer((request, response) => {
    if (state.isLeaving) response.setHeader("connection", "close");
    response.writeHead(200);
    if (request.url === "/slow") {
      response.write("begun ");
      void gate.then(() => response.end("slow"));
    } else response.end("quick");
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  onTestFinished(() => {
    agent.destroy();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const ask = (path: string, onBegun = () => {}) =>
    new Promise<string>((resolve, reject) => {
      const request = get({ port, path, agent, host: "127.0.0.1" }, response => {
        let text = "";
        response.setEncoding("utf8").on("data", (data: string) => {
          text += data;
          onBegun();
        });
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
      request.on("error", reject);
    });
  return { server, state, ask, go };
}

/** Waits that the test ends, in the order in which they begin. */
function hands() {
  const ends: (() => void)[] = [];
  const begun: (() => void)[] = [];
  return {
    wait: (_: number, signal: AbortSignal) =>
      new Promise<void>(resolve => {
        ends.push(resolve);
        signal.addEventListener("abort", () => resolve());
        begun.splice(0).forEach(tell => {
          tell();
        });
      }),
    end: () => ends.at(-1)!(),
    count: async (n: number) => {
      while (ends.length < n) await new Promise<void>(resolve => begun.push(resolve));
    },
  };
}

test("until the delay is over, requests on kept and on new connections are answered; then none is taken, and what is under way ends whole", async () => {
  const { server, state, ask, go } = await rig();
  await ask("/kept");
  let begun = () => {};
  const first = new Promise<void>(resolve => {
    begun = resolve;
  });
  const slow = ask("/slow", begun);
  await first;
  const hand = hands();
  state.isLeaving = true;
  const over = lastRequests(server, { delayMs: 1, graceMs: 1, wait: hand.wait });
  expect(await Promise.all(Array.from({ length: 20 }, () => ask("/quick")))).toEqual(Array.from({ length: 20 }, () => "quick"));
  hand.end();
  await hand.count(2);
  await expect(ask("/late")).rejects.toThrow(/ECONNREFUSED/);
  // its connection was there before anybody said close, and its client would keep it
  go();
  expect(await slow).toBe("begun slow");
  await over;
});

test("what is not done when the time is over stays for whoever calls", async () => {
  const { server, ask } = await rig();
  let begun = () => {};
  const first = new Promise<void>(resolve => {
    begun = resolve;
  });
  const slow = ask("/slow", begun);
  await first;
  const hand = hands();
  const over = lastRequests(server, { delayMs: 0, graceMs: 1, wait: hand.wait });
  await hand.count(1);
  hand.end();
  await over;
  server.closeAllConnections();
  await expect(slow).rejects.toThrow(/aborted|ECONNRESET|hang up/);
});

test("only where proxies follow a list of endpoints is there a delay by default", () => {
  expect(defaultDelayMs({ KUBERNETES_SERVICE_HOST: "10.0.0.1" })).toBe(2_000);
  expect(defaultDelayMs({})).toBe(0);
});

test("the request that follows a stream on its connection is answered: nothing told its client that the connection closes", async () => {
  const { server, state, ask, go } = await rig();
  const hand = hands();
  let isBegun = () => {};
  const begun = new Promise<void>(resolve => {
    isBegun = resolve;
  });
  const stream = ask("/slow", isBegun);
  await begun;
  state.isLeaving = true;
  // as long as the test lasts: a busy machine makes no difference
  const over = lastRequests(server, { delayMs: 0, graceMs: 1, quietMs: 60_000, wait: hand.wait });
  await hand.count(1);
  expect(server.listening).toBe(false);
  go();
  expect(await stream).toBe("begun slow");
  // more than a look for idle connections
  await new Promise(resolve => setTimeout(resolve, 120));
  expect(await ask("/")).toBe("quick");
  // that answer closed its connection, the last one
  await over;
});

test("a request that was sent on a kept connection and not read yet is answered: the server was too busy to look before it closed what is idle", async () => {
  const { server, state } = await rig();
  const { port } = server.address() as AddressInfo;
  for (let round = 0; round < 20; round++) {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const said = new Promise<string>((resolve, reject) => {
      let text = "";
      socket.setEncoding("utf8").on("data", (data: string) => {
        text += data;
        if (text.split("quick").length === 2 && !state.isLeaving) {
          state.isLeaving = true;
          // both in one turn: the request lies in the socket, unread, when the end begins
          socket.write("GET /last HTTP/1.1\r\nhost: here\r\n\r\n");
          void lastRequests(server, { delayMs: 0, graceMs: 10_000, quietMs: 0 });
        }
      });
      socket.on("close", () => resolve(text)).on("error", reject);
    });
    socket.write("GET /first HTTP/1.1\r\nhost: here\r\n\r\n");
    expect((await said).split("quick")).toHaveLength(3);
    state.isLeaving = false;
    await new Promise<void>(resolve => server.listen(port, "127.0.0.1", resolve));
  }
});
