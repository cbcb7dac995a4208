/**
 * Links through MPI: each frame is one message. MPI has no word for a rank that is gone; mpirun ends the whole run then. Ranks of one host look at each
 * other's processes, so that a run with --enable-recovery names the one that is gone as any other transport does.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { type FrameHeader, frameChunkBytes, frameHeaderBytes, readFrameHeader, writeHeader } from "../links/frame.ts";
import type { LinkHandler, Links } from "../links/links.ts";
import { Poller } from "../links/poller.ts";
import { yieldProcessor } from "../native.ts";
import type { MpiLibrary, MpiRequest } from "./library.ts";

/** Frames on their way to a rank: above this, bodies are held back. */
const mostPending = 32;
/** Ranks end apart by what each still writes and loads; where a rank of another host has gone, MPI itself ends the job. */
const closeMs = 60_000;
/** Between two looks for processes of this host that have gone. */
const lookMs = 100;

interface Pending {
  readonly request: MpiRequest;
  /** Kept as long as MPI reads it. */
  readonly bytes: Uint8Array;
}

interface Peer {
  readonly pending: Pending[];
  sent: number;
  received: number;
  wasFull: boolean;
  /** Nothing comes from it any more. */
  isOver: boolean;
  /** It has closed, and waits for this rank's farewell. */
  hasClosed: boolean;
  /** Its process, where that is on this host. */
  readonly process: string | undefined;
}

/** When a process began, as long as it runs: a number of a process is used again. */
function beginOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return /[ZX]/.test(fields[0]!) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Has its process, one of this host, ended? */
function hasGone({ process }: Peer): boolean {
  if (process === undefined) return false;
  const [pid, begin] = process.split(" ");
  return beginOf(Number(pid)) !== begin;
}

/** What is the same for processes that see each other: the boot of a host, and a space of process numbers. */
function hostOf(): string {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8")} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return `${process.pid}`;
  }
}

/** Host (32 bytes), process number and when it began. */
const cardBytes = 64;
function ownCard(): Uint8Array {
  const card = Buffer.alloc(cardBytes);
  card.set(createHash("sha256").update(hostOf()).digest());
  card.write(`${process.pid} ${beginOf(process.pid) ?? ""}`, 32, "latin1");
  return card;
}

/** Processes of this host's ranks, undefined for others, by rank. */
function processesOf(cards: Uint8Array, rank: number, size: number): (string | undefined)[] {
  const card = (r: number) => Buffer.from(cards.buffer, r * cardBytes, cardBytes);
  const host = card(rank).subarray(0, 32);
  return Array.from({ length: size }, (_, r) =>
    card(r).subarray(0, 32).equals(host) ? card(r).toString("latin1", 32).replaceAll("\0", "") : undefined,
  );
}

export class MpiLinks implements Links {
  readonly transport = "mpi";
  readonly windowChunks = 32;
  readonly rank: number;
  readonly size: number;
  readonly #mpi: MpiLibrary;
  readonly #peers = new Map<number, Peer>();
  readonly #free: Uint8Array[] = [];
  readonly #poller: Poller;
  #handler: LinkHandler | undefined;
  #isClosed = false;

  constructor(mpi: MpiLibrary) {
    this.#mpi = mpi;
    this.rank = mpi.rank;
    this.size = mpi.size;
    const processes = processesOf(mpi.allGather(ownCard()), this.rank, this.size);
    for (let r = 0; r < this.size; r++)
      if (r !== this.rank)
        this.#peers.set(r, { pending: [], sent: 0, received: 0, wasFull: false, isOver: false, hasClosed: false, process: processes[r] });
    this.#poller = new Poller({ poll: () => this.#poll(), idle: () => this.#findLost(), yieldProcessor });
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  #memory(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(frameHeaderBytes + frameChunkBytes);
  }

  post(to: number, header: FrameHeader, payload: Uint8Array | undefined, flushed?: () => void): void {
    const peer = this.#peers.get(to)!;
    if (this.#isClosed || (peer.isOver && !(peer.hasClosed && header.kind === "bye"))) {
      flushed?.();
      return;
    }
    const memory = this.#memory();
    writeHeader(new DataView(memory.buffer), 0, header, peer.sent);
    peer.sent = (peer.sent + 1) >>> 0;
    if (payload) memory.set(payload, frameHeaderBytes);
    const bytes = memory.subarray(0, frameHeaderBytes + header.payloadBytes);
    peer.pending.push({ request: this.#mpi.send(to, bytes), bytes: memory });
    // it was copied
    flushed?.();
  }

  hasRoom(to: number): boolean {
    const peer = this.#peers.get(to)!;
    const hasRoom = peer.pending.length < mostPending;
    if (!hasRoom) peer.wasFull = true;
    return hasRoom;
  }

  expect(isWaiting: boolean): void {
    this.#poller.active = isWaiting && !this.#isClosed;
  }

  #poll(): boolean {
    let came = false;
    for (let found = this.#mpi.probe(); found && !this.#isClosed; found = this.#isClosed ? undefined : this.#mpi.probe()) {
      came = true;
      this.#take(found.from, found.bytes);
    }
    for (const [to, peer] of this.#peers) {
      if (this.#isClosed) break;
      if (this.#sendOn(peer)) came = true;
      if (!peer.wasFull || peer.pending.length >= mostPending) continue;
      peer.wasFull = false;
      came = true;
      this.#handler!.room(to);
    }
    return came;
  }

  #take(from: number, bytes: number): void {
    const peer = this.#peers.get(from)!;
    // longer than any frame: taken, so that it is out of the way, into memory of its own
    const memory = bytes > frameHeaderBytes + frameChunkBytes ? new Uint8Array(bytes) : this.#memory();
    this.#mpi.receive({ from, bytes }, memory);
    const release = () => void this.#free.push(memory);
    if (peer.isOver) {
      release();
      return;
    }
    const header = bytes < frameHeaderBytes ? `${bytes} bytes` : readFrameHeader(new DataView(memory.buffer), 0, peer.received);
    peer.received = (peer.received + 1) >>> 0;
    if (typeof header === "string" || bytes !== frameHeaderBytes + header.payloadBytes) {
      peer.isOver = true;
      this.#handler!.invalid(from, typeof header === "string" ? header : `${bytes} bytes, where ${header.payloadBytes} follow the header`);
      return;
    }
    if (header.kind === "bye") peer.isOver = peer.hasClosed = true;
    this.#handler!.frame(from, { header, payload: memory.subarray(frameHeaderBytes, bytes), release });
  }

  /** Forgets what MPI has sent; whether there was any. */
  #sendOn({ pending }: Peer): boolean {
    const before = pending.length;
    while (pending.length > 0 && pending[0]!.request.isDone()) this.#free.push(pending.shift()!.bytes);
    return pending.length < before;
  }

  #findLost(): void {
    for (const [rank, peer] of this.#peers) {
      if (peer.isOver || this.#isClosed || !hasGone(peer)) continue;
      // its last messages, the farewell among them, are there now
      this.#poll();
      if (peer.isOver || this.#isClosed) continue;
      peer.isOver = true;
      this.#handler!.lost(rank, "its end");
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#poller.active = false;
    const until = performance.now() + closeMs;
    let lookAt = performance.now() + lookMs;
    const isWaiting = () => [...this.#peers.values()].some(p => !p.isOver || p.pending.length > 0);
    while (isWaiting() && performance.now() < until) {
      const isLook = performance.now() >= lookAt;
      const gone = isLook ? [...this.#peers.values()].filter(hasGone) : [];
      // the last messages of one that has gone, its farewell among them, are there now
      this.#poll();
      if (gone.some(p => !p.isOver)) break;
      if (isLook) lookAt = performance.now() + lookMs;
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    const isInOrder = !isWaiting();
    this.#isClosed = true;
    // it waits for all ranks, and for ever where one is gone
    if (isInOrder) this.#mpi.finalize();
  }

  crash(): void {
    this.#isClosed = true;
    this.#poller.active = false;
  }
}
