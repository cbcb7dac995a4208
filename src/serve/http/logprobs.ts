/** Log-probabilities in the two forms of the OpenAI API. They are the model's own, before temperature and cuts. */
import type { GeneratedToken } from "../generation.ts";
import type { ServedTokenizer } from "../served-model.ts";

const textOf = (tokenizer: ServedTokenizer, token: number): string => tokenizer.decode([token]);

/** UTF-8 bytes of a token's text; null where it is a part of a character and the text does not say which. */
const bytesOf = (text: string): number[] | null => (text.includes("\u{fffd}") ? null : [...new TextEncoder().encode(text)]);

export function chatLogprobs(tokenizer: ServedTokenizer, tokens: readonly GeneratedToken[]) {
  const entry = ({ token, logProbability }: { token: number; logProbability: number }) => {
    const text = textOf(tokenizer, token);
    return { token: text, logprob: logProbability, bytes: bytesOf(text) };
  };
  const content = tokens.flatMap(({ likelihood: l }) => (l ? [{ ...entry(l), top_logprobs: l.top.map(entry) }] : []));
  return { content, refusal: null };
}

/** `offset` is where the first token's text starts, in characters from the start of the choice's text. */
export function completionLogprobs(tokenizer: ServedTokenizer, tokens: readonly GeneratedToken[], offset: number) {
  const out = {
    tokens: [] as string[],
    token_logprobs: [] as number[],
    top_logprobs: [] as Record<string, number>[],
    text_offset: [] as number[],
  };
  let at = offset;
  for (const { likelihood: l } of tokens) {
    if (!l) continue;
    const text = textOf(tokenizer, l.token);
    out.tokens.push(text);
    out.token_logprobs.push(l.logProbability);
    // as OpenAI: the chosen token is listed too, so there may be one more than asked for
    const top = [...l.top, l].map((t): [string, number] => [textOf(tokenizer, t.token), t.logProbability]);
    out.top_logprobs.push(Object.fromEntries(top));
    out.text_offset.push(at);
    at += text.length;
  }
  return out;
}
