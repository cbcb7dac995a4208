/** Tokens of an answer with their log probabilities and the likeliest ones in their place, as both of OpenAI's stream forms tell them. */
import * as is from "../shape.ts";

export interface TokenChance {
  readonly text: string;
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}
export interface AnswerToken extends TokenChance {
  /** The likeliest tokens at this place, the first one first; with the one that was drawn where it is among them. */
  readonly alternatives: readonly TokenChance[];
}

/** Alternatives that are asked for: the most that OpenAI's completions give. */
export const mostAlternatives = 5;

const chance = is.object({ token: is.string, logprob: is.number });

/** Of one choice: the form of chats (`content`), or of completions (parallel lists). */
export const choiceLogprobs = is.object({
  content: is.nullish(is.array(is.object({ token: is.string, logprob: is.number, top_logprobs: is.nullish(is.array(chance)) }))),
  tokens: is.nullish(is.array(is.string)),
  token_logprobs: is.nullish(is.array(is.nullable(is.number))),
  top_logprobs: is.nullish(is.array(is.nullable(is.record(is.number)))),
});

const likeliestFirst = (chances: readonly TokenChance[]): TokenChance[] => chances.toSorted((a, b) => b.logprob - a.logprob);

export function answerTokens(of: is.Infer<typeof choiceLogprobs>): AnswerToken[] {
  const ofChat = (of.content ?? []).map(({ token, logprob, top_logprobs }) => ({
    text: token,
    logprob,
    alternatives: likeliestFirst((top_logprobs ?? []).map(t => ({ text: t.token, logprob: t.logprob }))),
  }));
  const ofCompletion = (of.tokens ?? []).flatMap((text, i) => {
    const logprob = of.token_logprobs?.[i];
    if (logprob == null) return [];
    const top = Object.entries(of.top_logprobs?.[i] ?? {}).map(([t, value]) => ({ text: t, logprob: value }));
    return [{ text, logprob, alternatives: likeliestFirst(top) }];
  });
  return [...ofChat, ...ofCompletion];
}

/** 0: nearly certain, 4: hardly expected. */
export function surpriseOf({ logprob }: TokenChance): 0 | 1 | 2 | 3 | 4 {
  const p = Math.exp(logprob);
  return p >= 0.9 ? 0 : p >= 0.5 ? 1 : p >= 0.2 ? 2 : p >= 0.05 ? 3 : 4;
}

export const percent = (logprob: number): string => {
  const p = 100 * Math.exp(logprob);
  return `${p >= 9.95 ? p.toFixed(0) : p >= 0.1 ? p.toFixed(1) : "< 0.1"} %`;
};

/** White space that a reader would not see. */
export const visible = (text: string): string => text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ | $/g, "␣");
