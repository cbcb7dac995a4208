import fc from "fast-check";
import { expect, test } from "vitest";
import { PrefixCache } from "./prefix-cache.ts";
import type { HeldPrefix } from "./slot-owner.ts";

const owner = (tokens: number[], computed: number, salt = "", slot?: number): HeldPrefix => ({
  salt,
  tokens,
  computed,
  slot,
});
const text = fc.array(fc.nat(1), { minLength: 1, maxLength: 30 });
const slots = fc.array(
  fc.record({ tokens: text, share: fc.double({ min: 0, max: 1, noNaN: true }), salt: fc.constantFrom("a", "b"), isFree: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 6,
  },
);

test("what is found is the longest beginning of the same salt, from what is computed alone, and never the whole text", () => {
  fc.assert(
    fc.property(slots, text, fc.nat(5), (given, tokens, done) => {
      const held = given.map((s, slot) => owner(s.tokens, Math.floor(s.share * s.tokens.length), s.salt, slot));
      const owners = held.map((o, i) => (given[i]!.isFree ? undefined : o));
      const cache = new PrefixCache(owners);
      for (const [slot, o] of held.entries()) if (given[slot]!.isFree) cache.leave(slot, o);
      const computed = Math.min(done, tokens.length - 1);
      const found = cache.find({ salt: "a", tokens, computed, slot: undefined });
      const shared = held.map(o => {
        if (o.salt !== "a") return 0;
        let n = 0;
        while (n < Math.min(o.computed, tokens.length - 1) && o.tokens[n] === tokens[n]) n++;
        return n;
      });
      const most = Math.max(...shared);
      if (!found) {
        expect(most - computed < 8 && (most <= computed || most < tokens.length - 1)).toBe(true);
        return;
      }
      expect(found.length).toBe(most);
      expect(shared[found.slot]).toBe(most);
      expect(found.length).toBeGreaterThan(computed);
      const whole = (slot: number) => given[slot]!.isFree && held[slot]!.computed === most && shared[slot] === most;
      expect(found.isWhole).toBe(held.some((_, slot) => whole(slot)));
    }),
    { seed: 8, numRuns: 1000 },
  );
});

test("free slots go out empty ones first, then by who left them longest ago; a step writes behind what they hold", () => {
  const owners: (HeldPrefix | undefined)[] = [undefined, undefined, undefined, undefined, owner([1], 1)];
  const cache = new PrefixCache(owners);
  cache.leave(2, owner([1, 2, 3], 2));
  cache.leave(0, owner([1, 2, 3, 4], 4));
  expect(cache.freeSlots(() => true)).toEqual([1, 3, 2, 0]);
  expect(cache.freeSlots(s => s !== 1)).toEqual([3, 2, 0]);
  expect([0, 1, 2].map(s => cache.endOf(s))).toEqual([4, 0, 2]);
  cache.forget(2);
  expect(cache.freeSlots(() => true)).toEqual([1, 2, 3, 0]);
  cache.leave(1, owner([5], 0));
  expect(cache.freeSlots(() => true)).toEqual([1, 2, 3, 0]);
});

test("a sequence does not find itself", () => {
  const owners = [owner(new Array(20).fill(1), 15, "", 0), undefined];
  const cache = new PrefixCache(owners);
  expect(cache.find(owners[0]!)).toBeUndefined();
  expect(cache.find(owner(new Array(20).fill(1), 0, "", 1))).toEqual({ slot: 0, length: 15, isWhole: false });
});

test("whoever goes on with all that a free slot holds sits there; others take the slots that were left longest ago", () => {
  const owners: (HeldPrefix | undefined)[] = [undefined, undefined, undefined, undefined];
  const cache = new PrefixCache(owners);
  const long = Array.from({ length: 20 }, (_, i) => i);
  cache.leave(0, owner([90, 91], 2));
  cache.leave(1, owner(long, 20));
  cache.leave(2, owner([...long, 7, 7, 7], 23));
  cache.leave(3, owner([95], 1));
  const all = () => true;
  const at = (tokens: number[], slots = 1, id = 1) => ({ id, slots, text: owner(tokens, 0) });
  // slot 1 loses nothing by it, slot 2 would lose its end
  expect(cache.seat([at([...long, 5])], all).get(1)).toEqual({ slots: [1], inPlace: 20 });
  expect(cache.seat([at([...long.slice(0, 15), 5])], all).get(1)).toEqual({ slots: [0], inPlace: 0 });
  const two = cache.seat([at([1], 2, 1), at([...long, 5], 2, 2)], all);
  expect([two.get(1), two.get(2)]).toEqual([
    { slots: [0, 2], inPlace: 0 },
    { slots: [1, 3], inPlace: 20 },
  ]);
  expect(cache.seat([{ id: 1, slots: 1 }], all).get(1)).toEqual({ slots: [0], inPlace: 0 });
  // what is overwritten anyway is used where it lies
  cache.forget(1);
  expect(cache.seat([at([...long.slice(0, 15), 5])], s => s === 2).get(1)).toEqual({ slots: [2], inPlace: 15 });
});
