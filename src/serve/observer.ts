/** What an engine tells those who watch it (metrics, the console, a terminal line). Watchers must not throw and cannot change anything. */
import type { EndReason, Usage } from "./generation.ts";
import type { Siblings } from "./siblings.ts";

/** How a sequence ended: by its own, or not. */
export type RequestOutcome = EndReason | "cancelled" | "slow reader" | "error";

/** What is told of a sequence; the same object each time. */
export interface Observed {
  readonly id: number;
  /** Which of several answers to one request. */
  readonly choice: number;
  readonly siblings: Siblings;
  readonly usage: Usage;
  /** Tokens of the answer at most. */
  readonly maxTokens: number;
  /** The HTTP request that it is an answer to, by the id that its client was given. */
  readonly requestId?: string | undefined;
  /** The adapter that answers. */
  readonly adapterName?: string | undefined;
  /** Of the request that it belongs to. */
  readonly signal: AbortSignal | undefined;
  /** The answer was given beforehand and is only scored. */
  readonly isForced: boolean;
  /** What it was asked, and what it has said so far. */
  readonly promptTokens: readonly number[];
  readonly answerTokens: readonly number[];
  /** Sum of the model's own log-probabilities, in nats, of so many of the answer's tokens. */
  readonly logProbability: number;
  readonly scoredTokens: number;
}

/**
 * Each token that is scored costs a pass over the vocabulary. `sparse`: as seldom as keeps that below a fraction of a microsecond a token, whatever the vocabulary; the
 * tokens are chosen by their count alone, so their mean is that of all.
 */
export type ScoresEvery = number | "sparse";

export interface EngineObserver {
  /** Wants the log-probability of every so manieth token of all answers; of none when absent. */
  readonly scoresEvery?: ScoresEvery;
  /** So many sequences were refused, for the queue is full. */
  rejected?(sequences: number): void;
  /** A sequence joined the queue; called while whoever submits it waits. */
  submitted?(of: Observed): void;
  /** It left the queue for a slot, after so long. Of a beam search only its first answer does. */
  started?(queuedMs: number, of: Observed): void;
  /** Its first token came, so long after it was submitted. */
  firstToken?(ms: number, of: Observed): void;
  /** A further token came, so long after the one before. */
  nextToken?(ms: number): void;
  /** So many tokens of its prompt are computed or were found in the cache; told after each chunk. */
  computed?(tokens: number, of: Observed): void;
  /** So many tokens of its prompt were found in the cache and not computed again. */
  reused?(tokens: number): void;
  /** So many guesses were verified, so many of them were right. */
  verified?(guessed: number, right: number): void;
  /** It was put back into the queue for lack of positions in the cache; it goes on later where it was. */
  preempted?(of: Observed): void;
  /** A span of it was refused and taken back (`SpanGuard`). */
  spanRefused?(of: Observed): void;
  finished?(outcome: RequestOutcome, usage: Usage, totalMs: number, of: Observed): void;
  /** A step ran: rows that decoded, tokens of prompts that were read. */
  step?(decoded: number, readTokens: number, ms: number): void;
}
