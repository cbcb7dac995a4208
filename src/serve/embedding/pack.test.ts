import fc from "fast-check";
import { expect, test } from "vitest";
import { embeddingBatches, packTexts } from "./pack.ts";

const room = { tokens: 24, texts: 6 };
const text = fc.array(fc.nat(99), { minLength: 1, maxLength: 8 });

test("every token is where the grid looks for it, and what lies behind a text's end is the text's own", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), texts => {
      const p = packTexts(texts, room, 8);
      texts.forEach((tokens, b) => {
        const row = (k: number) => p.grid[b * 8 + k]!;
        tokens.forEach((token, k) => {
          expect([p.tokens[row(k)], p.positions[row(k)], p.places[row(k)], p.present[b * 8 + k]]).toEqual([token, k, b * 8 + k, 1]);
        });
        for (let k = tokens.length; k < 8; k++) expect([row(k), p.present[b * 8 + k]]).toEqual([row(0), 0]);
      });
      expect(p.present.reduce((n, x) => n + x, 0)).toBe(texts.reduce((n, t) => n + t.length, 0));
    }),
  );
});

test("all texts are in one batch each, of their width, and no batch is over its room", () => {
  const widths = [2, 4, 8];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 60 }), lengths => {
      const batches = embeddingBatches(lengths, widths, () => room);
      expect(batches.flatMap(b => b.texts).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      for (const { width, texts } of batches) {
        expect(texts.length).toBeLessThanOrEqual(room.texts);
        expect(texts.reduce((n, i) => n + lengths[i]!, 0)).toBeLessThanOrEqual(room.tokens);
        for (const i of texts) expect(widths.find(w => w >= lengths[i]!)).toBe(width);
      }
    }),
  );
});
