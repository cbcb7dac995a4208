import fc from "fast-check";
import { expect, test } from "vitest";
import { length } from "./length.ts";

const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });

test("a document stays exactly when its words and bytes are within the bounds", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-zé]{1,6}$/)), fc.nat(6), fc.nat(6), (words, min, more) => {
      const o = length.options.parse({ minWords: min, maxWords: min + more + 1, minBytes: 0 });
      const { verdicts, attributes } = length.apply(document(words.join(" ")), o);
      expect(attributes).toEqual({ words: words.length });
      expect(verdicts!.every(v => v.keep)).toBe(words.length >= min && words.length <= min + more + 1);
    }),
  );
  const bytes = length.apply(document("éé"), length.options.parse({ maxBytes: 3 })).verdicts!.find(v => !v.keep);
  expect(bytes).toEqual({ rule: "max-bytes", keep: false, value: 4, threshold: 3 });
});

test("bounds that nothing can meet are refused", () => {
  expect(() => length.options.parse({ minWords: 5, maxWords: 3 })).toThrow("at least minWords");
  expect(() => length.options.parse({ minWord: 5 })).toThrow();
});
