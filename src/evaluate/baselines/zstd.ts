/**
 * Zstandard, level 19, with a dictionary of 112 KB from the train side (the size `zstd --train` makes by default). The dictionary is raw
 * content, chosen by `dictionary.ts`; a trained one would also carry entropy tables. Every byte of the frame counts.
 */
import { zstdLibrary } from "../../base/index.ts";
import { buildDictionary } from "./dictionary.ts";
import { type BaselineScore, baselineScore, utf8Bytes } from "./score.ts";

/** What `zstd --train` makes unless told otherwise. */
const dictionaryBytes = 112_640;

/** Scores zstd -19 with a dictionary from the train texts. */
export async function zstdBaseline(train: readonly string[], heldOut: readonly string[], level = 19): Promise<BaselineScore> {
  const started = performance.now();
  const { compressUsingDict, createCCtx, freeCCtx } = await zstdLibrary();
  const dictionary = buildDictionary(train, dictionaryBytes);
  const context = createCCtx();
  let bits = 0;
  try {
    for (const text of heldOut) bits += 8 * compressUsingDict(context, Buffer.from(text), dictionary, level).length;
  } finally {
    freeCCtx(context);
  }
  return baselineScore("zstd", bits, utf8Bytes(heldOut), started);
}
