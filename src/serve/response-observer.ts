/**
 * The port by which whoever monitors a server hears of every response when it has ended: once, synchronously, for each request to an address whose answers a
 * model computes, also where it was refused, failed, was cancelled, or was a shadow's. Nothing here knows a monitor. A telling is the server's own object and
 * its lists are views of what the server worked with: they are read while the observer is called, and not kept.
 */
import { defined } from "../base/index.ts";
import type { RouteEndpoint } from "./authorization.ts";
import { closestScores } from "./engine-observers.ts";
import type { Usage } from "./generation.ts";
import type { RequestOutcome, ScoresEvery } from "./observer.ts";

/** How a response ended: as its first answer did; `answered` where a model computed something else than an answer; `refused` before a model began. */
export type ResponseOutcome = RequestOutcome | "answered" | "refused";

/** One answer that was generated for a response, or a text that was scored for it. */
export interface EndedAnswer {
  readonly outcome: RequestOutcome;
  /** The answer was given beforehand and only scored. */
  readonly isForced: boolean;
  readonly promptTokens: readonly number[];
  /** Tokens drawn, a stop token included. */
  readonly answerTokens: readonly number[];
  readonly usage: Usage;
  /** Since it was submitted: to a slot, to its first token, to its end; null where it did not come so far. */
  readonly queuedMs: number | null;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  /** Sum of the model's own log-probabilities, in nats, of `scoredTokens` of its tokens; null where none was computed. */
  readonly logProbability: number | null;
  readonly scoredTokens: number;
}

/** One text that an encoder or a classifier read for a response. */
export interface EndedReading {
  readonly tokens: readonly number[];
  /** What a classifier told; null of an encoder. */
  readonly label: string | null;
  readonly labels: readonly string[];
  /** One a label; null of an encoder. */
  readonly probabilities: readonly number[] | null;
  /** Null of a classifier. */
  readonly vector: Float32Array | null;
}

export interface EndedResponse {
  /** As the client got it; clients choose theirs, so it need not be unique. */
  readonly requestId: string;
  /** When it ended, in milliseconds since 1970. */
  readonly atMs: number;
  /** `openai`, `ollama`, ... */
  readonly contract: string;
  /** What the address is called in policies. */
  readonly endpoint: RouteEndpoint;
  /** The address' pattern: no part that a client chose. */
  readonly route: string;
  /** The version that answered, `mail-small@3`; null where none was found. */
  readonly model: string | null;
  /** Its name and its number, where it has them. */
  readonly modelName: string | null;
  readonly modelVersion: number | null;
  /** The version that a split of the name's requests chose; null where nothing was split. */
  readonly arm: number | null;
  /** A copy of a request whose answer nobody sees. */
  readonly isShadow: boolean;
  /** HTTP status; 499 where the client left. */
  readonly status: number;
  readonly outcome: ResponseOutcome;
  /** The code of the error that ended it. */
  readonly error: string | null;
  /** The client's name for who asks (`x-loam-user`, `user`), by which a split keeps a user's version. Hash it before it is kept. */
  readonly user: string | null;
  /** Whose request it is: whose stored objects it may use, where a gateway says it, else a digest of its API key; null where nobody is told apart. */
  readonly owner: string | null;
  /** The id in the response's body, where it has one that clients name it by. */
  readonly responseId: string | null;
  /** Since the request came: to the end of its last answer's queue, to its first token, to its end. */
  readonly queuedMs: number | null;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  /** Of all answers and readings; a prompt with several answers counts once. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly answerTokens: number;
  readonly answers: readonly EndedAnswer[];
  readonly readings: readonly EndedReading[];
  /** A text of the model's tokens; "" where no decoder answered. */
  decode(tokens: readonly number[]): string;
}

export interface ResponseObserver {
  /** Must be quick; what it throws is reported as a failure of the server and harms no response. */
  ended(response: EndedResponse): void;
  /** Log-probabilities are computed of every so manieth token of all answers of an engine; of none when absent. */
  readonly scoresEvery?: ScoresEvery;
}

/** Tells each of several; one that throws keeps the others from nothing, and its error comes out at the end. Undefined where there is none. */
export function eachObserver(observers: readonly (ResponseObserver | undefined)[]): ResponseObserver | undefined {
  const there = observers.filter(o => o !== undefined);
  if (there.length <= 1) return there[0];
  return {
    ended(response) {
      let failure: { readonly error: unknown } | undefined;
      for (const observer of there) {
        try {
          observer.ended(response);
        } catch (error) {
          failure = { error };
        }
      }
      if (failure) throw failure.error;
    },
    ...defined({ scoresEvery: closestScores(there.map(o => o.scoresEvery)) }),
  };
}
