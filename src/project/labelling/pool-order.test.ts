import fc from "fast-check";
import { expect, test } from "vitest";
import { marginOf, type PoolText, poolOrder } from "./pool-order.ts";

test("a margin is what the likeliest class is ahead of the next, whatever the order of classes", () => {
  expect(marginOf([1, 0, 0])).toBe(1);
  expect(marginOf([0.25, 0.25, 0.25, 0.25])).toBe(0);
  expect(marginOf([0.2, 0.5, 0.3])).toBeCloseTo(0.2, 12);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2 }), list => {
      const [first, second] = list.toSorted((a, b) => b - a);
      expect(marginOf(list)).toBe(first! - second!);
    }),
  );
});

interface Given extends PoolText {
  readonly votes: number;
  readonly margin: number | undefined;
}
const given = fc.array(
  fc.record({
    group: fc.integer({ min: 0, max: 5 }),
    votes: fc.constantFrom(0, 0, 0, 1, 2),
    margin: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  }),
);
const ordered = (open: readonly Given[], labelled: readonly PoolText[] = []) => {
  const by = new Map(open.map(t => [t.id, t]));
  return poolOrder(open, labelled, { votesOf: id => by.get(id)!.votes, marginOf: id => by.get(id)!.margin });
};

test("the first text that nobody has labelled has the least margin of all that are known and like nothing labelled; every text comes once", () => {
  fc.assert(
    fc.property(given, fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }), (list, groups) => {
      const open = list.map((t, i): Given => ({ ...t, id: `t${i}` }));
      const labelled = groups.map((group, i) => ({ id: `l${i}`, group }));
      const order = ordered(open, labelled);
      expect(order.map(t => t.id).sort()).toEqual(open.map(t => t.id).sort());
      const seenBefore = new Set([...labelled, ...open.filter(t => t.votes > 0)].map(t => t.group));
      const fresh = open.filter(t => t.votes === 0 && !seenBefore.has(t.group));
      const known = fresh.flatMap(t => t.margin ?? []);
      const first = order.find(t => t.votes === 0);
      if (known.length > 0) expect(first!.margin).toBe(Math.min(...known));
      else if (fresh.length > 0) expect(first).toBe(fresh[0]);
    }),
  );
});

test("what others have labelled comes first, and of near-duplicates one before everything that is none, the rest at the end", () => {
  fc.assert(
    fc.property(given, list => {
      const order = ordered(list.map((t, i): Given => ({ ...t, id: `t${i}` })));
      const votes = order.map(t => t.votes);
      const unlabelled = votes.indexOf(0);
      if (unlabelled >= 0) expect(votes.slice(unlabelled).every(v => v === 0)).toBe(true);
      expect(votes).toEqual(votes.toSorted((a, b) => b - a));
      const seen = new Set<number>();
      const repeats = order.map(t => {
        const isRepeated = t.votes === 0 && seen.has(t.group);
        seen.add(t.group);
        return isRepeated;
      });
      const firstRepeat = repeats.indexOf(true);
      if (firstRepeat >= 0) expect(repeats.slice(firstRepeat).every(r => r)).toBe(true);
    }),
  );
});

test("without a model texts stay in the order in which they were drawn", () => {
  const open = [3, 1, 4, 2].map(n => ({ id: `t${n}`, group: n, votes: 0, margin: undefined }));
  expect(ordered(open)).toEqual(open);
});
