/** `completion_probabilities` of llama.cpp: of each token its id, text, bytes and log-probability, beside the likeliest ones of its place. */
import type { GeneratedToken } from "../../generation.ts";
import type { ServedTokenizer } from "../../served-model.ts";

/** The least number that JSON's readers take for a float32, where a logarithm is minus infinity. */
const least = -3.4028234663852886e38;

/** Text of bytes as far as they are whole characters. */
const wholeText = (bytes: Uint8Array): string => new TextDecoder("utf-8").decode(bytes, { stream: true });

/** The bytes and the text of one token, special ones as they are written. */
export function pieceOf(tokenizer: ServedTokenizer, id: number): { readonly bytes: Uint8Array; readonly text: string } {
  const known = tokenizer.bytesOf?.(id);
  if (known) return { bytes: known, text: wholeText(known) };
  const text = tokenizer.tokenOf?.(id) ?? tokenizer.decode([id]);
  return { bytes: new TextEncoder().encode(text), text };
}

/** `isSampled`: probabilities after the samplers instead of log-probabilities before them. */
export function completionProbabilities(tokenizer: ServedTokenizer, tokens: readonly GeneratedToken[], isSampled: boolean) {
  const entry = (token: number, logProbability: number) => {
    const { bytes, text } = pieceOf(tokenizer, token);
    const said = isSampled ? { prob: Math.exp(logProbability) } : { logprob: Math.max(least, logProbability) };
    return { id: token, token: text, bytes: [...bytes], ...said };
  };
  return tokens.flatMap(({ likelihood: l }) => {
    if (!l) return [];
    const top = l.top.map(t => entry(t.token, t.logProbability));
    return [{ ...entry(l.token, l.logProbability), ...(isSampled ? { top_probs: top } : { top_logprobs: top }) }];
  });
}
