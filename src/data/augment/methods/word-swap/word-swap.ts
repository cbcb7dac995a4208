/** Exchanges words that stand near each other (EDA's random swap, Wei & Zou 2019, kept within a line and a few words), as they are written. */
import { changed, plainMethod } from "../../method.ts";
import { joinedPieces, wordIndices, wordPieces } from "../../words.ts";
import { wordSwapPart } from "./options.ts";

export const wordSwap = plainMethod({
  ...wordSwapPart,
  vary({ text }, draw, { rate, distance }) {
    const pieces = wordPieces(text);
    const words = wordIndices(pieces);
    const swaps = Math.max(1, Math.round(rate * words.length));
    for (let k = 0; k < swaps && words.length > 1; k++) {
      const a = draw.below(words.length);
      const b = Math.min(words.length - 1, a + 1 + draw.below(distance));
      const [i, j] = [words[a]!, words[b]!];
      if (i === j || pieces.slice(i, j).some(p => p.text.includes("\n"))) continue;
      [pieces[i], pieces[j]] = [pieces[j]!, pieces[i]!];
    }
    return changed(text, joinedPieces(pieces));
  },
});
