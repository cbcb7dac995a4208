/** One token a piece, or the unknown token. */
import { z } from "zod";
import { readRow } from "../rows.ts";
import type { TokenModel } from "./model.ts";
import { makeVocabulary, needToken, vocabularySchema } from "./vocabulary.ts";

export const wordLevel = readRow({ vocab: vocabularySchema, unk_token: z.string() }, (o, place): TokenModel => {
  const vocabulary = makeVocabulary(Object.entries(o.vocab), `${place}.vocab`);
  const unknown = needToken(vocabulary, o.unk_token, `${place}.unk_token`);
  return { vocabulary, encode: (piece, emit) => emit(vocabulary.ids.get(piece) ?? unknown, 0, piece.length) };
});
