/** Oniguruma's patterns in JavaScript: what they find, and what is refused. Findings printed by tokenizers 0.23.3 (Split, Oniguruma). */
import { expect, test } from "vitest";
import { toRegExp } from "./pattern.ts";

const found = (pattern: string, text: string) => text.match(toRegExp(pattern, "test")) ?? [];

test("white space, digits and words are Unicode's", () => {
  expect(found("\\s", "a\u0085b\ufeffc\u200bd\u180ee\x1cf")).toEqual(["\u0085"]);
  expect(found("\\d+", "a1²½ⅷ①٣")).toEqual(["1", "٣"]);
  expect(found("\\w+", "a\u200db-c_²½ⅷ①ⓐ")).toEqual(["a", "b", "c_²½ⅷ", "ⓐ"]);
});

test("(?i:...) folds the long s and the Kelvin sign, and ends with its group", () => {
  expect(found("(?i:'s|'k)|x", "'S'ſ'K'\u212aXx")).toEqual(["'S", "'ſ", "'K", "'\u212a", "x"]);
});

test("possessive quantifiers and atomic groups give nothing back", () => {
  expect(found("a++b|c", "aab")).toEqual(["aab"]);
  expect(found("a++ab", "aaab")).toEqual([]);
  expect(found("(?>a+|b)ab", "aaab")).toEqual([]);
  expect(found("[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+", " ab.cd")).toEqual([" ab", ".cd"]);
});

test("^ and $ stand at lines, . stops at them", () => {
  expect(found("^b|c$", "bab\nbc\nc")).toEqual(["b", "b", "c", "c"]);
  expect(found(".+", "ab\ncd")).toEqual(["ab", "cd"]);
});

test.each([
  ["(a+)+b", "unbounded repetition of a group"],
  ["(a|aa)*b", "unbounded repetition of a group"],
  ["(?:\\s?\\p{L})+", "unbounded repetition of a group"],
  ["(a)\\1", "\\\\1"],
  ["[a-z&&[^b]]", "intersection of classes"],
  ["[a[b]]", "class in a class"],
  ["(?<name>a)", "a group"],
  ["a**", "repetition of a repetition"],
  ["\\G", "\\\\G"],
  ["(a", "a group without an end"],
  ["[a", "a class without an end"],
  ["*", "nothing to repeat"],
])("%s is refused by name", (pattern, what) => {
  expect(() => toRegExp(pattern, "tokenizer.json: pre_tokenizer.pattern")).toThrow(what);
});

test("a refused pattern is never run: the worst of them fails at once on a text that would take ages", () => {
  expect(() => found("(a+)+$", `${"a".repeat(50)}!`)).toThrow("linear time");
});

test("what must match behind two unbounded repetitions is refused, for it takes cubic time; published patterns pass", () => {
  const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
  const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  const o200k = [
    `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${contractions}`,
    `[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${contractions}`,
    "\\p{N}{1,3}",
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
    "\\s*[\\r\\n]+",
    "\\s+(?!\\S)",
    "\\s+",
  ].join("|");
  for (const passes of [o200k, "a*a*", "a*a+b?", "a*b|c*d*|e+f", "a*(?:b*|c*)", "(?>a*)b*c", "a++a*b", "a{1,9}a*b", "a*(?=b*)c"])
    expect(() => toRegExp(passes, "p"), passes).not.toThrow();
  for (const slow of ["a*a*b", "a*a*a+", "x|a+a+$", "a*(?:a*b)", "(?:a*|b)a*c", "a*a*(?!b)", "a{2,}a{0,}b", "a*a*(?:c|d)"])
    expect(() => toRegExp(slow, "p"), slow).toThrow(/behind two unbounded repetitions/);
});
