/** Links over TCP connections: frames one after another, read into chunks of memory that are used again. */
import type { Socket } from "node:net";
import { type FrameHeader, frameChunkBytes, frameHeaderBytes, readFrameHeader, writeHeader } from "../links/frame.ts";
import type { LinkHandler, Links } from "../links/links.ts";
import type { RankSockets } from "./rendezvous.ts";

/** Bytes that wait to be sent to a rank: above this, bodies are held back. */
const mostWaiting = 16 * frameChunkBytes;
/** How long `close` waits for what was posted. */
const closeMs = 2000;

type Take = (header: FrameHeader, payload: Uint8Array, release: () => void) => void;

/** Frames out of a stream of bytes. */
class FrameReader {
  readonly #take: Take;
  readonly #free: Uint8Array[];
  readonly #head = new Uint8Array(frameHeaderBytes);
  readonly #view = new DataView(this.#head.buffer);
  #headFilled = 0;
  #header: FrameHeader | undefined;
  #payload: Uint8Array | undefined;
  #filled = 0;
  #number = 0;

  constructor(free: Uint8Array[], take: Take) {
    this.#free = free;
    this.#take = take;
  }

  /** What is wrong with the bytes, in words, or undefined. */
  push(bytes: Uint8Array): string | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#header) {
        const n = Math.min(frameHeaderBytes - this.#headFilled, bytes.length - at);
        this.#head.set(bytes.subarray(at, at + n), this.#headFilled);
        at += n;
        this.#headFilled += n;
        if (this.#headFilled < frameHeaderBytes) return undefined;
        const header = readFrameHeader(this.#view, 0, this.#number);
        if (typeof header === "string") return header;
        this.#begin(header);
      } else {
        const n = Math.min(this.#header.payloadBytes - this.#filled, bytes.length - at);
        this.#payload!.set(bytes.subarray(at, at + n), this.#filled);
        at += n;
        this.#filled += n;
        if (this.#filled === this.#header.payloadBytes) this.#end();
      }
    }
    return undefined;
  }

  #begin(header: FrameHeader): void {
    this.#number = (this.#number + 1) >>> 0;
    this.#headFilled = 0;
    this.#filled = 0;
    this.#header = header;
    if (header.payloadBytes === 0) this.#end();
    else this.#payload = this.#free.pop() ?? new Uint8Array(frameChunkBytes);
  }

  #end(): void {
    const header = this.#header!;
    const memory = this.#payload;
    this.#header = undefined;
    this.#payload = undefined;
    const payload = memory ? memory.subarray(0, header.payloadBytes) : new Uint8Array(0);
    this.#take(header, payload, () => {
      if (memory) this.#free.push(memory);
    });
  }
}

class Connection {
  readonly socket: Socket;
  /** Frames written so far. */
  sent = 0;
  wasFull = false;
  /** It ended in order, or was given up. */
  isOver = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

export class TcpLinks implements Links {
  readonly transport = "tcp";
  /** 8 MB: on a busy machine ranks take turns of milliseconds, in which a smaller window runs dry. */
  readonly windowChunks = 64;
  readonly rank: number;
  readonly size: number;
  readonly #connections: ReadonlyMap<number, Connection>;
  /** Chunks of memory that no frame is in. */
  readonly #free: Uint8Array[] = [];
  #handler: LinkHandler | undefined;
  #isClosed = false;

  constructor(mesh: RankSockets, { rank, size }: { readonly rank: number; readonly size: number }) {
    this.rank = rank;
    this.size = size;
    this.#connections = new Map([...mesh].map(([r, socket]) => [r, new Connection(socket)]));
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    for (const [from, connection] of this.#connections) this.#listen(from, connection);
  }

  #listen(from: number, connection: Connection): void {
    const { socket } = connection;
    const reader = new FrameReader(this.#free, (header, payload, release) => {
      if (header.kind === "bye") connection.isOver = true;
      this.#handler!.frame(from, { header, payload, release });
    });
    let why = "its end";
    socket.removeAllListeners("readable");
    socket.on("error", error => {
      why = error.message;
    });
    socket.on("close", () => {
      if (connection.isOver || this.#isClosed) return;
      connection.isOver = true;
      this.#handler!.lost(from, why);
    });
    socket.on("data", (bytes: Buffer) => {
      if (connection.isOver || this.#isClosed) return;
      const fault = reader.push(bytes);
      if (fault === undefined) return;
      this.#handler!.invalid(from, fault);
      connection.isOver = true;
      socket.destroySoon();
    });
    socket.resume();
    // it may have ended between the rendezvous and now
    if (socket.destroyed) socket.emit("close");
  }

  post(to: number, header: FrameHeader, payload: Uint8Array | undefined, flushed?: () => void): void {
    const connection = this.#connections.get(to)!;
    const { socket } = connection;
    if (this.#isClosed || connection.isOver || !socket.writable) {
      flushed?.();
      return;
    }
    const head = new Uint8Array(frameHeaderBytes);
    writeHeader(new DataView(head.buffer), 0, header, connection.sent);
    connection.sent = (connection.sent + 1) >>> 0;
    const written = () => {
      flushed?.();
      if (!connection.wasFull || socket.writableLength > mostWaiting) return;
      connection.wasFull = false;
      this.#handler!.room(to);
    };
    socket.cork();
    if (payload && payload.length > 0) {
      socket.write(head);
      socket.write(payload, written);
    } else socket.write(head, written);
    socket.uncork();
  }

  hasRoom(to: number): boolean {
    const connection = this.#connections.get(to)!;
    const hasRoom = connection.socket.writableLength < mostWaiting;
    if (!hasRoom) connection.wasFull = true;
    return hasRoom;
  }

  expect(): void {}

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ends = [...this.#connections.values()].map(({ socket }) => {
      if (socket.destroyed) return Promise.resolve();
      return new Promise<void>(resolve => {
        const late = setTimeout(() => socket.destroy(), closeMs);
        socket.once("close", () => {
          clearTimeout(late);
          resolve();
        });
        socket.end();
      });
    });
    await Promise.all(ends);
  }

  crash(): void {
    this.#isClosed = true;
    for (const { socket } of this.#connections.values()) socket.destroy();
  }
}
