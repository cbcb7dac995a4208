import fc from "fast-check";
import { expect, test } from "vitest";
import { filledLinesOf, lineStarts, paragraphStarts } from "./lines.ts";
import { splitRun } from "./split.ts";
import { codeUnitsOf } from "./string-table.ts";
import { LINE_BEGIN, LINE_FIELDS, LINE_RUNS, LINE_TEXT_BEGIN, LINE_TEXT_END, LINE_WORD, TextView } from "./text-view.ts";
import { WORD_SHIFT } from "./vocabulary.ts";

const view = new TextView();
const space = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
/** A string, since control characters are not welcome in a written pattern. */
const lineEnd = new RegExp(["\r\n", "[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"].join("|"), "u");
const piece = fc.constantFrom(
  "a",
  "be",
  "don't",
  "x.",
  "中文",
  "😀",
  " ",
  "  ",
  "\t",
  "\n",
  "\r\n",
  "\r",
  "\n\n",
  "\v",
  "\x85",
  "\u2028",
  "\u00a0",
  "\ufeff",
);
const text = fc.array(piece, { maxLength: 40 }).map(p => p.join(""));

/** `splitlines`: a line end at the end begins no further line. */
const slowLines = (t: string): string[] => {
  const lines = t.split(lineEnd);
  if (lines.at(-1) === "") lines.pop();
  return lines;
};
const slowWords = (t: string): number =>
  t
    .split(new RegExp(space, "u"))
    .filter(r => r !== "")
    .reduce((n, r) => n + splitRun(codeUnitsOf(r), 0, r.length).length, 0);
const trimmed = (t: string): string => t.replace(new RegExp(`^${space}+|${space}+$`, "gu"), "");
const cut = (t: string, parts: readonly number[]): string[] =>
  Array.from({ length: parts.length / 2 }, (_, k) => t.slice(parts[2 * k]!, parts[2 * k + 1]!));

test("lines, their edges, runs and words are those of an obvious reading", () => {
  fc.assert(
    fc.property(text, t => {
      view.of(t);
      expect(view.numCharacters).toBe([...t].length);
      expect(view.numWords).toBe(slowWords(t));
      expect(view.numNewlines).toBe(t.split("\n").length - 1);
      const lines = slowLines(t);
      expect(view.numLines).toBe(lines.length);
      for (const [k, line] of lines.entries()) {
        const field = (f: number) => view.lines[k * LINE_FIELDS + f]!;
        expect(t.startsWith(line, field(LINE_BEGIN))).toBe(true);
        expect(t.slice(field(LINE_TEXT_BEGIN), field(LINE_TEXT_END))).toBe(trimmed(line));
        expect(field(LINE_RUNS)).toBe(line.split(new RegExp(`${space}+`, "u")).filter(r => r !== "").length);
        expect(field(LINE_WORD)).toBe(lines.slice(0, k).reduce((n, l) => n + slowWords(l), 0));
      }
    }),
  );
});

test("words know their length in characters", () => {
  fc.assert(
    fc.property(text, t => {
      view.of(t);
      let characters = 0;
      for (let i = 0; i < view.numWords; i++) characters += view.vocabulary.wordInfo[view.words[i]!]! >>> WORD_SHIFT;
      expect(characters).toBe([...t.replace(new RegExp(space, "gu"), "")].length);
    }),
  );
});

test("cuts at line feeds are those of split", () => {
  fc.assert(
    fc.property(text, t => {
      view.of(t);
      expect(cut(t, lineStarts(view))).toEqual(t.split(/\n+/u));
      expect(cut(t, paragraphStarts(view))).toEqual(trimmed(t).split(/\n{2,}/u));
      expect(cut(t, filledLinesOf(view))).toEqual(t.split("\n").filter(l => trimmed(l) !== ""));
    }),
  );
});
