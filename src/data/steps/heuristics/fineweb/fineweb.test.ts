import { expect, test } from "vitest";
import { fineweb } from "./fineweb.ts";

const values = (text: string, given: object = {}): Record<string, number> =>
  Object.fromEntries(
    fineweb
      .apply({ id: "a", text, source: "s", attributes: {} }, fineweb.options.parse(given))
      .verdicts!.map(v => [v.rule, v.value as number]),
  );

test("a line ends in a mark of any script; a space behind it hides it", () => {
  expect(values("One.\n二。\nतीन।\nfour. \nfive,")).toMatchObject({ lines: 5, "lines-with-end-mark": 3 / 5 });
});

test("short lines are short in characters, not in units of storage", () => {
  const line = "😀".repeat(30);
  expect(values(`${line}\n${line}😀`)["short-lines"]).toBe(1 / 2);
  expect(values(`${line}\n${line}😀`, { shortLineLength: 31 })["short-lines"]).toBe(1);
});

test("blank lines are no lines, but line feeds", () => {
  expect(values("one\n\n \ntwo\n")).toMatchObject({ lines: 2, "line-feeds": 4 / 2 });
});

test("repeated lines are measured in characters, of the text without its line feeds", () => {
  expect(values("abcd\nabcd\nef")["repeated-line-characters"]).toBe(4 / 10);
});
