/** TCP ranks among strangers, liars, eavesdroppers and slow readers. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import type { LinkedGroup } from "../linked-group.ts";
import { honestElements, lies } from "../links/lies.laws.ts";
import { introduce } from "./handshake.ts";
import { tcpGroup } from "./index.ts";
import { connectToRank } from "./sockets.ts";

const secret = "a secret of these tests";

const listening = (server: Server, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });

async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  const port = await listening(server, host);
  await new Promise(resolve => server.close(resolve));
  return port;
}

const join = (rank: number, size: number, address: string, more: Partial<Parameters<typeof tcpGroup>[0]> = {}): Promise<LinkedGroup> =>
  tcpGroup({ rank, size, address, secret, joinTimeoutMs: 60_000, ...more });

const closeAll = async (groups: readonly LinkedGroup[]) => void (await Promise.all(groups.map(g => g.close())));

/** Connects as soon as somebody listens. */
async function reach(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise<boolean>(resolve => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    socket.on("error", () => {});
    if (isOpen) return socket;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** A relay to a port, which hears what goes to it and may change or hold it. */
async function relay(
  host: string,
  port: number,
  { change = b => b, isHeld = () => false }: { readonly change?: (b: Buffer) => Buffer; readonly isHeld?: () => boolean } = {},
) {
  const heard: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: false }, client => {
    const upstream = connect(port, host);
    sockets.push(client, upstream);
    client.on("error", () => {}).on("close", () => upstream.destroy());
    upstream.on("error", () => {}).on("close", () => client.destroy());
    upstream.pipe(client);
    client.on("data", (bytes: Buffer) => {
      heard.push(Buffer.from(bytes));
      upstream.write(change(bytes));
      const hold = () => {
        if (isHeld()) {
          client.pause();
          setTimeout(hold, 5);
        } else client.resume();
      };
      hold();
    });
  });
  const at = await listening(server, host);
  onTestFinished(() => {
    for (const s of sockets) s.destroy();
    server.close();
  });
  return { port: at, heard: () => Buffer.concat(heard) };
}

test("strangers, silent or loud, and ranks with another secret change nothing for those that have it", async () => {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const first = join(0, 2, address);
  const strangers = await Promise.all(Array.from({ length: 20 }, () => reach(port)));
  for (const [i, s] of strangers.entries()) if (i % 2 === 0) s.write("GET / HTTP/1.1\r\n".repeat(i * 100));
  await expect(join(1, 2, address, { secret: "a secret of another run" })).rejects.toMatchObject({
    code: "ranks/transport",
    message: expect.stringContaining("secret"),
  });
  const groups = [await join(1, 2, address), await first];
  const x = groups.map(() => Float32Array.of(1));
  await Promise.all(groups.map((g, i) => g.allReduce(x[i]!)));
  expect(x[0]![0]).toBe(2);
  await closeAll(groups);
  for (const s of strangers) s.destroy();
});

test("a rank that says another number of ranks, a number that is none, or one that is taken is refused with the reason", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const first = join(0, 3, address);
  const second = join(1, 3, address);
  await expect(join(1, 4, address)).rejects.toMatchObject({ code: "ranks/transport", message: expect.stringContaining("number of ranks") });
  // the second may come later than this one, which then takes its place
  const twice = await Promise.allSettled([second, join(1, 3, address), Promise.all([first, join(2, 3, address)])]);
  expect(twice.map(t => t.status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(twice.find(t => t.status === "rejected")).toMatchObject({ reason: { message: expect.stringContaining("got a second one") } });
  await closeAll(twice.flatMap(t => (t.status === "fulfilled" ? t.value : [])));
  await expect(join(3, 3, address)).rejects.toMatchObject({ code: "ranks/argument" });
  await expect(join(0, 2, address, { secret: "short" })).rejects.toMatchObject({ code: "ranks/transport" });
  await expect(join(0, 2, "nowhere")).rejects.toMatchObject({ code: "ranks/argument" });
});

test("a rank that connects itself as number 7 of 2 is turned away, though it has the secret", async () => {
  const port = await freePort();
  const first = join(0, 2, `127.0.0.1:${port}`, { joinTimeoutMs: 2000 });
  first.catch(() => {});
  await (await reach(port)).destroy();
  const socket = await connectToRank({ host: "127.0.0.1", port }, secret, false);
  await expect(introduce(socket, { rank: 7, size: 2, port: 1 }, 0, secret)).rejects.toMatchObject({
    message: expect.stringContaining("rank 7"),
  });
  await expect(first).rejects.toMatchObject({ code: "ranks/stuck", message: expect.stringContaining("rank 1") });
});

test("a recorded connection that is played again is refused", async () => {
  const port = await freePort();
  const spy = await relay("127.0.0.1", port);
  const groups = await Promise.all([join(0, 2, `127.0.0.1:${port}`), join(1, 2, `127.0.0.1:${spy.port}`)]);
  await Promise.all(groups.map(g => g.barrier()));
  await closeAll(groups);
  const recorded = spy.heard();
  expect(recorded.subarray(0, 8).toString()).toBe("LOAMRNK1");
  const again = await freePort();
  const first = join(0, 2, `127.0.0.1:${again}`, { joinTimeoutMs: 2000 });
  first.catch(() => {});
  const player = await reach(again);
  const over = new Promise(resolve => player.once("close", resolve));
  player.write(recorded);
  player.resume();
  await over;
  await expect(first).rejects.toMatchObject({ code: "ranks/stuck" });
});

test.each(Object.entries(lies))("%s: the rank that sends it is named, and the run ends", async (_, frames) => {
  const port = await freePort();
  const first = join(0, 2, `127.0.0.1:${port}`);
  await (await reach(port)).destroy();
  const liar = await connectToRank({ host: "127.0.0.1", port }, secret, false);
  await introduce(liar, { rank: 1, size: 2, port: 1 }, 0, secret);
  const group = await first;
  liar.on("error", () => {}).resume();
  for (const frame of frames) liar.write(frame);
  await expect(group.allReduce(new Float32Array(honestElements))).rejects.toMatchObject({
    code: "ranks/protocol",
    message: expect.stringContaining("rank 1"),
  });
  await expect(group.barrier()).rejects.toMatchObject({ code: "ranks/protocol" });
  liar.destroy();
  await group.close();
});

test("a rank that does not read holds the sender back, whose memory does not fill", async () => {
  const port = await freePort();
  let isHeld = false;
  const slow = await relay("127.0.0.1", port, { isHeld: () => isHeld });
  const groups = await Promise.all([join(0, 2, `127.0.0.1:${port}`), join(1, 2, `127.0.0.1:${slow.port}`)]);
  await Promise.all(groups.map(g => g.barrier()));
  isHeld = true;
  const x = Float32Array.from({ length: 8_000_000 }, (_, i) => i % 1000);
  const got = new Float32Array(x.length);
  let isSent = false;
  const sending = groups[1]!.send(x, 0).then(() => {
    isSent = true;
  });
  const receiving = groups[0]!.receive(got, 1);
  await new Promise(resolve => setTimeout(resolve, 200));
  expect(isSent).toBe(false);
  // of 32 MB no more went out than the receiver has given credit for
  expect(slow.heard().length).toBeLessThan(3e6);
  isHeld = false;
  await Promise.all([sending, receiving]);
  expect(Buffer.from(got.buffer).equals(Buffer.from(x.buffer))).toBe(true);
  await closeAll(groups);
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find(a => a && !a.internal && a.family === "IPv4")?.address;
const marker = Buffer.from("these words are nobody else's business".padEnd(9000, "."));

async function sendMarker(host: string, change?: (b: Buffer) => Buffer) {
  const port = await freePort(host);
  const spy = await relay(host, port, change ? { change } : {});
  const groups = await Promise.all([join(0, 2, `${host}:${port}`), join(1, 2, `${host}:${spy.port}`)]);
  const got = new Uint8Array(marker.length);
  const outcome = await Promise.allSettled([groups[1]!.send(new Uint8Array(marker), 0), groups[0]!.receive(got, 1)]);
  await closeAll(groups);
  return { got, heard: spy.heard(), outcome };
}

test("over loopback bytes travel as they are", async () => {
  const { got, heard } = await sendMarker("127.0.0.1");
  expect(Buffer.from(got).equals(marker)).toBe(true);
  expect(heard.includes(marker.subarray(0, 38))).toBe(true);
});

test.skipIf(!outside)(
  "off loopback nothing is sent unencrypted, whoever has another secret does not get in, and a changed byte ends the run",
  async () => {
    const { got, heard } = await sendMarker(outside!);
    expect(Buffer.from(got).equals(marker)).toBe(true);
    expect(heard.length).toBeGreaterThan(marker.length);
    expect(heard.includes(marker.subarray(0, 38)) || heard.includes("LOAMRNK1") || heard.includes(secret)).toBe(false);

    const address = `${outside}:${await freePort(outside)}`;
    const first = join(0, 2, address, { joinTimeoutMs: 3000 });
    first.catch(() => {});
    await expect(join(1, 2, address, { secret: "a secret of another run", joinTimeoutMs: 2000 })).rejects.toMatchObject({
      message: expect.stringMatching(/secret|rank 0/),
    });
    await expect(first).rejects.toMatchObject({ code: "ranks/stuck" });

    const changed = await sendMarker(outside!, bytes =>
      bytes.length > 4000 ? Buffer.from(bytes).fill(bytes[2000]! ^ 1, 2000, 2001) : bytes,
    );
    expect(changed.outcome[1]).toMatchObject({ reason: { code: "ranks/lost" } });
  },
);

test("a connection that is cut is the end of its rank for the other", async () => {
  const port = await freePort();
  const groups = await Promise.all([join(0, 2, `127.0.0.1:${port}`), join(1, 2, `127.0.0.1:${port}`)]);
  const waiting = groups[0]!.barrier();
  waiting.catch(() => {});
  groups[1]!.crash();
  await expect(waiting).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 1") });
  await groups[0]!.close();
});
