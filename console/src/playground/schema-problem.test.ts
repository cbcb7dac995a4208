import fc from "fast-check";
import { expect, test } from "vitest";
import { schemaProblem } from "./schema-problem.ts";

test("a schema has no problem, whatever its annotations; nothing has none either", () => {
  const weather = {
    type: "object",
    properties: {
      city: { enum: ["Rome", "Oslo"] },
      days: { type: ["integer", "null"], minimum: 1, exclusiveMaximum: 8 },
      tags: { type: "array", items: { $ref: "#/$defs/tag" }, maxItems: 3 },
    },
    required: ["city"],
    additionalProperties: false,
    $defs: { tag: { type: "string", pattern: "^\\w+$", maxLength: 9 } },
    "x-note": 7,
  };
  expect(schemaProblem(JSON.stringify(weather), "object")).toBeUndefined();
  expect(schemaProblem(" \n")).toBeUndefined();
  const annotation = fc.stringMatching(/^x-[a-z]{1,8}$/);
  fc.assert(
    fc.property(fc.dictionary(annotation, fc.jsonValue()), more => {
      expect(schemaProblem(JSON.stringify({ ...weather, ...more }), "object")).toBeUndefined();
    }),
  );
});

test.each([
  ['{ "type": "strin" }', 'type: expected one of string, number, integer, boolean, object, array, null, or a list of them, got "strin".'],
  ['{ "properties": { "city": { "type": 3 } } }', /^properties\.city\.type: expected one of .* got 3\.$/],
  ['{ "properties": { "city": "string" } }', 'properties.city: expected a schema (an object), got "string".'],
  ['{ "properties": [] }', "properties: expected an object of schemas by name, got []."],
  ['{ "required": "city" }', 'required: expected a list of property names, got "city".'],
  ['{ "anyOf": [{ "minLength": -1 }] }', "anyOf[0].minLength: expected a whole number from 0, got -1."],
  ['{ "enum": [] }', "enum: expected a list of at least one value, got []."],
  ['{ "items": { "pattern": "(" } }', 'items.pattern: expected a regular expression, got "(".'],
  ["[1]", 'schema: expected an object, such as { "type": "object" }, got [1].'],
  ['{ "type": "string" }', 'type: expected "object": arguments are an object, got "string".'],
  ['{\n  "type": object }', /^line 2, column 11: expected JSON/],
  ['{ "type": ', /^line 1, column 11: expected JSON/],
  ['{ "a": [1, 2 }', /^line 1, column 14: /],
  ["{ 'a': 1 }", /^line 1, column 3: /],
  ['{ "a": 1 } x', /^line 1, column 12: /],
] as const)("%s is said with its place", (text, message) => {
  const problem = schemaProblem(text, "object");
  if (typeof message === "string") expect(problem).toBe(message);
  else expect(problem).toMatch(message);
});
