/** WordPiece (Wu et al. 2016; BERT): the longest token that fits, again and again; a word that does not work out is unknown whole. */
import { z } from "zod";
import { readRow } from "../rows.ts";
import type { TokenModel } from "./model.ts";
import { makeVocabulary, needToken, vocabularySchema } from "./vocabulary.ts";

const shape = {
  vocab: vocabularySchema,
  unk_token: z.string().default("[UNK]"),
  continuing_subword_prefix: z.string().default("##"),
  max_input_chars_per_word: z.int().positive().default(100),
};

export const wordPiece = readRow(shape, (o, place): TokenModel => {
  const vocabulary = makeVocabulary(Object.entries(o.vocab), `${place}.vocab`);
  const unknown = needToken(vocabulary, o.unk_token, `${place}.unk_token`);
  // No piece is longer than the longest token: that keeps a long word linear, whatever the file allows.
  let longest = 0;
  for (const token of vocabulary.ids.keys()) longest = Math.max(longest, token.length);
  const found: number[] = [];

  const encode: TokenModel["encode"] = (piece, emit) => {
    found.length = 0;
    let start = 0;
    let numChars = 0;
    for (const _ of piece) numChars++;
    if (numChars > o.max_input_chars_per_word) return emit(unknown, 0, piece.length);
    while (start < piece.length) {
      const before = start === 0 ? "" : o.continuing_subword_prefix;
      let end = Math.min(piece.length, start + longest);
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocabulary.ids.get(before + piece.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return emit(unknown, 0, piece.length);
      found.push(id, start, end);
      start = end;
    }
    for (let i = 0; i < found.length; i += 3) emit(found[i]!, found[i + 1]!, found[i + 2]!);
  };
  return { vocabulary, encode };
});
