import fc from "fast-check";
import { expect, test } from "vitest";
import { parseYaml } from "./config.ts";

const map = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.integer(), { maxKeys: 4 });
const flow = (value: object): string => JSON.stringify(value);

test("what is merged in is there unless the map says it itself, before or behind; of several maps the first wins", () => {
  fc.assert(
    fc.property(map, map, map, fc.boolean(), (first, second, own, isBefore) => {
      const pairs = Object.entries(own).map(([k, v]) => `${k}: ${v}`);
      const merge = "<<: [*first, *second]";
      const text = `first: &first ${flow(first)}\nsecond: &second ${flow(second)}\nown: { ${(isBefore ? [merge, ...pairs] : [...pairs, merge]).join(", ")} }`;
      expect((parseYaml(text, "f") as { own: object }).own).toEqual({ ...second, ...first, ...own });
    }),
  );
  const chain = "a: &a { x: 1, y: { z: 1 } }\nb: &b\n  <<: *a\n  x: 2\nc: { <<: *b, w: 3 }";
  expect(parseYaml(chain, "f")).toMatchObject({ c: { x: 2, y: { z: 1 }, w: 3 } });
  expect(parseYaml("a: { <<: { x: 1 }, y: 2 }", "f")).toEqual({ a: { x: 1, y: 2 } });
  // a text in quotes is a key like any other
  expect(parseYaml('{ "<<": { "x": 1 } }', "f")).toEqual({ "<<": { x: 1 } });
});

test("what is no map, is not there, or is the map itself, is refused at its line and column", () => {
  for (const [text, says] of [
    ["a: 1\nb: { <<: 3 }", "f:2:10: expected a map to merge, or a list of maps, got 3. Write `<<: *name`, with `&name` at a map above."],
    ["a: &a [1]\nb: { <<: *a }", "f:2:10: expected a map to merge, or a list of maps, got 1."],
    ["b:\n  <<: *none\n  c: 1", "f:2:7: expected an anchor &none before it, got none."],
    ["b:\n  <<:\n  c: 1", "expected a map to merge, or a list of maps, got null."],
    ["a: &a { <<: *a }", "f:1:13: expected a map to merge, got the map that it stands in."],
    ["a: &a\n  b: { <<: *a }", "f: Excessive alias count"],
    ["a: *none", "f: Unresolved alias"],
  ] as const)
    expect(() => parseYaml(text, "f"), text).toThrow(says);
});

test("maps of maps of maps do not multiply: they are refused before they are made", () => {
  const level = (n: number) =>
    `l${n}: &l${n} { <<: [${Array(9)
      .fill(`*l${n - 1}`)
      .join(", ")}] }`;
  const bomb = ["l0: &l0 { x: 1 }", ...Array.from({ length: 12 }, (_, i) => level(i + 1))].join("\n");
  expect(() => parseYaml(bomb, "f")).toThrow(/^f:\d+:\d+: expected merge keys that copy at most 10000 keys, got more/);
});
