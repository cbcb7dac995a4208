import fc from "fast-check";
import { expect, test } from "vitest";
import { pages, parseRoute, routeHash } from "./route.ts";

test("what is written as a hash is read back, for every page, id and choice", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(fc.constantFrom(...pages), fc.option(text), fc.dictionary(text, text, { noNullPrototype: true }), (page, id, choices) => {
      expect(parseRoute(routeHash(page, id, choices))).toEqual({ page, id, choices });
    }),
  );
});

test("nothing, an unknown page and a lone percent sign are places too", () => {
  expect(parseRoute("")).toEqual({ page: "home", id: null, choices: {} });
  expect(parseRoute("#/nowhere/x")).toEqual({ page: "home", id: null, choices: {} });
  expect(parseRoute("#/lineage/50%")).toEqual({ page: "lineage", id: "50%", choices: {} });
});

test("a page that was renamed opens by its former name", () => {
  expect(parseRoute("#/talk?model=mail%401")).toEqual({ page: "playground", id: null, choices: { model: "mail@1" } });
});

test("choices follow the id, and empty ones are left out", () => {
  expect(routeHash("runs", null, { sort: "loss", filter: "" })).toBe("#/runs?sort=loss");
  expect(parseRoute("#/runs?sort=loss")).toEqual({ page: "runs", id: null, choices: { sort: "loss" } });
  expect(parseRoute("#/training/a%2Fb?x=1&y=%20")).toEqual({ page: "training", id: "a/b", choices: { x: "1", y: " " } });
});
