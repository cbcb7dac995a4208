import fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod";
import { rounds } from "../../test/support/deep.ts";
import * as is from "./shape.ts";

/** Pairs of a shape and the schema that says the same. */
interface Pair {
  readonly own: is.Shape<unknown>;
  readonly zod: z.ZodType;
}
const leaves: readonly Pair[] = [
  { own: is.string, zod: z.string() },
  { own: is.number, zod: z.number() },
  { own: is.boolean, zod: z.boolean() },
  { own: is.unknown, zod: z.unknown() },
  { own: is.oneOf("a", "b"), zod: z.enum(["a", "b"]) },
];
const names = ["a", "b", "c"] as const;
const pair = fc.letrec<{ any: Pair }>(tie => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(...leaves),
    tie("any").map(({ own, zod }) => ({ own: is.nullable(own), zod: z.nullable(zod) })),
    tie("any").map(({ own, zod }) => ({ own: is.array(own), zod: z.array(zod) })),
    tie("any").map(({ own, zod }) => ({ own: is.record(own), zod: z.record(z.string(), zod) })),
    fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map(all => ({
      own: is.union(...all.map(p => p.own)),
      zod: z.union(all.map(p => p.zod)),
    })),
    fc.array(tie("any"), { minLength: 1, maxLength: 2 }).map(all => ({
      own: is.tuple(...all.map(p => p.own)),
      zod: z.tuple(all.map(p => p.zod) as [z.ZodType, ...z.ZodType[]]),
    })),
    fc.array(fc.tuple(tie("any"), fc.constantFrom("must", "optional", "nullish")), { minLength: 1, maxLength: 3 }).map(all => ({
      own: is.object(
        Object.fromEntries(
          all.map(([p, how], i) => [names[i]!, how === "must" ? p.own : how === "optional" ? is.optional(p.own) : is.nullish(p.own)]),
        ),
      ),
      zod: z.object(
        Object.fromEntries(
          all.map(([p, how], i) => [names[i]!, how === "must" ? p.zod : how === "optional" ? z.optional(p.zod) : z.nullish(p.zod)]),
        ),
      ),
    })),
  ),
})).any;
const json = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, 1.5, "", "a", "b"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...names, "d"), tie("value"), { maxKeys: 3 }),
  ),
})).value;

test("a shape takes what zod's schema of the same words takes, gives the same value, and names the same place of what it refuses", () => {
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(pair, json, ({ own, zod }, value) => {
      const [mine, theirs] = [own.safeParse(value), zod.safeParse(value)];
      expect(mine.success).toBe(theirs.success);
      if (mine.success) {
        taken++;
        expect(mine.data).toStrictEqual(theirs.data);
      } else {
        refused++;
        // of alternatives zod names the outermost place, this one goes on inwards
        const place = theirs.error!.issues[0]!.path;
        expect(mine.error.path.slice(0, place.length)).toEqual(place);
      }
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(taken, refused)).toBeGreaterThan(rounds(300));
});

test("what does not fit is said with its place, what was expected and what came", () => {
  const shape = is.object({ list: is.array(is.object({ n: is.number, kind: is.oneOf("x", "y") })), more: is.optional(is.string) });
  const said = (value: unknown) => shape.safeParse(value).error?.message;
  expect(
    said({
      list: [
        { n: 1, kind: "x" },
        { n: "1", kind: "x" },
      ],
    }),
  ).toBe("list.1.n: expected a number, got string");
  expect(said({ list: [{ n: 1, kind: "z" }] })).toBe("list.0.kind: expected one of x, y, got string");
  expect(said({})).toBe("list: expected a list, got nothing");
  expect(said([])).toBe("the answer: expected an object, got a list");
  expect(said({ list: [], more: null })).toBe("more: expected a string, got null");
  const either = is.union(is.object({ a: is.object({ b: is.number }) }), is.string);
  expect(either.safeParse({ a: { b: null } }).error?.message).toBe("a.b: expected a number, got null");
});

test("a name that JavaScript keeps for itself is a name like others", () => {
  const value = JSON.parse('{"__proto__":1,"constructor":2}');
  expect(Object.entries(is.record(is.number).parse(value))).toEqual([
    ["__proto__", 1],
    ["constructor", 2],
  ]);
  expect(is.mapped(is.number, n => n + 1).parse(1)).toBe(2);
  const error = new Error("not of a shape");
  const throwing = is.mapped(is.number, () => {
    throw error;
  });
  expect(() => is.array(throwing).safeParse([1])).toThrow(error);
});
