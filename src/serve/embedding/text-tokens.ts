/** A text as an encoder reads it: its tokens with the model's own around them, cut where the model ends or refused. */
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ServedReader } from "./served-encoder.ts";

type Reader = Pick<ServedReader, "id" | "tokenizer" | "longest">;

const tooLong = ({ id, longest }: Reader, received: string) =>
  serveErrors.fail("contextLength", {
    place: "input",
    expected: `texts of at most ${longest} tokens (${id})`,
    received,
    hint: "Shorten it, or set truncate to true to read its start only.",
  });

/** Reads no more of a text that is cut than it needs; the template's end stays. Errors: serve/contextLength where it may not be cut. */
export function textTokens(model: Reader, text: string, truncate: boolean): number[] {
  const { tokenizer, longest } = model;
  const encode = (part: string) => Array.from(tokenizer.encode(part, { readSpecialTokens: false }));
  // a text that cannot fit is not tokenized: the tokenizer runs on the thread that serves everyone
  if (!truncate && text.length > longest * limits.charactersPerToken) throw tooLong(model, `${text.length} characters`);
  for (let length = truncate ? 16 * longest : text.length; ; length *= 4) {
    const ids = encode(text.slice(0, length));
    if (ids.length <= longest && length < text.length) continue;
    if (ids.length <= longest) return ids;
    if (!truncate) throw tooLong(model, `one of ${ids.length}`);
    // the last token is the template's end
    const around = encode("");
    return [...ids.slice(0, longest - (around.length > 1 ? 1 : 0)), ...(around.length > 1 ? [around.at(-1)!] : [])];
  }
}
