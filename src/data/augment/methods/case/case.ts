/** The same text in another case: all lower, all upper, every word with a capital, or single words shouted. Addresses stay as they are. */
import { z } from "zod";
import { changed, plainMethod } from "../../method.ts";
import { caseLike, joined, piecesOf } from "../../words.ts";

const modes = ["lower", "upper", "title", "shout"] as const;

export const letterCase = plainMethod({
  name: "case",
  version: 1,
  options: z.strictObject({
    /** One is drawn for each variant. */
    modes: z
      .array(z.enum(modes))
      .min(1)
      .default([...modes]),
    /** Words that `shout` puts in capitals. */
    rate: z.number().gt(0).max(1).default(0.1),
  }),
  vary({ text }, draw, o) {
    const mode = o.modes[draw.below(o.modes.length)]!;
    const to = {
      lower: (w: string) => w.toLowerCase(),
      upper: (w: string) => w.toUpperCase(),
      title: (w: string) => caseLike(w, "Xx"),
      shout: (w: string) => (draw.uniform() < o.rate ? w.toUpperCase() : w),
    }[mode];
    return changed(text, joined(piecesOf(text).map(p => (p.isWord ? { ...p, text: to(p.text) } : p))));
  },
});
