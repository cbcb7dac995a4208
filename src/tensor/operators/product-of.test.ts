import { expect, test } from "vitest";
import { strassenOf } from "./product-of.ts";

test("what cannot be halved is no such product: odd rows and inner places, few columns, stacks of weights, rows stored as columns", () => {
  const plain = { transposeA: false, transposeB: false, alpha: 1 };
  expect(strassenOf([32, 576], [576, 192], plain)?.weight).toEqual({ columns: 192, inner: 576, transposed: false });
  expect(strassenOf([2, 16, 576], [192, 576], { ...plain, transposeB: true })?.shape).toEqual({
    rows: 32,
    columns: 192,
    inner: 576,
    alpha: 1,
  });
  for (const [a, b, attributes] of [
    [[40, 576], [576, 192], plain],
    [[32, 577], [577, 192], plain],
    [[32, 576], [576, 64], plain],
    [[32, 64], [64, 192], plain],
    [[2, 32, 576], [2, 576, 192], plain],
    [[576, 32], [576, 192], { ...plain, transposeA: true }],
  ] as const)
    expect(strassenOf(a, b, attributes)).toBeUndefined();
});
