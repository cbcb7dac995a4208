import fc from "fast-check";
import { expect, test } from "vitest";
import { pages, parseRoute, routeHash } from "./route.ts";

test("what is written as a hash is read back, for every page and id", () => {
  fc.assert(
    fc.property(fc.constantFrom(...pages), fc.string({ unit: "grapheme", minLength: 1 }), (page, id) => {
      expect(parseRoute(routeHash(page, id))).toEqual({ page, id });
    }),
  );
});

test("nothing, an unknown page and a lone percent sign are places too", () => {
  expect(parseRoute("")).toEqual({ page: "home", id: null });
  expect(parseRoute("#/nowhere/x")).toEqual({ page: "home", id: null });
  expect(parseRoute("#/lineage/50%")).toEqual({ page: "lineage", id: "50%" });
});
