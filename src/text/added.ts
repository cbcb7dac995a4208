/**
 * Added tokens: tokens found in the text itself before a model sees it. Special ones are added tokens that decoding can leave out.
 * Found leftmost, then longest, by one expression of all their texts.
 */
import { z } from "zod";

export const addedTokenSchema = z.strictObject({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
});
export type AddedToken = z.output<typeof addedTokenSchema>;

/** A stretch of text: ordinary, or an added token with the space it takes in. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly token: AddedToken | undefined;
}

const isSpace = (unit: string | undefined): boolean => unit !== undefined && /\p{White_Space}/u.test(unit);
const wordEnd = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordStart = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

export class AddedFinder {
  private readonly pattern: RegExp | undefined;
  private readonly tokens: ReadonlyMap<string, AddedToken>;

  /** Tokens with the text that each is found by. */
  constructor(tokens: Iterable<readonly [text: string, token: AddedToken]>) {
    this.tokens = new Map(tokens);
    const texts = [...this.tokens.keys()].filter(t => t !== "").sort((a, b) => b.length - a.length);
    const escaped = texts.map(t => t.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&"));
    this.pattern = texts.length > 0 ? new RegExp(escaped.join("|"), "gu") : undefined;
  }

  /** Cuts a text into stretches; undefined where it has no added token. With `readSpecial` false, special tokens are ordinary text. */
  split(text: string, readSpecial: boolean): Stretch[] | undefined {
    if (!this.pattern) return undefined;
    const stretches: Stretch[] = [];
    let at = 0;
    for (const match of text.matchAll(this.pattern)) {
      const token = this.tokens.get(match[0])!;
      if (token.special && !readSpecial) continue;
      let from = match.index;
      let to = from + match[0].length;
      // Two units each way hold the neighbouring character; half a pair matches neither class.
      if (token.single_word && (wordEnd.test(text.slice(Math.max(0, from - 2), from)) || wordStart.test(text.slice(to, to + 2)))) continue;
      while (token.lstrip && from > at && isSpace(text[from - 1])) from--;
      while (token.rstrip && isSpace(text[to])) to++;
      if (from < at) continue; // an earlier token has taken this one's text in as its space
      if (from > at) stretches.push({ from: at, to: from, token: undefined });
      stretches.push({ from, to, token });
      at = to;
    }
    if (at === 0) return undefined;
    if (at < text.length) stretches.push({ from: at, to: text.length, token: undefined });
    return stretches;
  }
}
