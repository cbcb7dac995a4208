/** Messages of some ranks that are read side by side: chunk by chunk, as soon as all of them have it, in the order in which the ranks are given. */
import type { MessageId, RankCall } from "./call.ts";
import { type FrameHeader, frameChunkBytes, inlineBytes } from "./frame.ts";
import type { Arrived, Links } from "./links.ts";

export interface IncomingPlan {
  readonly froms: readonly number[];
  readonly id: MessageId;
  readonly call: RankCall;
  /** Bytes of each message; where the sender decides, the most that are taken. */
  readonly bytes: number;
  readonly isOpenEnded?: boolean;
  /** A short message is answered. */
  readonly isAwaited: boolean;
  /** Where the message of one rank belongs: links that can read it there do. `take` finds it there then. */
  readonly into?: Uint8Array;
  /** The same chunk of all messages, at a byte offset; the memory is lent for the call. */
  readonly take: (offset: number, parts: readonly Uint8Array[], total: number) => void;
}

interface Source {
  readonly chunks: Arrived[];
  isAnnounced: boolean;
  received: number;
  granted: number;
  unread: number;
}

export class Incoming {
  readonly plan: IncomingPlan;
  readonly #links: Links;
  readonly #ended: () => void;
  readonly #sources: Map<number, Source>;
  #total: number;
  #offset = 0;
  #isOver = false;

  constructor(links: Links, plan: IncomingPlan, ended: () => void) {
    this.plan = plan;
    this.#links = links;
    this.#ended = ended;
    this.#total = plan.bytes;
    this.#sources = new Map(plan.froms.map(f => [f, { chunks: [], isAnnounced: false, received: 0, granted: 0, unread: 0 }]));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  isWaitingFor(from: number): boolean {
    const source = this.#sources.get(from);
    return source !== undefined && !this.#isOver && (!source.isAnnounced || source.received < this.#total);
  }

  /** What is wrong with a message's announcement, or undefined. */
  announce(from: number, header: FrameHeader): string | undefined {
    const source = this.#sources.get(from)!;
    if (source.isAnnounced) return "the same message again";
    if (this.plan.isOpenEnded) {
      if (header.total > this.plan.bytes) return `a message of ${header.total} bytes, above ${this.plan.bytes}`;
      this.#total = header.total;
    } else if (header.total !== this.plan.bytes) return `a message of ${header.total} bytes, not ${this.plan.bytes}`;
    source.isAnnounced = true;
    const chunks = Math.ceil(header.total / frameChunkBytes);
    if (header.total > inlineBytes) this.#grant(from, source, Math.min(chunks, this.#links.windowChunks));
    else if (this.plan.isAwaited) this.#grant(from, source, 1);
    return undefined;
  }

  /** Bytes of the next chunk. */
  #due(source: Source): number {
    return Math.min(this.#total <= inlineBytes ? inlineBytes : frameChunkBytes, this.#total - source.received);
  }

  /** Where the next chunk belongs, if the header is that of the next chunk. */
  place(from: number, { payloadBytes }: FrameHeader): Uint8Array | undefined {
    const source = this.#sources.get(from)!;
    const { into } = this.plan;
    if (!into || !source.isAnnounced || payloadBytes !== this.#due(source) || source.received >= source.granted * frameChunkBytes)
      return undefined;
    return into.subarray(source.received, source.received + payloadBytes);
  }

  /** What is wrong with a chunk, or undefined. It is released here in time. */
  chunk(from: number, arrived: Arrived): string | undefined {
    const source = this.#sources.get(from)!;
    const { length } = arrived.payload;
    const want = this.#due(source);
    if (!source.isAnnounced || length !== want || (length === 0 && this.#total > 0))
      return `${length} bytes of a message, where ${source.isAnnounced ? want : 0} are due`;
    if (arrived.header.kind === "body" && source.received >= source.granted * frameChunkBytes)
      return "more of a message than there was credit for";
    source.received += length;
    source.chunks.push(arrived);
    this.#read();
    return undefined;
  }

  #grant(to: number, source: Source, credits: number): void {
    source.granted += credits;
    const { id, call } = this.plan;
    this.#links.post(to, { kind: "credit", id, call, total: this.#total, credits, payloadBytes: 0 }, undefined);
  }

  #read(): void {
    const sources = [...this.#sources];
    while (sources.every(([, s]) => s.chunks.length > 0)) {
      const arrived = sources.map(([, s]) => s.chunks.shift()!);
      const length = arrived[0]!.payload.length;
      this.plan.take(
        this.#offset,
        arrived.map(a => a.payload),
        this.#total,
      );
      for (const a of arrived) a.release();
      this.#offset += length;
      if (this.#offset === this.#total) {
        this.#isOver = true;
        this.#ended();
        return;
      }
      for (const [from, source] of sources) this.#grantMore(from, source);
    }
  }

  #grantMore(from: number, source: Source): void {
    source.unread++;
    const left = Math.ceil(this.#total / frameChunkBytes) - source.granted;
    if (left <= 0 || source.unread < this.#links.windowChunks / 4) return;
    this.#grant(from, source, Math.min(left, source.unread));
    source.unread = 0;
  }

  /** Gives back what is held. */
  drop(): void {
    this.#isOver = true;
    for (const { chunks } of this.#sources.values()) for (const a of chunks.splice(0)) a.release();
  }
}
