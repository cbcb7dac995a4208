/** The same text in another case: all lower, all upper, every word with a capital, or single words shouted. Addresses stay as they are. */
import { changed, plainMethod } from "../../method.ts";
import { caseLike, joinedPieces, wordPieces } from "../../words.ts";
import { letterCasePart } from "./options.ts";

export const letterCase = plainMethod({
  ...letterCasePart,
  vary({ text }, draw, o) {
    const mode = o.modes[draw.below(o.modes.length)]!;
    const to = {
      lower: (w: string) => w.toLowerCase(),
      upper: (w: string) => w.toUpperCase(),
      title: (w: string) => caseLike(w, "Xx"),
      shout: (w: string) => (draw.uniform() < o.rate ? w.toUpperCase() : w),
    }[mode];
    return changed(text, joinedPieces(wordPieces(text).map(p => (p.isWord ? { ...p, text: to(p.text) } : p))));
  },
});
