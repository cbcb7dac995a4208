import fc from "fast-check";
import { expect, test } from "vitest";
import { wordDiff } from "./word-diff.ts";

test("both texts can be read from the parts, and equal texts have one", () => {
  const text = fc.array(fc.constantFrom("a", "bc", " ", "\n", ".", "é", "12"), { maxLength: 40 }).map(parts => parts.join(""));
  fc.assert(
    fc.property(text, text, (first, second) => {
      const parts = wordDiff(first, second);
      const side = (own: "first" | "second") => parts.flatMap(p => (p.in === own || p.in === "both" ? [p.text] : [])).join("");
      expect([side("first"), side("second")]).toEqual([first, second]);
      if (first === second) expect(parts.every(p => p.in === "both")).toBe(true);
    }),
  );
});

test("words that stay are marked as such", () => {
  expect(wordDiff("It closes on Wednesday.", "It closes at noon.")).toEqual([
    { in: "both", text: "It closes " },
    { in: "first", text: "on" },
    { in: "second", text: "at" },
    { in: "both", text: " " },
    { in: "first", text: "Wednesday" },
    { in: "second", text: "noon" },
    { in: "both", text: "." },
  ]);
});
