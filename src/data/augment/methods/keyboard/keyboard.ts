/**
 * Typing errors: a neighbouring key, two letters exchanged, one left out, one doubled. Numbers and addresses stay right. The four kinds after
 * Damerau 1964, who found that nearly all errors are one of them.
 */
import type { Random } from "../../../../base/index.ts";
import { changed, plainMethod } from "../../method.ts";
import { caseLike, joinedPieces, wordPieces } from "../../words.ts";
import { neighbours } from "./layouts.ts";
import { type keyboardErrorKinds, keyboardPart } from "./options.ts";

type Kind = (typeof keyboardErrorKinds)[number];

/** A word of one letter is as good as always right. */
const shortest = 3;

function mistyped(letters: readonly string[], kind: Kind, at: number, draw: Random, near: ReadonlyMap<string, string>): string[] {
  const [here, next] = [letters[at]!, letters[at + 1]];
  const before = letters.slice(0, at);
  const after = letters.slice(at + 1);
  if (kind === "omit") return [...before, ...after];
  if (kind === "double") return [...before, here, here, ...after];
  if (kind === "exchange") return next === undefined ? [...letters] : [...before, next, here, ...letters.slice(at + 2)];
  const keys = near.get(here.toLowerCase());
  return keys ? [...before, caseLike(keys[draw.below(keys.length)]!, here), ...after] : [...letters];
}

export const keyboard = plainMethod({
  ...keyboardPart,
  prepare: async ({ layout }) => neighbours(layout),
  vary({ text }, draw, o, near) {
    const pieces = wordPieces(text).map(p => {
      if (!p.isWord || p.text.length < shortest || draw.uniform() >= o.rate) return p;
      const letters = [...p.text];
      const kind = o.kinds[draw.below(o.kinds.length)]!;
      return { ...p, text: mistyped(letters, kind, draw.below(letters.length), draw, near).join("") };
    });
    return changed(text, joinedPieces(pieces));
  },
});
