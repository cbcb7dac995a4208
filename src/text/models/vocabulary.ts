/** Vocabularies of tokenizer files, checked: every id once, none beyond what memory should be spent on. */
import { z } from "zod";
import { showValue } from "../../base/index.ts";
import { textErrors } from "../errors.ts";
import type { ModelVocabulary } from "./model.ts";

const encoder = new TextEncoder();

/** Ids index arrays: a file that names id 4,000,000,000 must not make one of that length. The largest known vocabulary has 262,144. */
export const MAX_ID = 1 << 22;
/** Ids without a token, below the greatest: each takes memory. Published vocabularies leave some hundreds free. */
const MAX_GAPS = 1 << 16;

/** Errors: text/brokenTokenizer where a vocabulary names ids far beyond its tokens. */
export function checkGaps(greatest: number, numTokens: number, place: string): void {
  if (greatest + 1 - numTokens > MAX_GAPS)
    throw textErrors.fail("brokenTokenizer", {
      place,
      expected: `at most ${MAX_GAPS} ids without a token`,
      received: `id ${greatest} among ${numTokens} tokens`,
    });
}

/** `{ token: id }`, taken as it is: a record schema would copy a quarter of a million entries and drop the token "__proto__". */
export const vocabularySchema = z.custom<Readonly<Record<string, number>>>(
  v => v !== null && typeof v === "object" && !Array.isArray(v),
  "an object of token to id",
);

export function makeVocabulary(entries: readonly (readonly [string, number])[], place: string): ModelVocabulary {
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_ID)
      throw textErrors.fail("brokenTokenizer", {
        place: `${place}[${showValue(token)}]`,
        expected: `an id from 0 to ${MAX_ID - 1}`,
        received: showValue(id),
      });
    if (tokens[id] !== undefined)
      throw textErrors.fail("brokenTokenizer", {
        place: `${place}[${showValue(token)}]`,
        expected: "an id of its own",
        received: `${id}, which ${showValue(tokens[id])} has`,
      });
    ids.set(token, id);
    tokens[id] = token;
  }
  checkGaps(tokens.length - 1, entries.length, place);
  return { ids, tokens };
}

/** The id of a token that something else in the file rests on. */
export function needToken(vocabulary: ModelVocabulary, token: string, place: string): number {
  const id = vocabulary.ids.get(token);
  if (id === undefined)
    throw textErrors.fail("brokenTokenizer", { place, expected: "a token of the vocabulary", received: showValue(token) });
  return id;
}

/** Ids of the byte tokens <0x00> to <0xFF>, undefined where one is missing. */
export const byteTokens = (vocabulary: ModelVocabulary): readonly (number | undefined)[] =>
  Array.from({ length: 256 }, (_, b) => vocabulary.ids.get(`<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`));

/** Ids of a text's bytes by such a list; undefined where one of them is missing. */
export function byteIdsOf(text: string, tokens: readonly (number | undefined)[]): number[] | undefined {
  const ids: number[] = [];
  for (const b of encoder.encode(text)) {
    const id = tokens[b];
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
