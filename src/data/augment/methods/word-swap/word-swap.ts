/** Exchanges words that stand near each other (EDA's random swap, Wei & Zou 2019, kept within a line and a few words), as they are written. */
import { z } from "zod";
import { changed, plainMethod } from "../../method.ts";
import { joined, piecesOf, wordsIn } from "../../words.ts";

export const wordSwap = plainMethod({
  name: "word-swap",
  version: 1,
  options: z.strictObject({
    /** Swaps a word. */
    rate: z.number().gt(0).max(0.5).default(0.05),
    /** Words between the two, at most one less. */
    distance: z.number().int().min(1).max(20).default(3),
  }),
  vary({ text }, draw, { rate, distance }) {
    const pieces = piecesOf(text);
    const words = wordsIn(pieces);
    const swaps = Math.max(1, Math.round(rate * words.length));
    for (let k = 0; k < swaps && words.length > 1; k++) {
      const a = draw.below(words.length);
      const b = Math.min(words.length - 1, a + 1 + draw.below(distance));
      const [i, j] = [words[a]!, words[b]!];
      if (i === j || pieces.slice(i, j).some(p => p.text.includes("\n"))) continue;
      [pieces[i], pieces[j]] = [pieces[j]!, pieces[i]!];
    }
    return changed(text, joined(pieces));
  },
});
