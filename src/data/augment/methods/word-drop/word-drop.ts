/** Leaves out words at random (EDA's random deletion, Wei & Zou 2019; rate .1 as there). Numbers, addresses and the last word stay. */
import { changed, plainMethod } from "../../method.ts";
import { joinedPieces, wordIndices, wordPieces } from "../../words.ts";
import { wordDropPart } from "./options.ts";

export const wordDrop = plainMethod({
  ...wordDropPart,
  vary({ text }, draw, { rate }) {
    const pieces = wordPieces(text);
    const words = wordIndices(pieces);
    const gone = new Set(words.filter(() => draw.uniform() < rate));
    if (gone.size === words.length) gone.delete(words[0]!);
    const kept = pieces.map((p, i) => {
      if (gone.has(i)) return { ...p, text: "" };
      // One of the two spaces around a word goes with it; line ends stay.
      return gone.has(i - 1) && !p.isWord ? { ...p, text: p.text.replace(/^[ \t]/, "") } : p;
    });
    return changed(text, joinedPieces(kept));
  },
});
