/**
 * Links through shared memory: frames are written into a ring of slots, and read where they lie. What a peer may have written there is checked before it
 * is believed: only its payload can change afterwards.
 */
import { type FrameHeader, frameChunkBytes, readFrameHeader, writeHeader } from "../links/frame.ts";
import type { Arrived, LinkHandler, Links } from "../links/links.ts";
import { Poller } from "../links/poller.ts";
import { yieldProcessor } from "../native.ts";
import { ringAt, ringBytes, ringSlots, type Segment, slotAt } from "./segment.ts";

interface Waiting {
  readonly header: FrameHeader;
  readonly payload: Uint8Array | undefined;
  readonly flushed: (() => void) | undefined;
}

/** How long `close` waits for others to take what was posted. */
const closeMs = 2000;

/** One direction of a pair. */
class Ring {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #words: Int32Array;

  constructor(buffer: ArrayBuffer, at: number) {
    this.bytes = new Uint8Array(buffer, at, ringBytes);
    this.view = new DataView(buffer, at, ringBytes);
    this.#words = new Int32Array(buffer, at, 32);
  }
  get written(): number {
    return Atomics.load(this.#words, 0) >>> 0;
  }
  set written(n: number) {
    Atomics.store(this.#words, 0, n | 0);
  }
  get freed(): number {
    return Atomics.load(this.#words, 16) >>> 0;
  }
  set freed(n: number) {
    Atomics.store(this.#words, 16, n | 0);
  }
}

class Sender {
  readonly queue: Waiting[] = [];
  readonly #ring: Ring;
  #written = 0;
  /** Somebody was told that there is no room. */
  wasFull = false;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get hasSlot(): boolean {
    // a reader that says more were freed than written gives no room
    return (this.#written - this.#ring.freed) >>> 0 < ringSlots;
  }
  get hasRoom(): boolean {
    const hasRoom = this.queue.length === 0 && this.hasSlot;
    if (!hasRoom) this.wasFull = true;
    return hasRoom;
  }

  write({ header, payload, flushed }: Waiting): void {
    const at = slotAt(this.#written % ringSlots);
    if (payload) this.#ring.bytes.set(payload, at + 64);
    writeHeader(this.#ring.view, at, header, this.#written);
    this.#written = (this.#written + 1) >>> 0;
    this.#ring.written = this.#written;
    flushed?.();
  }

  /** Writes what waits, as far as there is room; whether anything was written. */
  drain(): boolean {
    const before = this.queue.length;
    while (this.queue.length > 0 && this.hasSlot) this.write(this.queue.shift()!);
    return this.queue.length < before;
  }
}

class Receiver {
  readonly #ring: Ring;
  readonly #free: Uint8Array[];
  #read = 0;
  #freed = 0;
  /** Frames that are free again, though one before them is not. */
  readonly #releasedEarly = new Set<number>();
  isOver = false;

  /** `free` is memory for frames that have to leave the ring. */
  constructor(ring: Ring, free: Uint8Array[]) {
    this.#ring = ring;
    this.#free = free;
  }

  /** The next frame; what is wrong, in words; undefined where there is none. */
  next(): Arrived | string | undefined {
    const { written } = this.#ring;
    if (written === this.#read) return undefined;
    if ((written - this.#read) >>> 0 > ringSlots) return "a ring of frames that was overrun";
    const number = this.#read;
    const at = slotAt(number % ringSlots);
    const header = readFrameHeader(this.#ring.view, at, number);
    if (typeof header === "string") return header;
    this.#read = (number + 1) >>> 0;
    const payload = this.#ring.bytes.subarray(at + 64, at + 64 + header.payloadBytes);
    // a call that waits for other ranks must not keep the slots from the next ones
    if ((number - this.#freed) >>> 0 < ringSlots / 2) return { header, payload, release: () => this.#release(number) };
    const memory = this.#free.pop() ?? new Uint8Array(frameChunkBytes);
    memory.set(payload);
    this.#release(number);
    return { header, payload: memory.subarray(0, payload.length), release: () => void this.#free.push(memory) };
  }

  #release(number: number): void {
    this.#releasedEarly.add(number);
    while (this.#releasedEarly.delete(this.#freed)) this.#freed = (this.#freed + 1) >>> 0;
    this.#ring.freed = this.#freed;
  }
}

export class SharedLinks implements Links {
  readonly transport = "shared memory";
  readonly windowChunks = ringSlots / 2;
  readonly rank: number;
  readonly size: number;
  readonly #segment: Segment;
  readonly #senders = new Map<number, Sender>();
  readonly #receivers = new Map<number, Receiver>();
  readonly #poller: Poller;
  #handler: LinkHandler | undefined;
  #isClosed = false;

  constructor(segment: Segment, { rank, size }: { readonly rank: number; readonly size: number }) {
    this.#segment = segment;
    this.rank = rank;
    this.size = size;
    const ring = (from: number, to: number) => new Ring(segment.buffer, ringAt(size, from, to));
    const free: Uint8Array[] = [];
    for (let r = 0; r < size; r++) {
      if (r === rank) continue;
      this.#senders.set(r, new Sender(ring(rank, r)));
      this.#receivers.set(r, new Receiver(ring(r, rank), free));
    }
    this.#poller = new Poller({ poll: () => this.#poll(), idle: () => this.#findLost(), yieldProcessor });
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
  }

  post(to: number, header: FrameHeader, payload: Uint8Array | undefined, flushed?: () => void): void {
    const sender = this.#senders.get(to)!;
    if (this.#isClosed || this.#receivers.get(to)!.isOver) {
      flushed?.();
      return;
    }
    const frame = { header, payload, flushed };
    if (sender.queue.length === 0 && sender.hasSlot) sender.write(frame);
    else sender.queue.push(frame);
  }

  hasRoom(to: number): boolean {
    return this.#senders.get(to)!.hasRoom;
  }

  expect(isWaiting: boolean): void {
    this.#poller.active = isWaiting && !this.#isClosed;
  }

  /** Everything that has come, and room that has. */
  #poll(): boolean {
    let came = false;
    for (const [from, receiver] of this.#receivers) {
      while (!receiver.isOver && !this.#isClosed) {
        const arrived = receiver.next();
        if (arrived === undefined) break;
        came = true;
        if (typeof arrived === "string") {
          receiver.isOver = true;
          this.#handler!.invalid(from, arrived);
          break;
        }
        if (arrived.header.kind === "bye") receiver.isOver = true;
        this.#handler!.frame(from, arrived);
      }
    }
    for (const [to, sender] of this.#senders) {
      if (this.#isClosed) break;
      if (sender.queue.length > 0 && sender.drain()) came = true;
      if (!sender.wasFull || sender.queue.length > 0 || !sender.hasSlot) continue;
      sender.wasFull = false;
      came = true;
      this.#handler!.room(to);
    }
    return came;
  }

  #findLost(): void {
    for (const [rank, receiver] of this.#receivers) {
      if (receiver.isOver || this.#isClosed || !this.#segment.isGone(rank)) continue;
      // its last frames, the farewell among them, are there now
      this.#poll();
      if (receiver.isOver || this.#isClosed) continue;
      receiver.isOver = true;
      this.#handler!.lost(rank, "its end");
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const until = performance.now() + closeMs;
    const isWaiting = () =>
      [...this.#senders].some(([to, s]) => s.queue.length > 0 && !this.#receivers.get(to)!.isOver && !this.#segment.isGone(to));
    while (isWaiting() && performance.now() < until) {
      for (const s of this.#senders.values()) s.drain();
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    this.crash();
  }

  crash(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poller.active = false;
    this.#segment.close();
  }
}
