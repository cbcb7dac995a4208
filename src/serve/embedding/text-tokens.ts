/** A text as an encoder reads it: its tokens with the model's own around them, cut where the model ends or refused. */
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ServedReader } from "./served-encoder.ts";

type Reader = Pick<ServedReader, "id" | "tokenizer" | "longest">;

/** How a text that is too long is cut: to so many tokens, at which end. */
export interface TextCut {
  readonly most: number;
  readonly side: "left" | "right";
}

/** Where a text's end is read, the word that its beginning was cut in is not among the tokens that are kept: no word has so many. */
const tokensOfAWord = 64;

const tooLong = ({ id, longest }: Reader, received: string) =>
  serveErrors.fail("contextLength", {
    place: "input",
    expected: `texts of at most ${longest} tokens (${id})`,
    received: `${received}, too large`,
    hint: "Please reduce the length of the input prompt, or set truncate to true to read its start only.",
  });

/** Tokens that are too many, cut; the model's own at their ends stay. `around`: its own, of no text. */
function cutTokens(ids: readonly number[], { most, side }: TextCut, around: readonly number[]): number[] {
  const first = around.slice(0, 1);
  const last = around.length > 1 ? around.slice(-1) : [];
  if (side === "right") return [...ids.slice(0, Math.max(0, most - last.length)), ...last].slice(0, most);
  const kept = Math.max(0, most - first.length);
  return [...first, ...(kept > 0 ? ids.slice(-kept) : [])].slice(0, most);
}

/**
 * Reads no more of a text that is cut than it needs; the template's end stays. `truncate`: at the model's end, or as it says. Errors:
 * serve/contextLength where it may not be cut.
 */
export function textTokens(model: Reader, text: string, truncate: boolean | TextCut, addSpecialTokens = true): number[] {
  const { tokenizer, longest } = model;
  const encode = (part: string) => Array.from(tokenizer.encode(part, { readSpecialTokens: false, addSpecialTokens }));
  const cut: TextCut | undefined = truncate === true ? { most: longest, side: "right" } : truncate === false ? undefined : truncate;
  // a text that cannot fit is not tokenized: the tokenizer runs on the thread that serves everyone
  if (!cut && text.length > longest * limits.charactersPerToken) throw tooLong(model, `${text.length} characters`);
  const most = cut?.most ?? longest;
  const enough = cut?.side === "left" ? most + tokensOfAWord : most;
  for (let length = cut ? 16 * enough : text.length; ; length *= 4) {
    const ids = encode(cut?.side === "left" ? text.slice(-length) : text.slice(0, length));
    if (ids.length <= enough && length < text.length) continue;
    if (ids.length <= most) return ids;
    if (!cut) throw tooLong(model, `one of ${ids.length}`);
    return cutTokens(ids, cut, addSpecialTokens ? encode("") : []);
  }
}
