import fc from "fast-check";
import { expect, test } from "vitest";
import { readMembers, replaceMembers, withMembers } from "./members.ts";

const record = fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
const indents = fc.constantFrom(undefined, 1, "\t");

test("each member's place is that of its value, whatever the layout", () => {
  fc.assert(
    fc.property(record, indents, (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const { members, twice } = readMembers(text);
      expect(twice).toBeUndefined();
      const got = members.map(m => [m.key, JSON.parse(text.slice(m.from, m.to))]);
      expect(got).toEqual(Object.entries(JSON.parse(text) as object));
    }),
  );
});

test("replacing values changes those values and nothing else", () => {
  fc.assert(
    fc.property(record, record, indents, (value, changes, indent) => {
      const text = JSON.stringify(value, null, indent);
      const got = withMembers(text, readMembers(text), changes);
      // as JSON has it: -0 is 0
      expect(JSON.parse(got)).toEqual(JSON.parse(JSON.stringify({ ...value, ...changes })));
      const { members } = replaceMembers(text, readMembers(text), changes);
      // where the layout of an object without members puts the first one is its own
      const trimmed = (all: readonly { readonly key: string; readonly from: number; readonly to: number }[]) =>
        all.map(m => [m.key, got.slice(m.from, m.to).trim()]);
      expect(trimmed(members)).toEqual(trimmed(readMembers(got).members));
    }),
  );
});

test("numbers that JavaScript would round stay as they were written", () => {
  const text = '{"model":"a","seed":9223372036854775807,"temperature":1.0}';
  expect(withMembers(text, readMembers(text), { model: "b" })).toBe('{"model":"b","seed":9223372036854775807,"temperature":1.0}');
});

test("a key that comes twice is found at any depth, also where it is spelt otherwise", () => {
  expect(readMembers('{"model":"a","model":"b"}').twice).toBe("model");
  expect(readMembers('{"model":"a","mod\\u0065l":"b"}').twice).toBe("model");
  expect(readMembers('{"a":[{"x":1,"x":2}]}').twice).toBe("x");
  expect(readMembers('{"a":{"x":1},"b":{"x":2},"c":"{\\"x\\":1,\\"x\\":2}"}').twice).toBeUndefined();
});

test("depth counts lists and objects, and braces inside of texts are none", () => {
  expect(readMembers('{"a":[[{"b":"[[[[{{{{"}]]}').depth).toBe(4);
});

test("a text of quotes and backslashes alone is read in time that grows with its length", () => {
  for (const text of [`{"a":"${"\\".repeat(1_000_001)}`, '{"'.repeat(200_000), `{"a":"${'\\"'.repeat(400_000)}"}`]) readMembers(text);
});
