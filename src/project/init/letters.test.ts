import { expect, test } from "vitest";
import { letters } from "./letters.ts";

test("the same seed writes the same letters, another seed others", () => {
  expect(letters(20, 3)).toEqual(letters(20, 3));
  expect(letters(20, 3)).not.toEqual(letters(20, 4));
  expect(letters(5, 3)).toEqual(letters(20, 3).slice(0, 5));
});

test("letters are whole: no sign of a phrase is left, every sentence ends, no two letters are alike", () => {
  const all = letters(500);
  for (const text of all) {
    expect(text).not.toMatch(/[~@*+&^%|]/);
    expect(text).not.toMatch(/undefined|NaN/);
    const [date, opening, ...paragraphs] = text.trimEnd().split("\n\n");
    expect(date).toMatch(/^\d{1,2} [A-Z][a-z]+ 19[23]\d$/);
    expect(opening).toMatch(/,$/);
    expect(paragraphs).toHaveLength(4);
    for (const p of paragraphs.slice(0, 3)) expect(p).toMatch(/[.?!]$/);
  }
  expect(new Set(all).size).toBe(all.length);
});
