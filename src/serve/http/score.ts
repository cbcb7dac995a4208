/**
 * POST /v1/score: how likely the model thinks a given text, token by token. The text goes through the very programs that generate, as an
 * answer given beforehand, so what is told of a text equals the log-probabilities that the model reported when it wrote it, to the last bit.
 * Neither OpenAI's nor anybody's contract.
 */
import { z } from "zod";
import { requestFields } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import type { GeneratedToken } from "../generation.ts";
import { limits } from "../limits.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import { collectAll } from "./answers.ts";
import { type AppContext, type Asker, askerOf, bodyOf, newId, type Services, saltOf } from "./exchange.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { promptTokens } from "./prompt.ts";
import { checkFields } from "./request-fields.ts";
import { compares, compareTexts } from "./rerank.ts";

const tokens = z.array(z.int().min(0)).min(1);
export const scoreRequest = z.object({
  model: z.string(),
  /** What is scored. */
  input: z.union(
    [z.string().min(1), z.array(z.string().min(1)).min(1).max(limits.answers), tokens, z.array(tokens).min(1).max(limits.answers)],
    {
      error: `a text, a list of token ids, or a list of up to ${limits.answers} of either, none empty`,
    },
  ),
  /** What stands before it and is not scored. */
  prompt: z.union([z.string(), tokens], { error: "a text, or a list of token ids" }).nullish(),
  top_logprobs: z.int().min(0).max(limits.scoreLogprobs).nullish(),
});
type Body = z.output<typeof scoreRequest>;

const inputsOf = (input: Body["input"]): (string | number[])[] =>
  typeof input === "string" ? [input] : typeof input[0] === "number" ? [input as number[]] : (input as (string | number[])[]);

interface Scored {
  /** Tokens that stand before what is scored: at least one, since nothing comes from nothing. */
  readonly given: readonly number[];
  readonly scored: readonly number[];
}

/** A text to what is given and what is scored. Without a start token and a prompt, its first token is given. */
export function scoredTokens(engine: Engine, text: string | readonly number[], prompt?: string | readonly number[] | null): Scored {
  const { startToken, tokenizer } = engine.model;
  const hasPrompt = prompt != null && prompt !== "";
  if (hasPrompt) {
    const given = promptTokens(engine, prompt);
    if (typeof text === "string" && text.length > engine.room * limits.charactersPerToken) promptTokens(engine, text);
    const scored =
      typeof text === "string" ? Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false })) : text;
    return { given, scored };
  }
  const all = promptTokens(engine, text);
  return startToken === undefined || all[0] === startToken || all.length === 0
    ? { given: all.slice(0, 1), scored: all.slice(1) }
    : { given: [startToken], scored: all };
}

/** The likelihoods of texts under a model. Errors as of the engine. */
export async function scoreTexts(
  engine: Engine,
  texts: readonly Scored[],
  { top, requestId, owner, signal }: Asker & { readonly top: number },
): Promise<(readonly GeneratedToken[])[]> {
  const answers = await collectAll(
    engine.submitAll(
      texts.map(({ given, scored }) => ({
        tokens: given,
        forced: scored,
        maxTokens: scored.length,
        stopTokens: [],
        likelihoods: top,
        group: requestId,
        signal,
        ...saltOf(owner),
      })),
    ),
  );
  return answers.map(a => a.tokens);
}

/** Sum of the log-probabilities in nats, and e to the mean of their negatives. */
export function likelihoodOf(found: readonly GeneratedToken[]): { readonly logLikelihood: number; readonly perplexity: number | null } {
  const logLikelihood = found.reduce((sum, t) => sum + t.likelihood!.logProbability, 0);
  return { logLikelihood, perplexity: found.length > 0 ? Math.exp(-logLikelihood / found.length) : null };
}

/** A body of two sides is vLLM's, which compares texts. */
export async function score(c: AppContext, services: Services): Promise<Response> {
  const { engines } = services;
  const raw = await bodyOf(c);
  if (compares(raw)) return compareTexts(c, services);
  checkFields(c.var.exchange, requestFields.score, raw);
  const body = parseBody(scoreRequest, withOnlyModel(raw, engines));
  const engine = engines.find(body.model);
  const { exchange } = c.var;
  exchange.engine = engine;
  const { tokenizer } = engine.model;
  const texts = inputsOf(body.input).map(t => scoredTokens(engine, t, body.prompt));
  for (const { given, scored } of texts) checkTokens(tokenizer, [...given, ...scored], "input");
  const top = body.top_logprobs ?? 0;
  const numScored = texts.reduce((n, t) => n + t.scored.length, 0);
  if (top > limits.topLogprobs && top * numScored > limits.scoredOutcomes)
    throw serveErrors.fail("parameter", {
      place: "top_logprobs",
      expected: `at most ${Math.max(limits.topLogprobs, Math.floor(limits.scoredOutcomes / numScored))} for ${numScored} tokens`,
      received: String(top),
      hint: "Score fewer texts in a request.",
    });
  const found = await scoreTexts(engine, texts, { top, ...askerOf(c) });
  const shown = (t: { readonly token: number; readonly logProbability: number }) => ({
    id: t.token,
    token: tokenizer.decode([t.token]),
    logprob: t.logProbability,
  });
  const count = texts.reduce((n, t) => n + t.given.length + t.scored.length, 0);
  return c.json({
    id: newId("score"),
    object: "list",
    model: body.model,
    system_fingerprint: engine.fingerprint,
    data: found.map((of, index) => {
      const { logLikelihood, perplexity } = likelihoodOf(of);
      return {
        object: "score",
        index,
        tokens: of.map(({ likelihood: l }) => ({
          ...shown(l!),
          ...(body.top_logprobs ? { top_logprobs: l!.top.map(shown) } : {}),
        })),
        log_likelihood: logLikelihood,
        perplexity,
      };
    }),
    usage: { prompt_tokens: count, completion_tokens: 0, total_tokens: count },
  });
}
