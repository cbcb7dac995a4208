/** What is asked of an engine and what comes back: requests as tokens, answers as events. Plain data, no behaviour. */
import type { BeamOptions, FinishReason, FormState, SamplingOptions, TokenLikelihood } from "../nn/index.ts";

export interface GenerationRequest {
  /** The prompt's tokens, at least one. */
  readonly tokens: readonly number[];
  /** Tokens of the answer at most; what the context leaves when absent. */
  readonly maxTokens?: number;
  readonly sampling?: Partial<SamplingOptions>;
  /** Any number or text; drawn when absent. */
  readonly seed?: number | string;
  /** Which of several answers to one request: each draws from random numbers of its own. */
  readonly choice?: number;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /** Tokens that end the answer; the model's when absent. */
  readonly stopTokens?: readonly number[];
  /** Reports each token's log-probability and that of so many most likely ones. */
  readonly likelihoods?: number;
  /** `likelihoods` are of the scores after the samplers, from which each token was drawn, instead of the model's own. */
  readonly likelihoodsSampled?: boolean;
  /** The answer, given beforehand: nothing is drawn, and `likelihoods` tells how likely the model thought each of its tokens. */
  readonly forced?: readonly number[];
  /** The form that the answer must have, at its beginning; not together with `forced`. */
  readonly form?: FormState;
  /** Neither a token nor a text ends the answer while it has fewer tokens; 0 when absent. */
  readonly minTokens?: number;
  /** What ends the answer is its last text. */
  readonly includesStop?: boolean;
  /** Tokens whose log-probabilities are reported instead of the most likely ones. */
  readonly likelihoodTokens?: readonly number[];
  /** The answer goes on from the prompt's text: a space that its first token begins with is a part of it. */
  readonly isContinuation?: boolean;
  /** Leaves special tokens out of the text; true when absent. */
  readonly skipSpecialTokens?: boolean;
  /** Who it belongs to, for fairness; a group of its own when absent. */
  readonly group?: string;
  /** Searches instead of drawing; requests that share this very object are the best answers of one search, best first. */
  readonly beams?: Partial<BeamOptions>;
  /** Only requests of the same salt share what is computed of equal prompts; "" when absent. */
  readonly cacheSalt?: string;
  /** The adapter that answers, by the name that it has in the engine; the model as it is when absent. */
  readonly adapter?: string;
  readonly signal?: AbortSignal;
}

/** `content_filter`: what followed was refused (`SpanGuard`). */
export type EndReason = FinishReason | "content_filter";

export interface GeneratedToken {
  readonly token: number;
  readonly likelihood?: TokenLikelihood;
}

export interface Usage {
  readonly promptTokens: number;
  /** Tokens drawn, a stop token included, without those that were taken back. */
  readonly completionTokens: number;
  /** Of the prompt's tokens, those that were found in the cache; absent when none were. */
  readonly cachedTokens?: number;
  /** Tokens that a small model guessed for it, and how many of them were right; absent without one. */
  readonly draftedTokens?: number;
  readonly acceptedTokens?: number;
}

/** New text, and the tokens whose text is now out. */
export interface TextEvent {
  readonly kind: "text";
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
}
/** The rest of the text and how it ended. */
export interface EndEvent {
  readonly kind: "end";
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
  readonly finishReason: EndReason;
  /** Mean log-probability of the tokens drawn, what lies in a stop string and the stop token included; where likelihoods were asked for. */
  readonly meanLogProbability?: number;
  /** The stop string that ended it. */
  readonly stop?: string;
  /** Tokens of the answer that are no part of its text: those of the stop string, or the stop token. */
  readonly unsaid?: readonly number[];
  /** The token that ended it. */
  readonly stopToken?: GeneratedToken;
  readonly usage: Usage;
}
export type GenerationEvent = TextEvent | EndEvent;
