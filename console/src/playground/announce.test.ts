import fc from "fast-check";
import { expect, test } from "vitest";
import { nextPiece } from "./announce.ts";

/** All pieces of a text that comes in the given parts, one look after each part, and looks at the end until all is said. */
function heard(parts: readonly string[]): string[] {
  const pieces: string[] = [];
  let [text, said] = ["", 0];
  const look = (hasEnded: boolean) => {
    const { piece, upTo } = nextPiece(text, said, hasEnded);
    if (piece !== "") pieces.push(piece);
    said = upTo;
  };
  for (const part of parts) {
    text += part;
    look(false);
  }
  while (said < text.length) look(true);
  return pieces;
}
const bare = (text: string) => text.replace(/\s+/g, "");

test("every word is said once, in order, in pieces that are short enough to be heard", () => {
  const words = fc.string({ unit: fc.constantFrom("a", "b", " ", ". ", "\n", "? ", "é"), maxLength: 60 });
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), parts => {
      const pieces = heard(parts);
      expect(bare(pieces.join(" "))).toBe(bare(parts.join("")));
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(280);
    }),
  );
});

test("a piece ends with a sentence while more is to come", () => {
  expect(nextPiece("The build is broken. Who can", 0, false)).toEqual({ piece: "The build is broken.", upTo: 20 });
  expect(nextPiece("The build is broken. Who can", 20, false)).toEqual({ piece: "", upTo: 20 });
  expect(nextPiece("The build is broken. Who can", 20, true)).toEqual({ piece: "Who can", upTo: 28 });
  // a number is no end of a sentence
  expect(nextPiece("It costs 3.50 in", 0, false).piece).toBe("");
});
