/** Whether two models mean the same by every token: then one can guess for the other. */
import { serveErrors } from "./errors.ts";
import type { ServedModel, ServedTokenizer } from "./served-model.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

/** What a token stands for: its bytes, or its text where the tokenizer does not tell them, and whether it is a special one. */
function meanings({ vocabSize, specials, bytesOf, decode }: ServedTokenizer, tokenizer: ServedTokenizer): string[] {
  const special = new Map([...specials].map(([text, id]) => [id, text]));
  const meaning = (id: number): string =>
    `${special.get(id) ?? ""}|${bytesOf ? hex(bytesOf.call(tokenizer, id)) : decode.call(tokenizer, [id], { skipSpecialTokens: false })}`;
  return Array.from({ length: vocabSize }, (_, id) => meaning(id));
}

/** Errors: serve/model with the first token that the two know by different texts. */
export function checkSameTokens(large: ServedModel, small: ServedModel): void {
  if (large.tokenizer === small.tokenizer) return;
  const wrong = (received: string) =>
    serveErrors.fail("model", {
      place: small.id,
      expected: `the tokens of ${large.id}, for which it is to guess`,
      received,
      hint: "A draft model needs the tokenizer of the model that it guesses for.",
    });
  const [ours, theirs] = [large, small].map(m => meanings(m.tokenizer, m.tokenizer)) as [string[], string[]];
  if (ours.length !== theirs.length) throw wrong(`${theirs.length} of them instead of ${ours.length}`);
  const at = theirs.findIndex((t, id) => t !== ours[id]);
  if (at < 0) return;
  const text = (m: ServedModel) => JSON.stringify(m.tokenizer.decode([at], { skipSpecialTokens: false }));
  throw wrong(`token ${at} as ${text(small)} instead of ${text(large)}`);
}
