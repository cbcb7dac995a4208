import fc from "fast-check";
import { expect, test } from "vitest";
import { Cycle, cycleLength, versionOfUser } from "./split.ts";

const weightsOf = fc
  .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 })
  .filter(w => w.some(x => x > 0))
  .map(w => new Map(w.map((x, i) => [i + 1, x])));

test("over every cycle each version is picked exactly its share, from any start", () => {
  fc.assert(
    fc.property(weightsOf, fc.nat(50), (weights, skip) => {
      const cycle = new Cycle(weights);
      const length = cycleLength(weights);
      // a cycle begins anew after its length; within it every prefix is within one pick of the share
      for (let i = 0; i < (skip % 3) * length; i++) cycle.next();
      const counts = new Map<number, number>();
      for (let i = 0; i < length; i++) {
        const v = cycle.next();
        counts.set(v, (counts.get(v) ?? 0) + 1);
      }
      const total = [...weights.values()].reduce((a, b) => a + b, 0);
      for (const [v, w] of weights) expect(counts.get(v) ?? 0).toBe((w * length) / total);
      expect(cycle.next()).toBe(new Cycle(weights).next());
    }),
  );
});

test("picks are spread: 5 to 1 to 1 never gives one version its share in a row", () => {
  const cycle = new Cycle(
    new Map([
      [1, 5],
      [2, 1],
      [3, 1],
    ]),
  );
  // nginx's own example of the method
  expect(Array.from({ length: 7 }, () => cycle.next())).toEqual([1, 1, 2, 1, 3, 1, 1]);
});

test("a user stays with a version; when a weight grows, users move to it and between no others", () => {
  fc.assert(
    fc.property(weightsOf, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 30 }), (weights, which, more) => {
      const grown = new Map(weights);
      grown.set(which, (grown.get(which) ?? 0) + more);
      for (let u = 0; u < 30; u++) {
        const before = versionOfUser("m", weights, `u${u}`);
        expect(versionOfUser("m", new Map([...weights].reverse()), `u${u}`)).toBe(before);
        const after = versionOfUser("m", grown, `u${u}`);
        expect([before, which]).toContain(after);
      }
    }),
    { numRuns: 30 },
  );
});

test("users are shared out by weight", () => {
  const users = 4000;
  const of2 = Array.from({ length: users }, (_, u) =>
    versionOfUser(
      "m",
      new Map([
        [1, 90],
        [2, 10],
      ]),
      `user ${u}`,
    ),
  ).filter(v => v === 2);
  // three standard deviations of a binomial of 4,000 and 0.1
  expect(Math.abs(of2.length - 400)).toBeLessThan(3 * Math.sqrt(users * 0.1 * 0.9));
});
