import fc from "fast-check";
import { expect, test } from "vitest";
import { drawn, drawnRecord } from "./drawn.ts";

test("a sample depends on names alone: order and those who are not drawn change nothing", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), fc.nat(20), fc.integer(), (names, count, seed) => {
      const some = drawn(names, count, n => n, seed);
      expect(some).toHaveLength(Math.min(count, names.length));
      expect(new Set(drawn([...names].reverse(), count, n => n, seed))).toEqual(new Set(some));
      // without one that was not drawn the others are the same
      const out = names.find(n => !some.includes(n));
      expect(
        drawn(
          names.filter(n => n !== out),
          count,
          n => n,
          seed,
        ),
      ).toEqual(some);
      // more of them hold all of these
      expect(new Set(drawn(names, count + 1, n => n, seed))).toEqual(new Set([...some, ...drawn(names, count + 1, n => n, seed)]));
    }),
  );
});

test("another seed draws others", () => {
  const names = Array.from({ length: 200 }, (_, i) => `d${i}`);
  expect(drawn(names, 20, n => n, 1)).not.toEqual(drawn(names, 20, n => n, 2));
});

test("a record has the document's text, whatever its attributes are called", () => {
  const document = { id: "a", text: "said", source: "file.jsonl", attributes: { source: "ca01", plain: "x" } };
  expect(drawnRecord(document)).toEqual({ id: "a", source: "ca01", plain: "x", text: "said" });
});
