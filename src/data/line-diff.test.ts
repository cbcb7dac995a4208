import fc from "fast-check";
import { expect, test } from "vitest";
import { lineDiff } from "./line-diff.ts";

const text = fc.array(fc.constantFrom("a", "b", "c", ""), { minLength: 1, maxLength: 12 }).map(lines => lines.join("\n"));

test("the two texts can be read back from their difference, but for the equal lines left out", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const lines = lineDiff(a, b);
      const sizeOf = (side: "first" | "second") =>
        lines.reduce((n, l) => n + (l.in === side || l.in === "both" ? 1 : l.in === "left out" ? Number.parseInt(l.text, 10) : 0), 0);
      expect([sizeOf("first"), sizeOf("second")]).toEqual([a.split("\n").length, b.split("\n").length]);
      const only = (side: "first" | "second") => lines.filter(l => l.in === side).map(l => l.text);
      const rest = (whole: string, gone: readonly string[]) => {
        const left = whole.split("\n");
        for (const g of gone) left.splice(left.indexOf(g), 1);
        return left.sort();
      };
      expect(rest(a, only("first"))).toEqual(rest(b, only("second")));
    }),
  );
});

test("equal texts differ in nothing, and one changed line is shown with its neighbours", () => {
  expect(lineDiff("a\nb\nc\nd", "a\nb\nc\nd")).toEqual([{ in: "left out", text: "4 equal lines" }]);
  expect(lineDiff("a\nb\nc\nd\ne", "a\nb\nX\nd\ne").map(l => [l.in, l.text])).toEqual([
    ["left out", "1 equal line"],
    ["both", "b"],
    ["first", "c"],
    ["second", "X"],
    ["both", "d"],
    ["left out", "1 equal line"],
  ]);
});

test("a long line is compared by sentences", () => {
  const [a, b] = ["One. ", "Two. "].map(s => `${"The same words stand here. ".repeat(6)}${s}${"And end so. ".repeat(3)}`);
  expect(
    lineDiff(a!, b!)
      .filter(l => l.in !== "both" && l.in !== "left out")
      .map(l => l.text),
  ).toEqual(["One.", "Two."]);
});
