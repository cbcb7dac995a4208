import { expect, test } from "vitest";
import { findsNothing, machineOf, patternFinder } from "./pattern-machine.ts";
import { PatternError, parsePattern } from "./pattern-parse.ts";

test("patterns that kill other engines cost a character no more than their states", () => {
  const finder = patternFinder(machineOf(["(a+)+$", "(a|aa)+b", "([a-z]+)*\\d"].map(parsePattern)));
  let steps = 0;
  const found = () => {
    steps++;
  };
  for (let i = 0; i < 20_000; i++) {
    finder.before(97, i, found);
    finder.take(97, 97, i);
  }
  finder.before(undefined, 20_000, found);
  expect(steps).toBeGreaterThan(0);
});

test.each([
  ["(?=a)b", "looking ahead"],
  ["(?<!a)b", "looking ahead or behind"],
  ["(a)\\1", "back-reference"],
  ["(?i)a", "case never counts"],
  ["a{2000}", "repetitions"],
  ["(a", "( without its )"],
  ["a)", ") without its ("],
  ["[a", "[ without its ]"],
  ["[z-a]", "no class"],
  ["*a", "nothing before *"],
  ["a**", "repetition of a repetition"],
  ["\\y", "means nothing"],
  ["\\u{110000}", "no character"],
  ["(((a{100}){100}){100})", "states"],
])("%s is refused, and why is said", (source, why) => {
  expect(() => machineOf([parsePattern(source)])).toThrow(PatternError);
  expect(() => machineOf([parsePattern(source)])).toThrow(why);
});

test("a pattern that fits nothing at all is known", () => {
  for (const source of ["a*", "\\b", "(a|)", "^$"]) expect(findsNothing(machineOf([parsePattern(source)]))).toBe(true);
  for (const source of ["a", "a*b", "a+"]) expect(findsNothing(machineOf([parsePattern(source)]))).toBe(false);
});
