import { expect, test } from "vitest";
import { chart } from "./chart.ts";

/** Number of dots in a line of braille. */
const dotsOf = (line: string): number =>
  [...line].reduce((n, c) => n + (c >= "\u2800" && c <= "\u28ff" ? (c.codePointAt(0)! - 0x2800).toString(2).split("1").length - 1 : 0), 0);

test("a falling line goes from the top left to the bottom right, without gaps", () => {
  const lines = chart([{ name: "loss", points: Array.from({ length: 50 }, (_, i) => [i, 10 - i / 5] as const) }], 20, 5);
  expect(lines[0]!.startsWith("  10.00 ")).toBe(true);
  expect(lines[4]!.startsWith("   0.20 ")).toBe(true);
  expect(lines[5]).toMatch(/^ {8}0 +49$/);
  expect(lines[0]![8]).not.toBe("\u2800");
  expect(lines[4]!.at(-1)).not.toBe("\u2800");
  // one dot a column of dots, at least
  expect(lines.slice(0, 5).reduce((n, l) => n + dotsOf(l), 0)).toBeGreaterThanOrEqual(40);
});

test("what is no number is left out, and one point is no curve", () => {
  expect(chart([{ name: "loss", points: [[1, 2]] }])).toEqual([]);
  const lines = chart(
    [
      {
        name: "loss",
        points: [
          [0, 1],
          [1, Number.NaN],
          [2, 3],
        ],
      },
    ],
    10,
    2,
  );
  expect(lines.length).toBe(3);
  expect(lines.join("")).not.toContain("NaN");
});
