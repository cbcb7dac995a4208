/** A version that does not fit is refused with numbers and with what would fit. */
import { expect, test } from "vitest";
import { checkLambdaSize } from "./limits.ts";

const MB = 1e6;
const told = (...args: Parameters<typeof checkLambdaSize>): string => {
  try {
    checkLambdaSize(...args);
    return "fits";
  } catch (error) {
    return (error as Error).message;
  }
};
const smol = (bytes: number) => ({
  programBytes: 48 * MB,
  weights: { form: "as they are", sizeBytes: bytes * MB },
  others: [
    { form: "q8", sizeBytes: 0.27 * bytes * MB },
    { form: "q4", sizeBytes: 0.18 * bytes * MB },
  ],
});

test("a version of 250 MiB with its program fits to the byte, and one byte more does not", () => {
  const exact = { ...smol(1), weights: { form: "as they are", sizeBytes: 250 * 2 ** 20 - 48 * MB } };
  expect(told("zip", exact)).toBe("fits");
  expect(told("zip", { ...exact, programBytes: 48 * MB + 1 })).not.toBe("fits");
});

test("the remedy names forms and packages that fit, and none that do not", () => {
  expect(told("zip", smol(540))).toBe(
    "loam deploy lambda: --package zip: expected at most 262 MB unpacked, got 588 MB: 48.0 MB of program and 540 MB of weights (as they are). What fits: --weights-form q8 (146 MB of weights), or --weights-form q4 (97.2 MB of weights), or --package image (10.7 GB).",
  );
  expect(told("zip", smol(1000))).toMatch(/What fits: --weights-form q4 \(180 MB of weights\), or --package image/);
  expect(told("zip", smol(80_000))).toMatch(/No form of these weights fits\. Deploy it to a target without this limit/);
  expect(told("image", { ...smol(12_000), others: [] })).toMatch(/--package image: expected at most 10\.7 GB unpacked, got 12\.0 GB/);
});
