/** Models of tokenizer files, a row each. */
import { fromTable, type Table } from "../rows.ts";
import { bpe } from "./bpe.ts";
import type { TokenModel } from "./model.ts";
import { unigram } from "./unigram.ts";
import { wordLevel } from "./word-level.ts";
import { wordPiece } from "./word-piece.ts";

const models: Table<TokenModel> = { BPE: bpe, WordPiece: wordPiece, Unigram: unigram, WordLevel: wordLevel };

/** The model of a file's entry. Older files do not name its type; then its keys tell. */
export function makeModel(entry: unknown, place: string): TokenModel {
  if (entry !== null && typeof entry === "object" && !("type" in entry)) {
    const type =
      "merges" in entry
        ? "BPE"
        : "vocab" in entry && Array.isArray(entry.vocab)
          ? "Unigram"
          : "continuing_subword_prefix" in entry || "max_input_chars_per_word" in entry
            ? "WordPiece"
            : "WordLevel";
    return fromTable(models, "model", { ...entry, type }, place);
  }
  return fromTable(models, "model", entry, place);
}
