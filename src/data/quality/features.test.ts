import fc from "fast-check";
import { expect, test } from "vitest";
import { Features } from "./features.ts";

const read = (text: string, options = { words: 2, bits: 18 } as ConstructorParameters<typeof Features>[0]) => {
  const features = new Features(options);
  features.read(text);
  return [...features.found.slice(0, features.count)].sort((a, b) => a - b);
};

test("case, digits' values, and how much space there is do not matter; which words there are does", () => {
  expect(read("Buy NOW for 19 dollars")).toEqual(read("buy  now\n\tfor 42 DOLLARS"));
  expect(read("ÉTÉ Größe")).toEqual(read("été größe"));
  expect(read("buy now")).not.toEqual(read("buy then"));
  expect(read("a b c")).not.toEqual(read("c b a"));
  expect(read("a b c", { words: 1, bits: 18 })).toEqual(read("c b a", { words: 1, bits: 18 }));
});

test("features are each once, within their bits, and the same whatever was read before", () => {
  const shared = new Features({ words: 3, characters: [2, 4], bits: 12 });
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 5 }), texts => {
      for (const text of texts) {
        shared.read(text);
        const found = [...shared.found.slice(0, shared.count)];
        expect(new Set(found).size).toBe(found.length);
        expect(found.every(f => f < 4096)).toBe(true);
        expect(found.sort((a, b) => a - b)).toEqual(read(text, { words: 3, characters: [2, 4], bits: 12 }));
      }
    }),
  );
});

test("the listener hears every feature with the place of its text", () => {
  const features = new Features({ words: 2, characters: [3, 3], bits: 20 });
  const text = "Hello, World 7";
  const heard: [feature: number, text: string][] = [];
  features.read(text, (f, start, end) => heard.push([f, text.slice(start, end)]));
  // Words and pairs, and of each word the runs of three, its ends marked.
  expect(heard.map(([, t]) => t)).toEqual(
    ["Hello", "He Hel ell llo lo", ",", "Hello,", "World", ", World", "Wo Wor orl rld ld", "7", "World 7", "7"].flatMap(t =>
      /^(He|Wo) /.test(t) ? t.split(" ") : [t],
    ),
  );
  expect(new Set(heard.map(([f]) => f))).toEqual(new Set(features.found.slice(0, features.count)));
});

test("a script without spaces is read by characters", () => {
  const one = new Features({ words: 1, bits: 20 });
  one.read("日本語です");
  expect(one.count).toBe(5);
  one.read("");
  expect(one.count).toBe(0);
  one.read(" \u0000\u200b ");
  expect(one.count).toBe(0);
});
