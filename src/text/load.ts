/**
 * Reads a tokenizer.json (Hugging Face's format) into a tokenizer. Everything in the file is understood or refused by name; only
 * `truncation` and `padding`, which concern batches, are kept and not applied.
 */
import { z } from "zod";
import { check, type Json } from "../base/index.ts";
import { addedTokenSchema } from "./added.ts";
import { originOf } from "./aligned.ts";
import { byteLevelEncoder } from "./byte-level.ts";
import { makeDecoder } from "./decode/table.ts";
import { textErrors } from "./errors.ts";
import type { BpeModel } from "./models/bpe.ts";
import type { TokenModel } from "./models/model.ts";
import { makeModel } from "./models/table.ts";
import { checkGaps, MAX_ID } from "./models/vocabulary.ts";
import { makeNormalizer } from "./normalize/table.ts";
import { PipelineTokenizer, type StretchEncoder } from "./pipeline.ts";
import { makePostProcessor } from "./post-process.ts";
import { makePreTokenizer, type PreTokenizer } from "./pretokenize/table.ts";
import type { Tokenizer } from "./tokenizer.ts";

const fileSchema = z.strictObject({
  version: z.literal("1.0").optional(),
  truncation: z.unknown(),
  padding: z.unknown(),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
  decoder: z.unknown(),
  model: z.unknown(),
});

/** Components within components. Known files have three levels of them; what builds them recurses. */
const MAX_DEPTH = 64;
const isDeeper = (value: unknown, most: number): boolean =>
  value !== null && typeof value === "object" && (most === 0 || Object.values(value).some(inner => isDeeper(inner, most - 1)));

/** The way that works for every file: pieces as strings. */
const pieceByPiece =
  (preTokenizer: PreTokenizer, model: TokenModel): StretchEncoder =>
  (stretch, out) => {
    for (const piece of preTokenizer(stretch)) {
      if (piece.text !== "") model.encode(piece.text, (id, start, end) => out.push(id, ...originOf(piece, start, end)));
    }
  };

const isBpe = (model: TokenModel): model is BpeModel => "rules" in model;

export interface LoadTokenizerOptions {
  /** Names the file in errors. */
  readonly place?: string;
  /** Uses the way that works for every file even where a faster one exists: the judge of the fast one in tests. */
  readonly plain?: boolean;
}

/**
 * A tokenizer from a parsed tokenizer.json or its text. Errors: text/unknownComponent, text/unsupported, text/brokenTokenizer,
 * base/unknownKey, base/config.
 */
export function loadTokenizer(file: unknown, options: LoadTokenizerOptions = {}): Tokenizer {
  const place = options.place ?? "tokenizer.json";
  const json: unknown = typeof file === "string" ? parseJson(file, place) : file;
  const parsed = check(fileSchema, json, place);
  const at = (key: string): string => `${place}: ${key}`;
  for (const key of ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const)
    if (isDeeper(parsed[key], MAX_DEPTH))
      throw textErrors.fail("brokenTokenizer", { place: at(key), expected: `at most ${MAX_DEPTH} levels`, received: "more" });
  const model = makeModel(parsed.model, at("model"));
  const preTokenizer = makePreTokenizer(parsed.pre_tokenizer, at("pre_tokenizer"));
  const fast = isBpe(model) && !options.plain ? byteLevelEncoder(model, parsed.pre_tokenizer, at("pre_tokenizer")) : undefined;
  for (const [i, token] of parsed.added_tokens.entries()) {
    const taken = model.vocabulary.tokens[token.id];
    if (token.id >= MAX_ID || (taken !== undefined && taken !== token.content))
      throw textErrors.fail("brokenTokenizer", {
        place: at(`added_tokens[${i}].id`),
        expected: taken === undefined ? `an id below ${MAX_ID}` : `an id that no other token has`,
        received: taken === undefined ? String(token.id) : `${token.id}, which ${JSON.stringify(taken)} has`,
      });
  }
  const { tokens, ids } = model.vocabulary;
  const greatest = parsed.added_tokens.reduce((most, token) => Math.max(most, token.id), tokens.length - 1);
  checkGaps(greatest, ids.size + parsed.added_tokens.length, at("added_tokens"));
  const normalizer = makeNormalizer(parsed.normalizer, at("normalizer"));
  return new PipelineTokenizer({
    added: parsed.added_tokens,
    normalizer,
    encodeStretch: fast ?? pieceByPiece(preTokenizer, model),
    readsUtf8: fast !== undefined && normalizer.length === 0,
    vocabulary: model.vocabulary,
    postProcessor: makePostProcessor(parsed.post_processor, at("post_processor")),
    decoder: makeDecoder(parsed.decoder, at("decoder")),
    json: json as Json,
  });
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw textErrors.fail(
      "brokenTokenizer",
      { place, expected: "JSON", received: error instanceof Error ? error.message : "something else" },
      error,
    );
  }
}
