/**
 * What an answer is charged: its upstream's own counts as far as they can be. Upwards they are bounded by what the answer may have and by what the
 * request can be; downwards by what was seen of a stream. Where nothing usable was said of a whole answer, what was held is charged. And what an
 * upstream is told so that what is held is all that it writes.
 */

import type { TokenUsage } from "../../protocols/index.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { Ask } from "./ask.ts";

/** Of a request that was let in, what its counts are held against. */
export interface Held {
  readonly ask: Pick<Ask, "api" | "body" | "choices" | "sizeBytes">;
  /** The model that was asked for comes first. */
  readonly routes: readonly Pick<ModelRoute, "boundsOutput" | "contextTokens" | "maxOutputTokens">[];
  readonly exchange: { readonly inputTokens: number };
  readonly maxOutputTokens: number;
}

/** A text's token is a byte at least; before they are counted some tokenizers write letters anew, which makes them longer, and templates add theirs. */
const tokensPerByte = 2;
/**
 * Pieces of a stream that a token may come in: some servers send letters one by one, and a token has about four of them. A piece can hold many
 * tokens, so pieces say nothing of how many there were at most.
 */
const piecesPerToken = 8;

/** The request itself says how much it asks for, or its address has no output. */
const isBounded = ({ api, body }: Held["ask"]): boolean => api.maxOutputTokens(body, Number.POSITIVE_INFINITY) !== Number.POSITIVE_INFINITY;

/**
 * Of each choice, the most that an upstream is told though the request says nothing: what the model's configuration says. What is held where that
 * says nothing either is not told: it would cut long answers short, and servers of a short context refuse a bound that they have no room for. Nor
 * is any told of completions: servers write 16 tokens there where nothing is said, and would write more.
 */
export function toldOutputTokens({ ask, routes }: Held): number | undefined {
  const { boundsOutput, maxOutputTokens } = routes[0]!;
  if (!boundsOutput) return undefined;
  const { streamed } = ask.api;
  return (streamed === "chat" || streamed === "responses") && !isBounded(ask) ? maxOutputTokens : undefined;
}

/**
 * The most output that is believed. Of an answer that is bounded, what was held, or what the model writes by itself where that is more: servers
 * differ on whether `max_tokens` counts what a model thinks before it answers. Of another, what the model takes.
 */
function mostOutput(f: Held, said: number): number {
  const { ask, routes, maxOutputTokens } = f;
  if (ask.api.streamed === undefined) return 0;
  const route = routes[0]!;
  const most = Math.max(maxOutputTokens, route.maxOutputTokens * ask.choices);
  if (said <= most || isBounded(ask) || toldOutputTokens(f) !== undefined) return most;
  return Math.max(most, route.contextTokens * ask.choices);
}

/** The counts of an upstream with what cannot be taken off. */
export function boundedUsage(f: Held, said: TokenUsage): TokenUsage {
  const inputTokens = Math.min(
    said.inputTokens,
    Math.max(f.routes[0]!.contextTokens, f.ask.sizeBytes * tokensPerByte, f.exchange.inputTokens),
  );
  const outputTokens = Math.min(said.outputTokens, mostOutput(f, said.outputTokens));
  if (inputTokens === said.inputTokens && outputTokens === said.outputTokens) return said;
  return { inputTokens, outputTokens, cachedTokens: Math.min(said.cachedTokens, inputTokens) };
}

/** Of a whole answer; `said` is undefined where its upstream said nothing usable, `isUncounted` where it should have. */
export const chargedWhole = (f: Held, said: TokenUsage | undefined, isUncounted: boolean): TokenUsage =>
  said && !isUncounted
    ? boundedUsage(f, said)
    : boundedUsage(f, {
        inputTokens: said?.inputTokens ?? f.exchange.inputTokens,
        outputTokens: isUncounted ? f.maxOutputTokens : 0,
        cachedTokens: said?.cachedTokens ?? 0,
      });

/** Of a stream that said something in so many pieces: they are counted where nothing was said of them, or less than they can be. */
export const chargedStream = (f: Held, said: TokenUsage | undefined, pieces: number): TokenUsage =>
  boundedUsage(
    f,
    said && pieces <= said.outputTokens * piecesPerToken
      ? said
      : { inputTokens: said?.inputTokens ?? f.exchange.inputTokens, outputTokens: pieces, cachedTokens: said?.cachedTokens ?? 0 },
  );
