/** vLLM's fields of tokens in and out: prompts cut to a number of tokens, their likelihoods, and the ids of what was read and said. */
import type { TokenFields } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { EndEvent, GeneratedToken } from "../generation.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import type { Asker } from "./exchange.ts";
import type { PromptLikelihoods } from "./logprobs.ts";
import { scoreTexts } from "./score.ts";

/** llama.cpp's `n_predict` comes before the other names; below 0 it is what the context leaves. */
export const asMaxTokens = (nPredict: number | null | undefined, otherwise: number | undefined): number | undefined =>
  nPredict == null ? otherwise : nPredict < 0 ? undefined : nPredict;

/** Of a body as it came: its `n_predict` where that bounds the answer, and `otherwise`, which counts where it is absent. */
export const lengthOf = (nPredict: unknown, otherwise: unknown): unknown =>
  typeof nPredict !== "number" ? otherwise : nPredict < 0 ? undefined : nPredict;

/** A prompt's last tokens, or its first with `truncation_side` right; -1 keeps what leaves room for the answer. */
export function truncatedPrompt(
  { truncate_prompt_tokens: count, truncation_side: side }: Partial<TokenFields>,
  tokens: readonly number[],
  engine: Engine,
  maxTokens: number | undefined,
): readonly number[] {
  if (count == null) return tokens;
  if (count === 0) throw serveErrors.fail("parameter", { place: "truncate_prompt_tokens", expected: "1 or more, or -1", received: "0" });
  const most = count < 0 ? Math.max(1, engine.room - (maxTokens ?? 1)) : count;
  if (tokens.length <= most) return tokens;
  return side === "right" ? tokens.slice(0, most) : tokens.slice(-most);
}

/** Errors: serve/parameter where a field stands without the one that it is about. */
export function checkTokenFields(
  body: Partial<TokenFields> & { readonly stream?: boolean | null | undefined; readonly use_beam_search?: boolean | null | undefined },
  asksLikelihoods: boolean,
  engine: Engine,
): void {
  const refuse = (place: string, expected: string, received: string) => serveErrors.fail("parameter", { place, expected, received });
  const { tokenizer } = engine.model;
  if (body.prompt_logprobs != null && body.stream) throw refuse("prompt_logprobs", "no stream beside it", "stream: true");
  if (!body.logprob_token_ids) return;
  if (!asksLikelihoods) throw refuse("logprob_token_ids", "logprobs beside it", "none");
  if (body.use_beam_search) throw refuse("logprob_token_ids", "no use_beam_search beside it", "use_beam_search: true");
  checkTokens(tokenizer, body.logprob_token_ids, "logprob_token_ids");
}

/** How likely the model thinks each token of each prompt, with so many of the likeliest: by the programs that generate, as /v1/score. */
export async function promptLikelihoods(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  asker: Asker & { readonly top: number },
): Promise<readonly PromptLikelihoods[]> {
  for (const p of prompts) checkTokens(engine.model.tokenizer, p, "prompt");
  const scored = await scoreTexts(
    engine,
    prompts.map(p => ({ given: p.slice(0, 1), scored: p.slice(1) })),
    asker,
  );
  return prompts.map((p, i) => ({ first: p[0]!, rest: scored[i]! }));
}

/** The token that ended an answer, where it is no part of the text and its likelihood is known. */
export const endTokens = ({ stopToken, unsaid = [] }: Pick<EndEvent, "stopToken" | "unsaid">): readonly GeneratedToken[] =>
  stopToken?.likelihood && unsaid.includes(stopToken.token) ? [stopToken] : [];

/** Ids of all tokens of an answer: those of its text, and then those that ended it. */
export const answerTokenIds = ({
  tokens,
  unsaid = [],
}: {
  readonly tokens: readonly GeneratedToken[];
  readonly unsaid?: readonly number[];
}): number[] => [...tokens.map(t => t.token), ...unsaid];
/** vLLM's `stop_reason`: the stop string, or the stop token that is not the model's own end. */
export const stopReasonOf = ({ stop, stopToken }: Pick<EndEvent, "stop" | "stopToken">, engine: Engine): string | number | null =>
  stop ?? (stopToken && !engine.model.stopTokens?.includes(stopToken.token) ? stopToken.token : null);
