/** What is relaxed, what is refused instead, and that docs/structured.md says the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isLoamError } from "../../../base/index.ts";
import { recogniserOf } from "../index.ts";
import { bindingKeywords } from "./keywords.ts";

const page = readFileSync(new URL("../../../../docs/structured.md", import.meta.url), "utf8");
const relaxedOf = (schema: unknown) => recogniserOf({ kind: "schema", schema }, "p").relaxed;
const behind = { pattern: "(?<=a)b" };
const many = (n: number, of: unknown) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, of]));

/** A schema for each row of the page's table, with the pointer that is named. */
const rows: readonly (readonly [keyword: string, schema: object, pointer: string])[] = [
  ["pattern", { type: "string", ...behind }, "#/pattern"],
  ["pattern", { type: "string", pattern: "^(a)\\1$" }, "#/pattern"],
  ["pattern", { type: "string", pattern: "(?:(?!ab).)*c" }, "#/pattern"],
  ["not", { type: "array", not: { uniqueItems: true } }, "#/not"],
  // biome-ignore lint/suspicious/noThenProperty: the keyword of the standard
  ["if", { type: "array", if: { uniqueItems: true }, then: { minItems: 2 }, else: { maxItems: 3 } }, "#/if"],
  [
    "oneOf",
    {
      oneOf: [
        { type: "array", uniqueItems: true },
        { type: "array", minItems: 1 },
      ],
    },
    "#/oneOf",
  ],
  ["uniqueItems", { type: "array", prefixItems: [{ type: "integer" }], uniqueItems: true }, "#/uniqueItems"],
  ["contains", { type: "array", contains: { const: 1 }, maxItems: 5000 }, "#/contains"],
  ["minProperties", { type: "object", properties: many(300, { type: "null" }), minProperties: 200 }, "#/minProperties"],
  ["maxProperties", { type: "object", properties: many(300, { type: "null" }), maxProperties: 200 }, "#/maxProperties"],
  ["patternProperties", { type: "object", patternProperties: many(6, { type: "null" }) }, "#/patternProperties"],
  [
    "unevaluatedProperties",
    { type: "object", allOf: [{ unevaluatedProperties: false, anyOf: [{ required: ["a"] }, { required: ["b"] }] }] },
    "#/unevaluatedProperties",
  ],
  ["unevaluatedItems", { type: "array", contains: { const: 1 }, unevaluatedItems: false }, "#/unevaluatedItems"],
  ["multipleOf", { type: "integer", multipleOf: 5001 }, "#/multipleOf"],
];

test("each row of the page's table of relaxed keywords is one, and there are no others", () => {
  for (const [, schema, pointer] of rows) expect([schema, relaxedOf(schema)]).toEqual([schema, [pointer]]);
  const table = page.slice(page.search(/^\| relaxed +\|/m), page.indexOf("Under `strict: true`"));
  const named = [...table.matchAll(/^\| (`[^|]+)\|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(m => m[1]!));
  expect(named.sort()).toEqual([...new Set(rows.map(([keyword]) => keyword))].sort());
});

test("every keyword that binds is named on the page", () => {
  const hidden = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor"];
  for (const keyword of Object.keys(bindingKeywords))
    if (!hidden.includes(keyword)) expect([keyword, page.includes(`\`${keyword}`)]).toEqual([keyword, true]);
});

test("a strict schema is refused by the name and the place of what would be relaxed, part by part", () => {
  const refused = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      if (isLoamError(error)) return error.message;
      throw error;
    }
    return "accepted";
  };
  const closed = (properties: object) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });
  const strict = closed({ a: { type: "string", ...behind } });
  expect(refused(() => recogniserOf({ kind: "schema", schema: strict, strict: true }, "p"))).toContain(
    'p#/properties/a/pattern: expected keywords that a strict schema is held to exactly, got "pattern"',
  );
  const schema = closed({ first: strict, second: structuredClone(strict) });
  const parts = (isExact: boolean) => [
    { pointer: "#/properties/first", place: "tools[0].function.parameters", isExact },
    { pointer: "#/properties/second", place: "tools[1].function.parameters", isExact: false },
  ];
  expect(recogniserOf({ kind: "schema", schema, parts: parts(false) }, "tools").relaxed).toEqual([
    "tools[0].function.parameters#/properties/a/pattern",
    "tools[1].function.parameters#/properties/a/pattern",
  ]);
  expect(refused(() => recogniserOf({ kind: "schema", schema, parts: parts(true) }, "tools"))).toContain(
    "tools[0].function.parameters#/properties/a/pattern",
  );
});

test("a dictionary of Pydantic's has no names but those of its pattern; beside properties or additionalProperties others stay possible", () => {
  const dictionary = { type: "object", patternProperties: { "^[a-z]{1,4}$": { type: "integer" } } };
  const reads = (schema: object, value: object) => {
    const r = recogniserOf({ kind: "schema", schema }, "p");
    return r.read(r.start, Buffer.from(JSON.stringify(value)))?.isAccepting ?? false;
  };
  expect([{ ab: 1 }, { ab: "x" }, { Long: 1 }].map(v => reads(dictionary, v))).toEqual([true, false, false]);
  expect(reads({ ...dictionary, additionalProperties: true }, { Long: "x" })).toBe(true);
  expect(reads({ ...dictionary, properties: {} }, { Long: "x" })).toBe(true);
});

test("an object with properties gets no others, unless its schema says so, speaks of other names, or needs them", () => {
  const reads = (schema: object, value: object) => {
    const r = recogniserOf({ kind: "schema", schema }, "p");
    return r.read(r.start, Buffer.from(JSON.stringify(value)))?.isAccepting ?? false;
  };
  const one = { type: "object", properties: { a: { type: "integer" } } };
  expect([{}, { a: 1 }, { a: 1, b: 2 }, { b: 2 }].map(v => reads(one, v))).toEqual([true, true, false, false]);
  expect([{}, { b: 2 }].map(v => reads({ type: "object", properties: {} }, v))).toEqual([true, false]);
  expect([{ b: 2 }, {}].map(v => reads({ type: "object" }, v))).toEqual([true, true]);
  const open: readonly object[] = [
    { additionalProperties: true },
    { additionalProperties: { type: "integer" } },
    { unevaluatedProperties: true },
    { patternProperties: { "^b$": { type: "integer" } } },
    { propertyNames: { maxLength: 1 } },
    { required: ["b"] },
    { minProperties: 2 },
    { not: { additionalProperties: { type: "string" } } },
  ];
  for (const more of open) expect([more, reads({ ...one, ...more }, { a: 1, b: 2 })]).toEqual([more, true]);
  // forbidding a name says nothing of the others
  expect([{ b: 2 }, { a: 1 }].map(v => reads({ type: "object", not: { required: ["a"] } }, v))).toEqual([true, false]);
  // parts of allOf are closed together, not each
  const both = { allOf: [one, { type: "object", properties: { b: { type: "integer" } } }] };
  expect(
    [
      { a: 1, b: 2 },
      { a: 1, c: 2 },
    ].map(v => reads(both, v)),
  ).toEqual([true, false]);
});

test("a schema that closed objects cannot satisfy leaves them open", () => {
  const two = { type: "object", properties: { a: { const: 1 } } };
  const schema = { type: "array", items: two, uniqueItems: true, minItems: 3 };
  const r = recogniserOf({ kind: "schema", schema }, "p");
  const text = '[{},{"a":1},{"b":1}]';
  expect(r.read(r.start, Buffer.from(text))?.isAccepting).toBe(true);
  const few = recogniserOf({ kind: "schema", schema: { ...schema, minItems: 2 } }, "p");
  expect(few.read(few.start, Buffer.from('[{},{"a":1}]'))?.isAccepting).toBe(true);
  expect(few.read(few.start, Buffer.from(text))?.isAccepting ?? false).toBe(false);
});

test("a tagged union of Pydantic's needs its tag, whether or not the models give it a default", () => {
  const model = (kind: string) => ({
    type: "object",
    properties: { kind: { const: kind, default: kind, type: "string" }, n: { type: "integer" } },
  });
  const schema = {
    $defs: { Cat: model("cat"), Dog: model("dog") },
    discriminator: { mapping: { cat: "#/$defs/Cat", dog: "#/$defs/Dog" }, propertyName: "kind" },
    oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
  };
  const r = recogniserOf({ kind: "schema", schema }, "p");
  const reads = (v: object) => r.read(r.start, Buffer.from(JSON.stringify(v)))?.isAccepting ?? false;
  expect([{ kind: "cat", n: 1 }, { kind: "dog" }, { n: 1 }, { kind: "cow" }].map(reads)).toEqual([true, true, false, false]);
  expect(r.relaxed).toEqual([]);
});
