import fc from "fast-check";
import { expect, test } from "vitest";
import { benjaminiHochberg, holm } from "./index.ts";

const close = (got: readonly number[], want: readonly number[]) => {
  expect(got.length).toBe(want.length);
  for (const [i, v] of got.entries()) expect(v, `${i}`).toBeCloseTo(want[i]!, 12);
};

// R 4: p.adjust(p, "holm"), p.adjust(p, "BH")
test("p-values that a step leaves out of order are levelled, and none exceeds 1", () => {
  close(holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09]);
  close(benjaminiHochberg([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.05, 0.05, 0.05, 0.05]);
  close(benjaminiHochberg([0.6, 0.5]), [0.6, 0.6]);
  close(holm([0.6, 0.9]), [1, 1]);
});

test("each is what its definition says of the p-values around it", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0.001, 0.01, 0.02, 0.3, 0.31, 0.5, 0.9, 1), { minLength: 1, maxLength: 9 }), p => {
      const m = p.length;
      const sorted = p.toSorted((a, b) => a - b);
      // of equal values any rank leads to the same result: the last for Holm's maximum, the last for the minimum
      close(
        holm(p),
        p.map(x => Math.min(1, Math.max(...sorted.flatMap((v, k) => (v <= x ? [v * (m - k)] : []))))),
      );
      close(
        benjaminiHochberg(p),
        p.map(x => Math.min(1, ...sorted.flatMap((v, k) => (v >= x ? [(v * m) / (k + 1)] : [])))),
      );
    }),
    { numRuns: 500 },
  );
});

test("what is no probability is refused by its place", () => {
  for (const f of [holm, benjaminiHochberg]) {
    expect(f([0, 1])).toEqual([0, 1]);
    for (const wrong of [-0.01, 1.01, 1.5, Number.NaN]) expect(() => f([0.5, wrong])).toThrow(/p\[1\]/);
  }
});
