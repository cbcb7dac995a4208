/** Ranks that are processes of their own, driven from a test: each call is carried out there, and its arrays come back. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deserialize, serialize } from "node:v8";
import type { Json } from "../base/index.ts";
import type { ProcessGroup, RankArray, RankNumbers, Reduction } from "./process-group.ts";

export const rankChild = fileURLToPath(new URL("../../test/support/rank-child.js", import.meta.url));

interface Reply {
  readonly id: number;
  readonly args?: readonly unknown[];
  readonly value?: unknown;
  readonly error?: { readonly code?: string; readonly message: string };
}

/** The way to one child. */
class Channel {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve: (r: Reply) => void; reject: (e: unknown) => void }>();
  readonly opened: Promise<Reply>;
  #held: Buffer = Buffer.alloc(0);
  #calls = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.opened = this.#reply(0);
    this.opened.catch(() => {});
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const w of this.#waiting.values()) w.reject(new Error("the rank's process has ended"));
    });
    socket.on("data", (bytes: Buffer) => {
      this.#held = Buffer.concat([this.#held, bytes]);
      while (this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readUInt32LE(0)) {
        const end = 4 + this.#held.readUInt32LE(0);
        this.#take(deserialize(this.#held.subarray(4, end)) as Reply);
        this.#held = this.#held.subarray(end);
      }
    });
  }

  #reply(id: number): Promise<Reply> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error) waiting?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
    else waiting?.resolve(reply);
  }

  async call(group: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    const reply = this.#reply(id);
    const body = serialize({ id, group, method, args });
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    this.#socket.write(Buffer.concat([head, body]));
    const { args: after, value } = await reply;
    for (const [i, a] of args.entries()) if (ArrayBuffer.isView(a)) (a as Float32Array).set((after as Float32Array[])[i]!);
    return value;
  }

  end(): void {
    this.#socket.end();
  }
}

/** A rank in a child process. */
export class ChildRank implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly transport: string;
  readonly waitedMs = 0;
  readonly pid: number;
  readonly #channel: Channel;
  readonly #group: number;

  constructor(channel: Channel, group: number, at: { rank: number; size: number; transport: string; pid: number }) {
    this.#channel = channel;
    this.#group = group;
    this.rank = at.rank;
    this.size = at.size;
    this.transport = at.transport;
    this.pid = at.pid;
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#channel.call(this.#group, method, args);
  }
  async allReduce(x: RankNumbers, reduction: Reduction = "sum"): Promise<void> {
    await this.#call("allReduce", x, reduction);
  }
  async reduce(x: RankNumbers, root: number, reduction: Reduction = "sum"): Promise<void> {
    await this.#call("reduce", x, root, reduction);
  }
  async reduceScatter(x: RankNumbers, into: RankNumbers): Promise<void> {
    await this.#call("reduceScatter", x, into);
  }
  async allGather(own: RankArray, into: RankArray): Promise<void> {
    await this.#call("allGather", own, into);
  }
  async broadcast(x: RankArray, root: number): Promise<void> {
    await this.#call("broadcast", x, root);
  }
  async send(x: RankArray, to: number): Promise<void> {
    await this.#call("send", x, to);
  }
  async receive(x: RankArray, from: number): Promise<void> {
    await this.#call("receive", x, from);
  }
  async exchange(value: Json): Promise<readonly Json[]> {
    return (await this.#call("exchange", value)) as Json[];
  }
  async barrier(): Promise<void> {
    await this.#call("barrier");
  }
  async subgroup(members: readonly number[]): Promise<ProcessGroup> {
    const { index, rank, size } = (await this.#call("subgroup", members)) as { index: number; rank: number; size: number };
    return new ChildRank(this.#channel, index, { rank, size, transport: this.transport, pid: this.pid });
  }
  async close(): Promise<void> {
    await this.#call("close").finally(() => this.#channel.end());
  }
  /** Keeps the process from doing anything, its event loop included. */
  async block(ms: number): Promise<void> {
    await this.#call("block", ms);
  }
  /** Ends the process with an exit code. */
  async end(code: number): Promise<void> {
    await this.#call("end", code).catch(() => {});
  }
  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }
}

/** Takes `size` children that `start` begins with the given variables; in rank order once all have joined. */
export async function childRanks(
  size: number,
  { timeoutMs }: { readonly timeoutMs?: number | undefined },
  start: (env: Readonly<Record<string, string>>) => Promise<unknown>,
): Promise<readonly ChildRank[]> {
  const folder = mkdtempSync(join(tmpdir(), "loam-ranks-"));
  const path = join(folder, "socket");
  const channels: Channel[] = [];
  let came: () => void = () => {};
  const server = createServer(socket => {
    channels.push(new Channel(socket));
    came();
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  try {
    await start({ LOAM_TEST_SOCKET: path, ...(timeoutMs === undefined ? {} : { LOAM_TEST_TIMEOUT_MS: String(timeoutMs) }) });
    while (channels.length < size)
      await new Promise<void>(resolve => {
        came = resolve;
      });
    const replies = await Promise.all(channels.map(c => c.opened));
    const ranks = replies.map(
      (r, i) => new ChildRank(channels[i]!, 0, r.value as { rank: number; size: number; transport: string; pid: number }),
    );
    return ranks.sort((a, b) => a.rank - b.rank);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
