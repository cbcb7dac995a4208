import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { codesOf, cosineOfCodes, encode } from "./codes.ts";
import { cellStars, type Likeness, resolveStars } from "./stars.ts";

const threshold = 0.9;
/** Directions on a circle: likeness is nearness of angles. */
const around = (angles: readonly number[]) =>
  codesOf(
    angles.map(a => encode(Float32Array.of(Math.cos(a), Math.sin(a)))),
    2,
  );
const angles = fc.array(fc.double({ min: 0, max: 6.28, noNaN: true }), { maxLength: 40 });
const nobody = () => false;

/** The rule itself, over all pairs. */
function bruteForce(codes: ReturnType<typeof around>): Map<number, number> {
  const gone = new Map<number, number>();
  for (let i = 0; i < codes.count; i++)
    for (let j = 0; j < i; j++)
      if (
        !gone.has(j) &&
        cosineOfCodes(codes, i, j) >= threshold &&
        !(cosineOfCodes(codes, i, gone.get(i) ?? i) < 1 && cosineOfCodes(codes, i, j) <= cosineOfCodes(codes, i, gone.get(i)!))
      )
        gone.set(i, j);
  return gone;
}

test("in one cell the verdicts are those of all pairs", () => {
  fc.assert(
    fc.property(angles, list => {
      const codes = around(list);
      const { gone } = resolveStars(codes.count, cellStars(codes, nobody, threshold));
      expect(new Set(gone.map(g => g.member))).toEqual(new Set(bruteForce(codes).keys()));
      for (const { member, survivor, similarity } of gone) {
        expect(similarity).toBe(cosineOfCodes(codes, survivor, member));
        expect(similarity).toBeGreaterThanOrEqual(threshold);
      }
    }),
  );
});

test("over many cells: who goes has a better living twin, whatever the order of what cells found", () => {
  fc.assert(
    fc.property(angles, fc.integer({ min: 1, max: 5 }), fc.nat(), (list, numCells, seed) => {
      const codes = around(list);
      const r = random(seed);
      const likenesses: Likeness[] = [];
      for (let cell = 0; cell < numCells; cell++) {
        const members = list.flatMap((_, i) => (r.uniform() < 0.6 ? [i] : []));
        const visits = new Set(members.filter(() => r.uniform() < 0.3));
        const mine = codesOf(
          members.map(m => codes.values.subarray(2 * m, 2 * m + 2)),
          2,
        );
        for (const l of cellStars(mine, m => visits.has(members[m]!), threshold)) {
          expect(visits.has(members[l.better]!) && visits.has(members[l.other]!)).toBe(false);
          likenesses.push({ ...l, better: members[l.better]!, other: members[l.other]! });
        }
      }
      const { gone, sets } = resolveStars(codes.count, likenesses);
      const isGone = new Set(gone.map(g => g.member));
      for (const { member, survivor, similarity } of gone) {
        expect(survivor).toBeLessThan(member);
        expect(isGone.has(survivor)).toBe(false);
        expect(cosineOfCodes(codes, survivor, member)).toBe(similarity);
        expect(sets.some(s => s.includes(member) && s.includes(survivor))).toBe(true);
      }
      const shuffled = [...r.permutation(likenesses.length)].map(i => likenesses[i]!);
      expect(resolveStars(codes.count, [...shuffled, ...likenesses])).toEqual({ gone, sets });
    }),
  );
});

test("a heap of copies gives one likeness a copy, not one a pair", () => {
  const codes = around(Array(500).fill(1));
  expect(cellStars(codes, nobody, threshold)).toHaveLength(499);
});
