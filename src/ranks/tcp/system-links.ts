/**
 * Links over TCP connections of one host, by system calls of our own: chunks are read where they belong and sent from where they lie, without Node's buffers,
 * copies and turns of the event loop for each. A rank that waits looks for frames as one with shared memory does. The bytes are those of `TcpLinks`.
 */
import { closeSync } from "node:fs";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type FrameHeader, frameChunkBytes, frameHeaderBytes, readFrameHeader, writeHeader } from "../links/frame.ts";
import type { Arrived, LinkHandler, Links } from "../links/links.ts";
import { Poller } from "../links/poller.ts";
import { allowSilence, duplicateSocket, endSending, receiveNow, sendNow, yieldProcessor } from "../native.ts";
import type { RankSockets } from "./rendezvous.ts";
import { fileOf } from "./sockets.ts";

/** How long `close` waits for what was posted, and for the others' end. */
const closeMs = 2000;
/** Frames of one connection before the next one has its turn. */
const framesATurn = 8;

interface Waiting {
  bytes: Uint8Array;
  readonly hasMore: boolean;
  readonly flushed: (() => void) | undefined;
}

const nothing = new Uint8Array(0);

class Connection {
  readonly file: number;
  readonly queue: Waiting[] = [];
  /** Frames posted so far. */
  posted = 0;
  wasFull = false;
  /** It ended in order, or was given up. */
  isOver = false;
  /** Bytes that Node had read before. */
  #early: Uint8Array;
  readonly #free: Uint8Array[];
  readonly #head = new Uint8Array(frameHeaderBytes);
  readonly #view = new DataView(this.#head.buffer);
  #header: FrameHeader | undefined;
  /** What is being read, and how much of it is there. */
  #target: Uint8Array = this.#head;
  #filled = 0;
  /** Memory of `free`, where the payload has no place of its own. */
  #spare: Uint8Array | undefined;
  #received = 0;

  constructor(file: number, early: Uint8Array, free: Uint8Array[]) {
    this.file = file;
    this.#early = early;
    this.#free = free;
  }

  #receive(into: Uint8Array): number {
    if (this.#early.length === 0) return receiveNow(this.file, into);
    const some = this.#early.subarray(0, into.length);
    into.set(some);
    this.#early = this.#early.subarray(some.length);
    return some.length;
  }

  /** Reads on: true when the target is full, false when it has to wait, undefined at the end of the connection. */
  #fill(): boolean | undefined {
    while (this.#filled < this.#target.length) {
      const n = this.#receive(this.#target.subarray(this.#filled));
      if (n === 0) return undefined;
      if (n < 0) return false;
      this.#filled += n;
    }
    return true;
  }

  /** The next frame; what is wrong, in words; true at the end of the connection; undefined where nothing has come. */
  next(place: (header: FrameHeader) => Uint8Array | undefined): Arrived | string | true | undefined {
    if (!this.#header) {
      const isRead = this.#fill();
      if (!isRead) return isRead === undefined ? true : undefined;
      const header = readFrameHeader(this.#view, 0, this.#received);
      if (typeof header === "string") return header;
      this.#received = (this.#received + 1) >>> 0;
      this.#header = header;
      this.#filled = 0;
      const own = header.payloadBytes === 0 ? nothing : place(header);
      if (!own) this.#spare = this.#free.pop() ?? new Uint8Array(frameChunkBytes);
      this.#target = own ?? this.#spare!.subarray(0, header.payloadBytes);
    }
    const isRead = this.#fill();
    if (!isRead) return isRead === undefined ? true : undefined;
    const [header, payload, spare] = [this.#header, this.#target, this.#spare];
    this.#header = undefined;
    this.#spare = undefined;
    this.#target = this.#head;
    this.#filled = 0;
    return { header, payload, release: () => void (spare && this.#free.push(spare)) };
  }

  /** The rest of what is being read goes elsewhere: its place is its owner's again. */
  leavePlace(): void {
    if (!this.#header || this.#spare) return;
    this.#spare = new Uint8Array(frameChunkBytes);
    this.#target = this.#spare.subarray(0, this.#target.length);
  }

  /** Sends what waits, as far as the system takes it; whether anything was sent. */
  flush(): boolean {
    let wasSent = false;
    for (let first = this.queue[0]; first; first = this.queue[0]) {
      const n = first.bytes.length === 0 ? 0 : sendNow(this.file, first.bytes, first.hasMore);
      if (n < 0) return wasSent;
      wasSent = true;
      if (n < first.bytes.length) first.bytes = first.bytes.subarray(n);
      else this.queue.shift()!.flushed?.();
    }
    return wasSent;
  }

  /** Nothing is sent any more. */
  drop(): void {
    for (const { flushed } of this.queue.splice(0)) flushed?.();
  }

  /** Reads and forgets; whether the other side has ended. */
  drain(): boolean {
    const memory = new Uint8Array(frameChunkBytes);
    for (let n = receiveNow(this.file, memory); n >= 0; n = receiveNow(this.file, memory)) if (n === 0) return true;
    return false;
  }
}

/** The connections as files of the system's, given up by Node; undefined where one has none. */
function takeOver(sockets: RankSockets, free: Uint8Array[]): Map<number, Connection> | undefined {
  const files = [...sockets].map(([rank, socket]) => ({ rank, socket, file: plainFile(socket) }));
  if (files.some(({ file }) => file === undefined)) {
    for (const { file } of files) if (file !== undefined) closeSync(file);
    return undefined;
  }
  return new Map(
    files.map(({ rank, socket, file }) => {
      const early = socket.read() as Buffer | null;
      socket.removeAllListeners("readable");
      socket.destroy();
      allowSilence(file!);
      return [rank, new Connection(file!, early ?? nothing, free)];
    }),
  );
}

/** Waits until Node has given all that it was to write to the system. */
const written = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    if (socket.writableLength === 0 || socket.destroyed) resolve();
    // called after the writes before it, and with an error where the connection ends
    else socket.write(nothing, () => resolve());
  });

function plainFile(socket: Socket): number | undefined {
  const file = process.platform === "linux" ? fileOf(socket) : undefined;
  return file === undefined ? undefined : duplicateSocket(file);
}

export class SystemLinks implements Links {
  readonly transport = "tcp";
  readonly windowChunks = 64;
  readonly rank: number;
  readonly size: number;
  readonly #connections: ReadonlyMap<number, Connection>;
  readonly #poller: Poller;
  #handler: LinkHandler | undefined;
  #isExpecting = false;
  #isClosed = false;

  private constructor(connections: ReadonlyMap<number, Connection>, { rank, size }: { readonly rank: number; readonly size: number }) {
    this.rank = rank;
    this.size = size;
    this.#connections = connections;
    this.#poller = new Poller({ poll: () => this.#poll(), idle: () => {}, yieldProcessor });
  }

  /** Takes the sockets over from Node; undefined where they have to stay its own. */
  static async over(sockets: RankSockets, place: { readonly rank: number; readonly size: number }): Promise<SystemLinks | undefined> {
    if ([...sockets.values()].some(s => s instanceof TLSSocket)) return undefined;
    await Promise.all([...sockets.values()].map(written));
    const connections = takeOver(sockets, []);
    return connections && new SystemLinks(connections, place);
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  post(to: number, header: FrameHeader, payload: Uint8Array | undefined, flushed?: () => void): void {
    const connection = this.#connections.get(to)!;
    if (this.#isClosed || connection.isOver) {
      flushed?.();
      return;
    }
    const head = new Uint8Array(frameHeaderBytes);
    writeHeader(new DataView(head.buffer), 0, header, connection.posted);
    connection.posted = (connection.posted + 1) >>> 0;
    const isWaiting = connection.queue.length > 0;
    if (payload && payload.length > 0) {
      connection.queue.push({ bytes: head, hasMore: true, flushed: undefined }, { bytes: payload, hasMore: false, flushed });
    } else connection.queue.push({ bytes: head, hasMore: false, flushed });
    if (!isWaiting) connection.flush();
    if (connection.queue.length > 0) this.#watch();
  }

  hasRoom(to: number): boolean {
    const connection = this.#connections.get(to)!;
    const hasRoom = connection.queue.length === 0;
    if (!hasRoom) connection.wasFull = true;
    return hasRoom;
  }

  expect(isWaiting: boolean): void {
    this.#isExpecting = isWaiting;
    this.#watch();
  }

  dropPlaces(): void {
    for (const c of this.#connections.values()) c.leavePlace();
  }

  /** Looks as long as somebody waits for frames, or frames wait for room. */
  #watch(): void {
    const isWaiting = this.#isExpecting || [...this.#connections.values()].some(c => c.queue.length > 0);
    this.#poller.active = isWaiting && !this.#isClosed;
  }

  #poll(): boolean {
    let came = false;
    for (const [from, connection] of this.#connections) {
      if (this.#read(from, connection)) came = true;
      if (this.#isClosed) return came;
      if (connection.queue.length > 0 && connection.flush()) came = true;
      if (!connection.wasFull || connection.queue.length > 0) continue;
      connection.wasFull = false;
      came = true;
      this.#handler!.room(from);
    }
    if (!this.#isExpecting) this.#watch();
    return came;
  }

  /** Frames that have come from a rank, up to a bound; whether there were any. */
  #read(from: number, connection: Connection): boolean {
    for (let i = 0; i < framesATurn; i++) {
      if (connection.isOver || this.#isClosed) return i > 0;
      const arrived = connection.next(header => this.#handler!.place(from, header));
      if (arrived === undefined) return i > 0;
      if (arrived === true) {
        this.#end(connection);
        this.#handler!.lost(from, "its end");
        return true;
      }
      if (typeof arrived === "string") {
        this.#end(connection);
        this.#handler!.invalid(from, arrived);
        return true;
      }
      if (arrived.header.kind === "bye") connection.isOver = true;
      this.#handler!.frame(from, arrived);
    }
    return true;
  }

  #end(connection: Connection): void {
    connection.isOver = true;
    connection.drop();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poller.active = false;
    const until = performance.now() + closeMs;
    const open = new Set(this.#connections.values());
    const ended = new Set<Connection>();
    while (open.size > 0 && performance.now() < until) {
      for (const c of open) {
        c.flush();
        if (c.queue.length === 0 && !ended.has(c)) {
          endSending(c.file);
          ended.add(c);
        }
        // unread bytes would take what was sent with them
        if (c.drain()) open.delete(c);
      }
      if (open.size > 0) await new Promise(resolve => setTimeout(resolve, 1));
    }
    this.#closeFiles();
  }

  crash(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poller.active = false;
    this.#closeFiles();
  }

  #closeFiles(): void {
    for (const c of this.#connections.values()) {
      c.drop();
      closeSync(c.file);
    }
  }
}
