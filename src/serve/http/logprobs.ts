/** Log-probabilities in the forms of the OpenAI API and vLLM's. They are the model's own, before temperature and cuts. */
import type { TokenTextStream } from "../../nn/index.ts";
import type { GeneratedToken } from "../generation.ts";
import type { ServedTokenizer } from "../served-model.ts";

/** Of its bytes where they are known: decoded alone, a token would lose the space that it begins with. */
function textOf(tokenizer: ServedTokenizer, token: number): string {
  const bytes = tokenizer.bytesOf?.(token);
  return bytes ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) : tokenizer.decode([token]);
}

/** UTF-8 bytes of a token's text; null where it is a part of a character and the text does not say which. */
const bytesOf = (text: string): number[] | null => (text.includes("\u{fffd}") ? null : [...new TextEncoder().encode(text)]);

/** vLLM's `return_tokens_as_token_ids`: ids tell tokens apart that have the same text. */
const idName = (token: number): string => `token_id:${token}`;

/** Of a token that a text begins with: without the space that the text does not begin with, so that the texts of all tokens are the text. */
function startTextOf(tokenizer: ServedTokenizer, token: number): string {
  const text = textOf(tokenizer, token);
  return text.startsWith(" ") && tokenizer.stream().push(token) === text.slice(1) ? text.slice(1) : text;
}

/** `isStart`: the first of the tokens is that of an answer. */
export function chatLogprobs(
  tokenizer: ServedTokenizer,
  tokens: readonly GeneratedToken[],
  { asIds = false, isStart = false }: { readonly asIds?: boolean; readonly isStart?: boolean } = {},
) {
  const entryAt =
    (start: boolean) =>
    ({ token, logProbability }: { token: number; logProbability: number }) => {
      const text = (start ? startTextOf : textOf)(tokenizer, token);
      return { token: asIds ? idName(token) : text, logprob: logProbability, bytes: bytesOf(text) };
    };
  const content = tokens.flatMap(({ likelihood: l }, i) => {
    const entry = entryAt(isStart && i === 0);
    return l ? [{ ...entry(l), top_logprobs: l.top.map(entry) }] : [];
  });
  return { content, refusal: null };
}

/** The tokens of a prompt with their likelihoods, its first apart: nothing stands before it. */
export interface PromptLikelihoods {
  readonly first: number;
  readonly rest: readonly GeneratedToken[];
}

/** Where the text of each token starts, in code points from the start of a choice's text: a character of several tokens starts once. */
export class TextOffsets {
  readonly #stream: TokenTextStream;
  #end = 0;

  constructor(tokenizer: ServedTokenizer, skipSpecialTokens: boolean) {
    // without special tokens it is an answer, which stands behind its prompt
    this.#stream = tokenizer.stream({ skipSpecialTokens, isContinuation: skipSpecialTokens });
  }

  /** Where the next token starts, which is this one. */
  push(token: number): number {
    const start = this.#end;
    this.#end += [...this.#stream.push(token)].length;
    return start;
  }
}

interface CompletionLogprobsOptions {
  /** Of a stream's choice, which go on from event to event. */
  readonly offsets?: TextOffsets;
  readonly asIds?: boolean;
  /** An echoed prompt comes first. */
  readonly prompt?: PromptLikelihoods | undefined;
}

export function completionLogprobs(
  tokenizer: ServedTokenizer,
  tokens: readonly GeneratedToken[],
  { prompt, asIds = false, offsets = new TextOffsets(tokenizer, prompt === undefined) }: CompletionLogprobsOptions = {},
) {
  const out = {
    tokens: [] as string[],
    token_logprobs: [] as (number | null)[],
    top_logprobs: [] as (Record<string, number> | null)[],
    text_offset: [] as number[],
  };
  const nameOf = (token: number): string => (asIds ? idName(token) : textOf(tokenizer, token));
  const say = (token: number, logprob: number | null, top: Record<string, number> | null): void => {
    out.tokens.push(nameOf(token));
    out.token_logprobs.push(logprob);
    out.top_logprobs.push(top);
    out.text_offset.push(offsets.push(token));
  };
  const told = (l: NonNullable<GeneratedToken["likelihood"]>, ownFirst: boolean): void => {
    // as OpenAI: the chosen token is listed too, so there may be one more than asked for
    const listed = ownFirst ? [l, ...l.top] : [...l.top, l];
    say(l.token, l.logProbability, Object.fromEntries(listed.map(t => [nameOf(t.token), t.logProbability])));
  };
  if (prompt) say(prompt.first, null, null);
  for (const { likelihood } of prompt?.rest ?? []) if (likelihood) told(likelihood, true);
  for (const { likelihood } of tokens) if (likelihood) told(likelihood, false);
  return out;
}

/** vLLM's `prompt_logprobs`: for each token of the prompt its own and the most likely ones in its place, by id; null for the first. */
export function promptLogprobs(tokenizer: ServedTokenizer, { rest }: PromptLikelihoods) {
  // for the whole vocabulary, a text is decoded once, not once a place
  const texts = new Map<number, string>();
  const textAt = (token: number): string => {
    const known = texts.get(token) ?? textOf(tokenizer, token);
    texts.set(token, known);
    return known;
  };
  const entry = ({ token, logProbability, rank }: { token: number; logProbability: number; rank: number }) => [
    String(token),
    { logprob: logProbability, rank, decoded_token: textAt(token) },
  ];
  return [null, ...rest.map(({ likelihood: l }) => Object.fromEntries([entry(l!), ...l!.top.map((t, i) => entry({ ...t, rank: i + 1 }))]))];
}
