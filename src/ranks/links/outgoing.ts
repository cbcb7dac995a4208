/** A message on its way to one rank: announced at once, its chunks sent as the receiver gives credit, the link has room and the data is there. */
import type { MessageId, RankCall } from "./call.ts";
import { frameChunkBytes, inlineBytes } from "./frame.ts";
import type { Links } from "./links.ts";

export interface OutgoingPlan {
  readonly to: number;
  readonly id: MessageId;
  readonly call: RankCall;
  readonly bytes: Uint8Array;
  /** Bytes that are there already, of those that `advance` announces one after another (default: all). */
  readonly ready?: number;
  /** A short message ends when the receiver has taken it, too; without, when it is sent. */
  readonly isAwaited: boolean;
}

export class Outgoing {
  readonly plan: OutgoingPlan;
  readonly #links: Links;
  readonly #ended: () => void;
  #ready: number;
  #sent = 0;
  #unflushed = 0;
  #credits = 0;
  #isOver = false;
  #isPosted = false;

  constructor(links: Links, plan: OutgoingPlan, ended: () => void) {
    this.plan = plan;
    this.#links = links;
    this.#ended = ended;
    this.#ready = plan.ready ?? plan.bytes.length;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get #isInline(): boolean {
    return this.plan.bytes.length <= inlineBytes;
  }

  /** Whether the receiver has to answer before this ends. */
  get needsAnswer(): boolean {
    return !this.#isInline || this.plan.isAwaited;
  }

  start(): void {
    const { to, id, call, bytes } = this.plan;
    const total = bytes.length;
    // a short message goes with its announcement, so it waits for the last of its data
    if (this.#isPosted || (this.#isInline && this.#ready < total)) return;
    this.#isPosted = true;
    // a copy: the caller may change the array once it has all that it waits for
    const payload = this.#isInline ? bytes.slice() : undefined;
    this.#links.post(to, { kind: "message", id, call, total, credits: 0, payloadBytes: payload?.length ?? 0 }, payload);
    if (!this.needsAnswer) this.#end();
  }

  /** The receiver takes `credits` chunks more. */
  credit(credits: number): void {
    if (this.#isInline) this.#end();
    this.#credits += credits;
    this.pump();
  }

  /** `bytes` more are there. */
  advance(bytes: number): void {
    this.#ready += bytes;
    if (this.#isInline) this.start();
    else this.pump();
  }

  pump(): void {
    const { to, id, call, bytes } = this.plan;
    const total = bytes.length;
    while (!this.#isOver && this.#credits > 0 && this.#sent < total && this.#links.hasRoom(to)) {
      const end = Math.min(total, this.#sent + frameChunkBytes);
      if (end > this.#ready) return;
      const payload = bytes.subarray(this.#sent, end);
      this.#sent = end;
      this.#credits--;
      this.#unflushed++;
      this.#links.post(to, { kind: "body", id, call, total, credits: 0, payloadBytes: payload.length }, payload, () => {
        this.#unflushed--;
        this.#endWhenSent();
      });
    }
  }

  #endWhenSent(): void {
    if (this.#sent === this.plan.bytes.length && this.#unflushed === 0) this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
  }
}
