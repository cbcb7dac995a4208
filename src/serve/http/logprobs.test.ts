import { expect, test } from "vitest";
import { byteTokenizer } from "../fakes.ts";
import type { GeneratedToken } from "../generation.ts";
import type { ServedTokenizer } from "../served-model.ts";
import { chatLogprobs } from "./logprobs.ts";

/** Two words, each with the space that a word begins with, as SentencePiece has them: of a text's first token the space is no part of the text. */
const words = [" a", " b"];
const tokenizer: ServedTokenizer = {
  ...byteTokenizer,
  vocabSize: words.length,
  bytesOf: id => new TextEncoder().encode(words[id]),
  stream: () => {
    let isFirst = true;
    return {
      push: id => {
        const text = words[id]!;
        const shown = isFirst ? text.slice(1) : text;
        isFirst = false;
        return shown;
      },
      end: () => "",
    };
  },
};
const generated = (token: number): GeneratedToken => ({
  token,
  likelihood: { token, logProbability: -1, rank: 1, top: [{ token: 1 - token, logProbability: -2 }] },
});

test("the texts of a chat's tokens are its text: the first has no space that the text has not", () => {
  const tokens = [generated(0), generated(1), generated(0)];
  const textOf = (entries: readonly { readonly token: string }[]) => entries.map(e => e.token).join("");
  const stream = tokenizer.stream();
  const { content } = chatLogprobs(tokenizer, tokens, { isStart: true });
  expect(textOf(content)).toBe(tokens.map(t => stream.push(t.token)).join(""));
  expect([content[0]!.bytes, content[0]!.top_logprobs[0]!.token]).toEqual([[97], "b"]);
  // further tokens of a stream keep theirs
  expect(textOf(chatLogprobs(tokenizer, tokens.slice(1)).content)).toBe(" b a");
});
