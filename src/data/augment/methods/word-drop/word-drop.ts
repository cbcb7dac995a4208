/** Leaves out words at random (EDA's random deletion, Wei & Zou 2019; rate .1 as there). Numbers, addresses and the last word stay. */
import { z } from "zod";
import { changed, plainMethod } from "../../method.ts";
import { joined, piecesOf, wordsIn } from "../../words.ts";

export const wordDrop = plainMethod({
  name: "word-drop",
  version: 1,
  options: z.strictObject({
    /** Share of words that go. */
    rate: z.number().gt(0).max(0.9).default(0.1),
  }),
  vary({ text }, draw, { rate }) {
    const pieces = piecesOf(text);
    const words = wordsIn(pieces);
    const gone = new Set(words.filter(() => draw.uniform() < rate));
    if (gone.size === words.length) gone.delete(words[0]!);
    const kept = pieces.map((p, i) => {
      if (gone.has(i)) return { ...p, text: "" };
      // One of the two spaces around a word goes with it; line ends stay.
      return gone.has(i - 1) && !p.isWord ? { ...p, text: p.text.replace(/^[ \t]/, "") } : p;
    });
    return changed(text, joined(kept));
  },
});
