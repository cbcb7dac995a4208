/** What an engine tells those who watch it (metrics, the console, a terminal line). Watchers must not throw and cannot change anything. */
import type { FinishReason } from "../nn/index.ts";
import type { Usage } from "./sequence.ts";

/** How a sequence ended: by its own, or not. */
export type Outcome = FinishReason | "cancelled" | "slow reader" | "error";
export const outcomes: readonly Outcome[] = ["stop", "length", "cancelled", "slow reader", "error"];

export interface EngineObserver {
  /** A sequence joined the queue. */
  submitted?(promptTokens: number): void;
  /** It left the queue for a slot, after so long. */
  started?(queuedMs: number): void;
  /** Its first token came, so long after it was submitted. */
  firstToken?(ms: number): void;
  /** A further token came, so long after the one before. */
  nextToken?(ms: number): void;
  finished?(outcome: Outcome, usage: Usage, totalMs: number): void;
  /** A step ran: rows that decoded, tokens of chunks. */
  step?(decoded: number, chunkTokens: number, ms: number): void;
}
