import { expect, test } from "vitest";
import { gopherQuality } from "./quality.ts";

const values = (text: string, given: object = {}): Record<string, number> =>
  Object.fromEntries(
    gopherQuality
      .apply({ id: "a", text, source: "s", attributes: {} }, gopherQuality.options.parse(given))
      .verdicts!.map(v => [v.rule, v.value as number]),
  );

test("marks are no words for the length, but words for the ratios", () => {
  expect(values("one two, three!")).toMatchObject({ "min-words": 3, "min-mean-word-length": 11 / 3, "alphabetic-words": 3 / 5 });
});

test("hashes and ellipses are counted against words, three full stops at a time", () => {
  const v = values("# one.......two …");
  expect([v.hashes, v.ellipses]).toEqual([1 / 5, 3 / 5]);
});

test("bullets and ellipses are looked for at the edges of lines, whatever the line end", () => {
  expect(values("- a\r\n  • b\n-\u2028x - y\n\n")).toMatchObject({ "bullet-lines": 3 / 5 });
  expect(values("a... \nb…\n\nc..")).toMatchObject({ "ellipsis-lines": 2 / 4 });
});

test("stop words count once each, as they are written", () => {
  expect(values("the the The of OF andand")["stop-words"]).toBe(2);
  expect(values("der die das the", { stopWords: ["der", "die", "nie"] })["stop-words"]).toBe(2);
});

test("two lists of stop words in turn do not disturb each other", () => {
  const a = gopherQuality.options.parse({ stopWords: ["red", "blue"] });
  const b = gopherQuality.options.parse({ stopWords: ["blue", "green"] });
  const count = (text: string, o: typeof a) =>
    gopherQuality.apply({ id: "a", text, source: "s", attributes: {} }, o).verdicts!.find(v => v.rule === "stop-words")!.value;
  for (let i = 0; i < 2; i++)
    expect([count("red green", a), count("red green", b), count("blue", a), count("blue", b)]).toEqual([1, 1, 1, 1]);
});
