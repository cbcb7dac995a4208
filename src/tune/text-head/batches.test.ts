import fc from "fast-check";
import { expect, test } from "vitest";
import { epochOf, headTokens, textBatches, widthsOf } from "./batches.ts";

test("every text comes once an epoch, in a batch of its width; seed and epoch decide the order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 9 }),
      (lengths, rows) => {
        const widths = widthsOf(200);
        const batches = epochOf(lengths, widths, rows, "s/1");
        expect(batches.flatMap(b => b.texts).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
        for (const b of batches) {
          expect(b.texts.length).toBeLessThanOrEqual(rows);
          for (const t of b.texts) expect(widths.find(w => w >= Math.min(200, lengths[t]!))).toBe(b.width);
        }
        expect(epochOf(lengths, widths, rows, "s/1")).toEqual(batches);
        expect(batches).toHaveLength(
          textBatches(
            lengths,
            lengths.map((_, i) => i),
            widths,
            rows,
          ).length,
        );
      },
    ),
    { numRuns: 30 },
  );
});

test("a long text is read from its beginning, and the template's end stays", () => {
  const words = { encode: (t: string) => Uint32Array.from([101, ...t.split(" ").filter(Boolean).map(Number), 102]) };
  const plain = { encode: (t: string) => Uint32Array.from(t.split(" ").filter(Boolean).map(Number)) };
  const text = Array.from({ length: 500 }, (_, i) => i + 1).join(" ");
  expect(headTokens(words, text, 5)).toEqual([101, 1, 2, 3, 102]);
  expect(headTokens(plain, text, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(headTokens(words, "7 8", 5)).toEqual([101, 7, 8, 102]);
});
