/**
 * How a body asks for tokens to be drawn, in the engine's words. What a body says as texts (bad words, sequence breakers, biases of words) becomes
 * tokens of the served model here. The model's own defaults fill what it does not say.
 */
import type { DryOptions, SamplingOptions } from "../../nn/index.ts";
import type { SamplingFields } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import { checkTokens } from "../padded-vocabulary.ts";
import type { ServedTokenizer } from "../served-model.ts";

const plainTokens = (tokenizer: ServedTokenizer, text: string): number[] =>
  Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false }));

/** OpenAI's object of token ids, or llama.cpp's list of pairs, in which a text stands for each of its tokens and false bans. */
function biasOf(given: NonNullable<SamplingFields["logit_bias"]>, tokenizer: ServedTokenizer): ReadonlyMap<number, number> {
  const bias = new Map<number, number>();
  const add = (token: number, value: number) => bias.set(token, (bias.get(token) ?? 0) + value);
  if (!Array.isArray(given)) for (const [token, value] of Object.entries(given)) add(Number(token), value);
  else
    for (const [of, value] of given)
      for (const token of typeof of === "number" ? [of] : plainTokens(tokenizer, of))
        add(token, value === false ? Number.NEGATIVE_INFINITY : value);
  return bias;
}

/** As vLLM: a word as it stands after no space, and, where that is a token sequence of the same length that begins otherwise, after one. */
function badSequencesOf(words: readonly string[], tokenizer: ServedTokenizer): readonly (readonly number[])[] {
  return words.flatMap(word => {
    const plain = plainTokens(tokenizer, word.trimStart());
    const spaced = plainTokens(tokenizer, ` ${word.trimStart()}`);
    const isOther = spaced.length === plain.length && spaced[0] !== plain[0];
    return [plain, ...(isOther ? [spaced] : [])].filter(tokens => tokens.length > 0);
  });
}

/** llama.cpp's own. */
const defaultBreakers = ["\n", ":", '"', "*"];
const keptBreakers = 16;
const breakersOf = new WeakMap<ServedTokenizer, Map<string, readonly (readonly number[])[]>>();

/** Every token whose text holds a breaker, and the breaker's own tokens where it takes several. */
function breakerTokens(breakers: readonly string[], tokenizer: ServedTokenizer): readonly (readonly number[])[] {
  const known = breakersOf.get(tokenizer) ?? new Map<string, readonly (readonly number[])[]>();
  breakersOf.set(tokenizer, known);
  const key = JSON.stringify(breakers);
  const kept = known.get(key);
  if (kept) return kept;
  const single: (readonly number[])[] = [];
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const bytes = tokenizer.bytesOf?.(id);
    const text = bytes ? Buffer.from(bytes).toString("utf8") : tokenizer.decode([id]);
    if (breakers.some(b => text.includes(b))) single.push([id]);
  }
  const several = breakers.map(b => plainTokens(tokenizer, b)).filter(tokens => tokens.length > 1);
  const found = [...single, ...several];
  if (known.size >= keptBreakers) known.clear();
  known.set(key, found);
  return found;
}

/** A count of last tokens, in llama.cpp's words: -1 is all of them. */
const countOfLast = (given: number | null | undefined, otherwise: number): number =>
  given == null ? otherwise : given < 0 ? Number.POSITIVE_INFINITY : given;

function dryOf(body: SamplingFields, tokenizer: ServedTokenizer): { readonly dry?: DryOptions } {
  if (!body.dry_multiplier) return {};
  // llama.cpp: a base below 1 is its default
  const base = body.dry_base == null || body.dry_base < 1 ? 1.75 : body.dry_base;
  return {
    dry: {
      multiplier: body.dry_multiplier,
      base,
      allowedLength: body.dry_allowed_length ?? 2,
      lastTokens: countOfLast(body.dry_penalty_last_n, 64),
      breakers: breakerTokens(body.dry_sequence_breakers ?? defaultBreakers, tokenizer),
    },
  };
}

/** llama.cpp's `repeat_penalty` is the same over the last 64 tokens. */
function repetitionOf({ repetition_penalty, repeat_penalty, repeat_last_n }: SamplingFields): Partial<SamplingOptions> {
  if (repetition_penalty != null && repeat_penalty != null)
    throw serveErrors.fail("parameter", {
      place: "repeat_penalty",
      expected: "one penalty of repetition",
      received: "repetition_penalty too",
    });
  const penalty = repeat_penalty ?? repetition_penalty;
  return {
    ...(penalty == null ? {} : { repetitionPenalty: penalty }),
    ...(repeat_penalty == null && repeat_last_n == null
      ? {}
      : { repetitionWindow: countOfLast(repeat_last_n, repeat_penalty == null ? Number.POSITIVE_INFINITY : 64) }),
  };
}

/** What a body says; where neither it nor the model does, OpenAI's defaults hold (temperature 1), which are ours. A top_p of 0 leaves the most likely token. */
export function requestedSampling(body: SamplingFields, tokenizer: ServedTokenizer): Partial<SamplingOptions> {
  const { temperature, top_p, top_k, min_p, typical_p, presence_penalty, frequency_penalty, logit_bias } = body;
  const { mirostat, mirostat_tau, mirostat_eta, allowed_token_ids, bad_words, xtc_probability, xtc_threshold } = body;
  if (allowed_token_ids) checkTokens(tokenizer, allowed_token_ids, "allowed_token_ids");
  return {
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: Math.max(top_p, Number.MIN_VALUE) }),
    ...(top_k == null ? {} : { topK: Math.max(top_k, 0) }),
    ...(min_p == null ? {} : { minP: min_p }),
    ...(typical_p == null ? {} : { typicalP: Math.max(typical_p, Number.MIN_VALUE) }),
    // the defaults of llama.cpp
    ...(mirostat === 2 ? { mirostatTau: mirostat_tau ?? 5, mirostatEta: mirostat_eta ?? 0.1 } : {}),
    ...repetitionOf(body),
    ...(presence_penalty == null ? {} : { presencePenalty: presence_penalty }),
    ...(frequency_penalty == null ? {} : { frequencyPenalty: frequency_penalty }),
    ...(logit_bias == null ? {} : { logitBias: biasOf(logit_bias, tokenizer) }),
    ...dryOf(body, tokenizer),
    ...(allowed_token_ids == null ? {} : { allowedTokens: new Set(allowed_token_ids) }),
    ...(bad_words == null ? {} : { badSequences: badSequencesOf(bad_words, tokenizer) }),
    ...(xtc_probability == null ? {} : { xtcProbability: xtc_probability }),
    ...(xtc_threshold == null ? {} : { xtcThreshold: xtc_threshold }),
  };
}
