import { expect, test } from "vitest";
import { aligned } from "./aligned.ts";

test("lines share one axis; what a line lacks is a gap, what is older is left out", () => {
  expect(
    aligned(
      [
        [
          [1000, 1, 3],
          [3000, 3, 3],
          [4000, null, 0],
        ],
        [
          [2000, 20, 3],
          [3000, 30, 3],
        ],
      ],
      1500,
    ),
  ).toEqual({
    x: [2, 3, 4],
    values: [
      [null, 3, null],
      [20, 30, null],
    ],
  });
  expect(aligned([[], []], 0)).toEqual({ x: [], values: [[], []] });
});
