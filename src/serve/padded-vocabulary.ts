/**
 * Padded vocabularies: models (Qwen, Phi) whose embedding has more rows than the tokenizer has tokens, at the end or as gaps between them. An id
 * without a token has no text, so it is masked before everything that looks at logits: sampling, beams, drafts, forms and log-probabilities see a
 * softmax over the tokens alone. Training is not affected: the logits of tokens are the same ones.
 */
import type { LogitRows } from "../nn/index.ts";
import { serveErrors } from "./errors.ts";
import type { ServedTokenizer } from "./served-model.ts";

type Vocabulary = Pick<ServedTokenizer, "vocabSize" | "tokenOf">;

/** Whether an id is a token of the tokenizer. */
export const isToken = (tokenizer: Vocabulary, id: number): boolean =>
  Number.isSafeInteger(id) && id >= 0 && id < tokenizer.vocabSize && (!tokenizer.tokenOf || tokenizer.tokenOf(id) !== undefined);

/** Errors: serve/parameter with the first id that is no token. */
export function checkTokens(tokenizer: Vocabulary, ids: Iterable<number>, place: string): void {
  for (const id of ids)
    if (!isToken(tokenizer, id))
      throw serveErrors.fail("parameter", {
        place,
        expected: `${id >= 0 && id < tokenizer.vocabSize ? "ids with a token among " : ""}token ids from 0 to ${tokenizer.vocabSize - 1} (a vocabulary of ${tokenizer.vocabSize})`,
        received: `${id}, which is out of vocabulary`,
      });
}

/** Masks the ids without a token in rows of `vocab` logits: -infinity in gaps, and the row ends at the last token. */
export function padMask(tokenizer: Vocabulary, vocab: number): ((rows: LogitRows) => LogitRows) | undefined {
  const { vocabSize } = tokenizer;
  const gaps = Array.from({ length: vocabSize }, (_, id) => id).filter(id => !isToken(tokenizer, id));
  if (gaps.length === 0 && vocabSize >= vocab) return undefined;
  return rows => ({
    row: index => {
      const row = rows.row(index).subarray(0, vocabSize);
      for (const id of gaps) row[id] = Number.NEGATIVE_INFINITY;
      return row;
    },
    release: () => rows.release(),
  });
}
