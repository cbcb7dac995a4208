/**
 * What a transport has to give: frames carried between each pair of ranks, in order, and word of a rank's end. Everything else (matching of calls,
 * sums, flow control, timeouts, errors) is the same for all transports and lies above.
 */
import type { FrameHeader } from "./frame.ts";

export interface Arrived {
  readonly header: FrameHeader;
  /** At most `header.payloadBytes`, aligned to 8 bytes, valid until `release`. */
  readonly payload: Uint8Array;
  /** Gives the memory back; called once. */
  release(): void;
}

export interface LinkHandler {
  /** Where a chunk's payload belongs, for links that can read it there; undefined: anywhere. Nothing is written there once `frame` was called, or all failed. */
  place(from: number, header: FrameHeader): Uint8Array | undefined;
  frame(from: number, arrived: Arrived): void;
  /** `to` takes bodies again. */
  room(to: number): void;
  /** The rank is gone without a word of farewell; `why` ends the sentence "got ...". */
  lost(from: number, why: string): void;
  /** The rank sent what is no frame. */
  invalid(from: number, what: string): void;
}

export interface Links {
  readonly transport: string;
  readonly rank: number;
  readonly size: number;
  /** Chunks of a message that may be under way to a rank that has not read them. */
  readonly windowChunks: number;
  /** Called once, before anything else. */
  start(handler: LinkHandler): void;
  /** Sends a frame after those before it. `flushed` is called when the payload's memory may change. Never refuses; `hasRoom` says when to hold bodies back. */
  post(to: number, header: FrameHeader, payload: Uint8Array | undefined, flushed?: () => void): void;
  hasRoom(to: number): boolean;
  /** Somebody waits for frames, or nobody does: transports that have to look for them look accordingly. */
  expect(isWaiting: boolean): void;
  /** All calls have failed: no place that `place` gave is written any more. */
  dropPlaces?(): void;
  /** Ends all links after what was posted; `crash` ends them at once, as the end of the process would. */
  close(): Promise<void>;
  crash(): void;
}
