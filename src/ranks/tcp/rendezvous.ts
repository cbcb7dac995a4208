/**
 * How the ranks of a run find each other: all connect to rank 0, which sends everyone the addresses of the others once all have connected; then each connects to
 * those with lower numbers. Strangers are turned away and change nothing.
 */
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isLoamError } from "../../base/index.ts";
import { ranksErrors } from "../errors.ts";
import { type Hello, hearIntroduction, introduce, type RankRefusal } from "./handshake.ts";
import {
  acceptConnection,
  connectToRank,
  isLoopbackAddress,
  listenAt,
  parseRankAddress,
  portOf,
  type RankAddress,
  readExactly,
} from "./sockets.ts";

interface RendezvousOptions {
  readonly rank: number;
  readonly size: number;
  /** Where rank 0 listens, as HOST:PORT: one for all ranks. */
  readonly address: string;
  readonly secret: string;
  readonly joinTimeoutMs: number;
}

/** A connection that has not introduced itself by then is closed. */
const handshakeMs = 5000;
/** Connections that may introduce themselves at once: strangers do not take all memory. */
const mostStrangers = 256;
/** The rank list that rank 0 sends, at most. */
const mostListBytes = 1 << 20;
const retryMs = 50;

/** Connections to all other ranks, by rank. */
export type RankSockets = ReadonlyMap<number, Socket>;

class Rendezvous {
  readonly #o: RendezvousOptions;
  readonly #deadline: number;
  readonly #isSecure: boolean;
  readonly found = new Map<number, Socket>();
  readonly #hellos = new Map<number, Hello>();
  readonly #servers: Server[] = [];
  #strangers = 0;
  #came: () => void = () => {};
  #isOver = false;

  constructor(o: RendezvousOptions, isSecure: boolean) {
    this.#o = o;
    this.#isSecure = isSecure;
    this.#deadline = performance.now() + o.joinTimeoutMs;
  }

  /** Ranks that connect to this one. */
  get #expected(): number[] {
    return Array.from({ length: this.#o.size - 1 - this.#o.rank }, (_, i) => this.#o.rank + 1 + i);
  }

  #judge({ rank, size }: Hello): RankRefusal {
    if (size !== this.#o.size) return "size";
    if (!this.#expected.includes(rank)) return "rank";
    return this.#hellos.has(rank) ? "twice" : "";
  }

  async #accept(raw: Socket): Promise<void> {
    raw.on("error", () => {});
    if (this.#isOver || this.#strangers >= mostStrangers) {
      raw.destroy();
      return;
    }
    this.#strangers++;
    const late = setTimeout(() => raw.destroy(), handshakeMs);
    let hello: Hello | undefined;
    try {
      const socket = await acceptConnection(raw, this.#o.secret, this.#isSecure);
      socket.on("error", () => {});
      hello = await hearIntroduction(socket, this.#o.rank, this.#o.secret, h => {
        const refusal = this.#judge(h);
        if (refusal === "") this.#hellos.set(h.rank, h);
        return refusal;
      });
      this.found.set(hello.rank, socket);
      this.#came();
    } catch {
      // whoever it was is no rank of this run
      if (hello) this.#hellos.delete(hello.rank);
      raw.destroy();
    } finally {
      clearTimeout(late);
      this.#strangers--;
    }
  }

  #stuck(missing: readonly number[]) {
    return ranksErrors.fail("stuck", {
      place: "start of the ranks",
      expected: `every rank within ${this.#o.joinTimeoutMs} ms`,
      received: `nothing of rank ${missing.join(", ")}`,
    });
  }

  async #waitForAll(): Promise<void> {
    for (;;) {
      const missing = this.#expected.filter(r => !this.found.has(r));
      if (missing.length === 0) return;
      const left = this.#deadline - performance.now();
      if (left <= 0) throw this.#stuck(missing);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>(resolve => {
        this.#came = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  async #listen(at: RankAddress): Promise<Server> {
    const server = await listenAt(at, socket => void this.#accept(socket));
    this.#servers.push(server);
    return server;
  }

  /** Connects until the rank is there. `portOfOwn` gets the socket first: a rank listens at the address that the others reach. */
  async #connect(to: number, at: RankAddress, portOfOwn: (socket: Socket) => Promise<number>): Promise<Socket> {
    const { rank, size, secret } = this.#o;
    for (;;) {
      let socket: Socket | undefined;
      try {
        socket = await connectToRank(at, secret, this.#isSecure);
        socket.on("error", () => {});
        const late = setTimeout(() => socket?.destroy(), handshakeMs);
        await introduce(socket, { rank, size, port: await portOfOwn(socket) }, to, secret).finally(() => clearTimeout(late));
        return socket;
      } catch (error) {
        socket?.destroy();
        if (isLoamError(error)) throw error;
        if ((error as NodeJS.ErrnoException).code?.startsWith("ERR_SSL"))
          throw ranksErrors.fail("transport", {
            place: `rank ${to}`,
            expected: "a proof of the run's secret",
            received: "a handshake that failed",
            hint: "Give all ranks one LOAM_RANKS_SECRET.",
          });
        if (performance.now() > this.#deadline) throw this.#stuck([to]);
        await sleep(retryMs);
      }
    }
  }

  async #asFirst(at: RankAddress): Promise<void> {
    await this.#listen(at);
    await this.#waitForAll();
    const list = Buffer.from(
      JSON.stringify([...this.found].map(([rank, s]) => ({ rank, host: s.remoteAddress, port: this.#hellos.get(rank)!.port }))),
    );
    const length = Buffer.alloc(4);
    length.writeUInt32LE(list.length);
    for (const socket of this.found.values()) socket.write(Buffer.concat([length, list]));
  }

  async #asOther(at: RankAddress): Promise<void> {
    const { rank } = this.#o;
    let server: Server | undefined;
    const first = await this.#connect(0, at, async socket => {
      // where rank 0 sees this one, the others may reach it
      server ??= await this.#listen({ host: socket.localAddress!, port: 0 });
      return portOf(server);
    });
    this.found.set(0, first);
    const left = Math.max(1, this.#deadline - performance.now());
    const late = setTimeout(() => first.destroy(), left);
    const addresses = await readList(first)
      .catch(cause => {
        throw performance.now() >= this.#deadline ? this.#stuck([]) : this.#lost(cause);
      })
      .finally(() => clearTimeout(late));
    const port = () => Promise.resolve(portOf(server!));
    for (const [to, address] of addresses) if (to < rank) this.found.set(to, await this.#connect(to, address, port));
    await this.#waitForAll();
  }

  #lost(cause: unknown) {
    const received = cause instanceof Error ? cause.message : "its end";
    return ranksErrors.fail("lost", { place: "rank 0", expected: "the addresses of all ranks", received }, cause);
  }

  async run(at: RankAddress): Promise<RankSockets> {
    try {
      if (this.#o.rank === 0) await this.#asFirst(at);
      else await this.#asOther(at);
      return this.found;
    } catch (error) {
      for (const socket of this.found.values()) socket.destroy();
      throw error;
    } finally {
      this.#isOver = true;
      for (const server of this.#servers) server.close();
    }
  }
}

/** The addresses that rank 0 tells: IP addresses and ports alone. */
async function readList(socket: Socket): Promise<Map<number, RankAddress>> {
  const length = (await readExactly(socket, 4)).readUInt32LE(0);
  if (length > mostListBytes) throw new Error(`a list of ${length} bytes`);
  const list: unknown = JSON.parse((await readExactly(socket, length)).toString("utf8"));
  if (!Array.isArray(list)) throw new Error("no list of addresses");
  return new Map(
    list.map((entry: { rank?: unknown; host?: unknown; port?: unknown }) => {
      const { rank, host, port } = entry;
      if (!Number.isInteger(rank) || typeof host !== "string" || !Number.isInteger(port)) throw new Error("no list of addresses");
      return [rank as number, { host, port: port as number }];
    }),
  );
}

/** Finds all other ranks. Errors: `ranks/transport` (address, secret, number of ranks), `ranks/stuck`, `ranks/lost`. */
export async function meetRanks(o: RendezvousOptions): Promise<RankSockets> {
  const at = await parseRankAddress(o.address);
  // all ranks have the same address of rank 0, and so decide alike
  return new Rendezvous(o, !isLoopbackAddress(at.host)).run(at);
}
