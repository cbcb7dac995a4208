import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { codesOf, cosineOfCodes, encode } from "./codes.ts";

const unit = (width: number, seed: string) => {
  const r = random(seed);
  const v = Float32Array.from({ length: width }, () => r.normal());
  const length = Math.hypot(...v);
  return v.map(x => x / length);
};

test("codes of directions keep their cosine to a few thousandths", () => {
  let worst = 0;
  for (let i = 0; i < 300; i++) {
    const [a, b] = [unit(384, `a${i}`), unit(384, `b${i}`)];
    // From like to unlike.
    const mixed = a.map((x, k) => x + (i / 100) * b[k]!);
    const exact = a.reduce((sum, x, k) => sum + x * mixed[k]!, 0) / Math.hypot(...mixed);
    const found = cosineOfCodes(codesOf([encode(a), encode(mixed)], 384), 0, 1);
    worst = Math.max(worst, Math.abs(found - exact));
  }
  expect(worst).toBeLessThan(0.003);
});

test("the cosine is 1 with itself, symmetrical, and 0 with nothing, at any width", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 67 }), fc.nat(), (width, seed) => {
      const codes = codesOf([encode(unit(width, `x${seed}`)), encode(unit(width, `y${seed}`)), encode(new Float32Array(width))], width);
      expect(cosineOfCodes(codes, 0, 0)).toBeCloseTo(1, 12);
      expect(cosineOfCodes(codes, 0, 1)).toBe(cosineOfCodes(codes, 1, 0));
      expect(cosineOfCodes(codes, 0, 2)).toBe(0);
    }),
  );
  expect([...encode(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY))]).toEqual([0, 0]);
});
