/** Laws of JSON schemas: what a grammar says is valid by a judge of its own (a small validator here), and what is valid is said. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { opened } from "../../../../test/support/schemas/texts.ts";
import { isLoamError, type Random, random } from "../../../base/index.ts";
import { recogniserOf } from "../index.ts";
import { stringFormats } from "./formats.ts";

type Schema = Record<string, unknown>;
type Any = Schema | boolean;

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const typeOf = (v: unknown): string => (v === null ? "null" : Array.isArray(v) ? "array" : typeof v);
const has = (o: unknown, k: string): boolean => Object.hasOwn(o as object, k);

/** Validity as the standard says it, value by value; knows nothing of grammars. */
function isValid(v: unknown, schema: Any, root: Any): boolean {
  if (typeof schema === "boolean") return schema;
  const s = schema as Record<string, never>;
  const all = (list: readonly boolean[]) => list.every(x => x);
  const t = typeOf(v);
  const n = v as number;
  const checks: Record<string, () => boolean> = {
    type: () => [s.type].flat().some((x: string) => x === t || (x === "integer" && Number.isInteger(v))),
    enum: () => (s.enum as unknown[]).some(x => equal(x, v)),
    const: () => equal(s.const, v),
    anyOf: () => (s.anyOf as Any[]).some(x => isValid(v, x, root)),
    oneOf: () => (s.oneOf as Any[]).filter(x => isValid(v, x, root)).length === 1,
    allOf: () => all((s.allOf as Any[]).map(x => isValid(v, x, root))),
    $ref: () =>
      isValid(
        v,
        (s.$ref as string)
          .slice(1)
          .split("/")
          .slice(1)
          .reduce<unknown>((at, k) => (at as Schema)[k], root) as Any,
        root,
      ),
    minimum: () => t !== "number" || n >= s.minimum,
    maximum: () => t !== "number" || n <= s.maximum,
    exclusiveMinimum: () => t !== "number" || n > s.exclusiveMinimum,
    exclusiveMaximum: () => t !== "number" || n < s.exclusiveMaximum,
    multipleOf: () => t !== "number" || Math.abs(n / s.multipleOf - Math.round(n / s.multipleOf)) < 1e-9,
    minLength: () => t !== "string" || [...(v as string)].length >= s.minLength,
    maxLength: () => t !== "string" || [...(v as string)].length <= s.maxLength,
    pattern: () => t !== "string" || new RegExp(s.pattern, "u").test(v as string),
    minItems: () => t !== "array" || (v as unknown[]).length >= s.minItems,
    maxItems: () => t !== "array" || (v as unknown[]).length <= s.maxItems,
    prefixItems: () =>
      t !== "array" || all((s.prefixItems as Any[]).map((x, i) => i >= (v as unknown[]).length || isValid((v as unknown[])[i], x, root))),
    items: () =>
      t !== "array" || all((v as unknown[]).slice(((s.prefixItems as unknown as Any[]) ?? []).length).map(x => isValid(x, s.items, root))),
    required: () => t !== "object" || (s.required as string[]).every(k => has(v, k)),
    properties: () =>
      t !== "object" ||
      all(Object.entries(s.properties as Schema).map(([k, x]) => !has(v, k) || isValid((v as Schema)[k], x as Any, root))),
    additionalProperties: () =>
      t !== "object" ||
      all(Object.keys(v as Schema).map(k => has(s.properties ?? {}, k) || isValid((v as Schema)[k], s.additionalProperties, root))),
    propertyNames: () => t !== "object" || all(Object.keys(v as Schema).map(k => isValid(k, s.propertyNames, root))),
    maxProperties: () => t !== "object" || Object.keys(v as Schema).length <= s.maxProperties,
  };
  return Object.keys(s).every(k => checks[k]?.() ?? true);
}

const reader = (schema: Any) => {
  const r = recogniserOf({ kind: "schema", schema }, "schema");
  r.work = Number.POSITIVE_INFINITY;
  return (t: string): boolean => r.read(r.start, Buffer.from(t))?.isAccepting ?? false;
};
const accepts = (schema: Any, value: unknown): boolean => reader(schema)(JSON.stringify(value));
const refusal = (schema: unknown, strict = false): string => {
  try {
    recogniserOf({ kind: "schema", schema, strict }, "p");
    return "accepted";
  } catch (error) {
    if (isLoamError(error) && error.code === "text/constraint") return error.message;
    throw error;
  }
};

/** Texts of the grammar, byte by byte at random; undefined where a walk does not come to an end. */
function sampler(schema: Any, rng: Random): () => string | undefined {
  const r = recogniserOf({ kind: "schema", schema }, "schema");
  const bytes = Array.from({ length: 256 }, (_, b) => b);
  const classes = Array.from({ length: r.machine.numClasses }, (_, c) => bytes.filter(b => r.machine.classOf[b] === c));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.uniform() * list.length)]!;
  return () => {
    let at = r.start;
    const out: number[] = [];
    for (let n = 0; n < 1000; n++) {
      r.work = Number.POSITIVE_INFINITY;
      if (at.isAccepting && (at.threads.length === 0 || rng.uniform() < 0.4)) return Buffer.from(out).toString("utf8");
      const may = classes.filter(c => r.step(at, c[0]!));
      const closing = may.filter(([b]) => b === 34 || b === 93 || b === 125);
      const plain = may.filter(([b]) => b! >= 32 && b! < 127 && b !== 92);
      const b = pick(
        pick(closing.length > 0 && (n > 100 || rng.uniform() < 0.3) ? closing : plain.length > 0 && rng.uniform() < 0.9 ? plain : may),
      );
      out.push(b);
      at = r.step(at, b)!;
    }
    return undefined;
  };
}

const leaf = (): fc.Arbitrary<Schema> => {
  const bounds = fc.tuple(fc.integer({ min: -150, max: 150 }), fc.integer({ min: 0, max: 200 }));
  return fc.oneof(
    fc.constantFrom<Schema>({ type: "null" }, { type: "boolean" }, { type: "string" }, { type: "number" }, { type: ["integer", "null"] }),
    bounds.map(([a, d]) => ({ type: "integer", minimum: a, maximum: a + d })),
    bounds.map(([a, d]) => ({ type: "number", exclusiveMinimum: a / 8, maximum: a / 8 + d / 4 + 0.5 })),
    fc.constantFrom<Schema>({ type: "integer", multipleOf: 7, minimum: -100 }, { type: "number", multipleOf: 0.01, minimum: 0 }),
    fc.tuple(fc.nat(3), fc.nat(20)).map(([a, d]) => ({ type: "string", minLength: a, maxLength: a + d })),
    fc.constantFrom<Schema>(
      { type: "string", pattern: "^[a-z]+\\d?$" },
      { type: "string", pattern: 'b["\\\\]?' },
      { type: "string", pattern: "^(a|bc)*$", minLength: 2, maxLength: 9 },
    ),
    fc.constantFrom<Schema>({ type: "string", format: "date" }, { type: "string", format: "uuid" }, { type: "string", format: "ipv4" }),
    fc
      .array(fc.oneof(fc.string({ maxLength: 4 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constant([1, { a: "é" }])), {
        minLength: 1,
        maxLength: 4,
      })
      .map(v => ({ enum: v })),
  );
};
const schemas: fc.Arbitrary<Schema> = fc.letrec<{ node: Schema }>(tie => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf(),
    fc.tuple(tie("node"), fc.nat(2), fc.nat(3)).map(([items, a, d]) => ({ type: "array", items, minItems: a, maxItems: a + d })),
    fc
      .tuple(tie("node"), tie("node"), fc.boolean())
      .map(([a, b, more]) => ({ type: "array", prefixItems: [a, b], items: more ? a : false, minItems: 1 })),
    fc
      .tuple(
        fc.uniqueArray(fc.constantFrom("a", "b", "name", "né", 'q"'), { maxLength: 4 }),
        fc.array(tie("node"), { minLength: 4, maxLength: 4 }),
        fc.nat(15),
        fc.nat(2),
      )
      .map(([names, of, mask, open]) => ({
        type: "object",
        properties: Object.fromEntries(names.map((n, i) => [n, of[i]!])),
        required: names.filter((_, i) => mask & (1 << i)),
        ...(open === 0 ? {} : { additionalProperties: open === 1 ? false : of[0]! }),
      })),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => ({ anyOf: [a, b] })),
  ),
})).node;

test("whatever a schema's grammar says is valid under the schema", () => {
  let said = 0;
  fc.assert(
    fc.property(schemas, fc.nat(), (schema, seed) => {
      const say = sampler(schema, random(`say ${seed}`));
      for (let i = 0; i < 5; i++) {
        const t = say();
        if (t === undefined) continue;
        said++;
        expect([schema, t, isValid(JSON.parse(t), schema, schema)]).toEqual([schema, t, true]);
      }
    }),
    { seed: 3, numRuns: 80 },
  );
  expect(said).toBeGreaterThan(rounds(240));
});

/** Values that are near to a schema: some valid, some not quite. Properties in the schema's order. */
function near(schema: Any, rng: Random): unknown {
  if (typeof schema === "boolean") return 1;
  const s = schema as Record<string, never>;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(rng.uniform() * list.length)]!;
  if (rng.uniform() < 0.03) return pick([null, true, "x", 0, -3.25, [], {}]);
  if (s.anyOf) return near(pick(s.anyOf as Any[]), rng);
  if (s.enum) return pick(s.enum);
  const type = s.type === undefined ? "string" : pick([s.type].flat() as string[]);
  const count = (low: number, high: number) => low + Math.floor(rng.uniform() * (high - low + 2)) - (rng.uniform() < 0.1 ? 1 : 0);
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return rng.uniform() < 0.5;
    case "integer":
    case "number": {
      const low = (s.minimum ?? s.exclusiveMinimum ?? -1000) as number;
      const high = (s.maximum ?? 1000) as number;
      const x = pick([low, high, low + rng.uniform() * (high - low), low - 1, high + 0.125]);
      const step = (s.multipleOf ?? (type === "integer" ? 1 : 0.001)) as number;
      return Number((Math.round(x / step) * step).toFixed(4)) + 0;
    }
    case "string": {
      if (s.format)
        return pick(["2024-02-29", "2023-02-29", "1999-12-31", "0.255.1.19", "256.0.0.1", "8b1a9953-c461-4296-a827-abf8c47804d7", "x"]);
      if (s.pattern) return pick(["a", "abc1", "abc12", "b", 'ab"', "x\\b\\", "abca", "bcbc", "aaaaaaaaaa", "", "bca"]);
      return Array.from({ length: Math.max(0, count((s.minLength as number) ?? 0, (s.maxLength as number) ?? 6)) }, () =>
        pick([...'ab"\\\n\u0001é日😀\u2028/']),
      ).join("");
    }
    case "array": {
      const prefix = ((s.prefixItems as unknown as Any[]) ?? []) as Any[];
      return Array.from({ length: Math.max(0, count((s.minItems as number) ?? 0, (s.maxItems as number) ?? 3)) }, (_, i) =>
        near(prefix[i] ?? s.items ?? true, rng),
      );
    }
    default: {
      const out: Schema = {};
      const needed = (s.required ?? []) as string[];
      for (const [k, x] of Object.entries((s.properties ?? {}) as Schema))
        if (needed.includes(k) ? rng.uniform() < 0.97 : rng.uniform() < 0.5) out[k] = near(x as Any, rng);
      if (rng.uniform() < 0.2) out.zz = near((s.additionalProperties as Any) ?? true, rng);
      return out;
    }
  }
}

test("a value is in the grammar of a schema with open objects exactly where it is valid, written as JSON.stringify writes it", () => {
  const counts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(schemas, fc.nat(), (schema, seed) => {
      const rng = random(`near ${seed}`);
      const says = reader(opened(schema) as Any);
      for (let i = 0; i < 6; i++) {
        const v = near(schema, rng);
        const text = JSON.stringify(v);
        if (/\d[eE]/.test(text) && !text.includes('"')) continue; // bounded numbers have no exponents
        const want = isValid(v, schema, schema);
        counts[want ? "valid" : "invalid"]++;
        const isFormat = JSON.stringify(schema).includes('"format"');
        // the judge knows no formats
        if (isFormat && want) continue;
        expect([schema, text, says(text)]).toEqual([schema, text, want]);
      }
    }),
    { seed: 4, numRuns: 120 },
  );
  expect(counts.valid).toBeGreaterThan(rounds(120));
  expect(counts.invalid).toBeGreaterThan(rounds(60));
});

test("bounds of numbers are exact to the last digit", () => {
  const digits = fc.tuple(fc.integer({ min: -20_000, max: 20_000 }), fc.nat(3)).map(([n, p]) => Number((n / 10 ** p).toFixed(p)));
  fc.assert(
    fc.property(
      digits,
      digits,
      fc.boolean(),
      fc.boolean(),
      fc.array(digits, { minLength: 20, maxLength: 20 }),
      (a, b, openLow, openHigh, xs) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const schema = {
          type: "number",
          [openLow ? "exclusiveMinimum" : "minimum"]: low,
          [openHigh ? "exclusiveMaximum" : "maximum"]: high,
        };
        if (refusal(schema) !== "accepted") {
          expect([low === high && (openLow || openHigh), schema]).toEqual([true, schema]);
          return;
        }
        const says = reader(schema);
        for (const x of [...xs, a, b, a + 0.001, b - 0.001, 0].map(x => Number(x.toFixed(3)) + 0))
          expect([schema, x, says(String(x))]).toEqual([schema, x, isValid(x, schema, schema)]);
        // more digits than the bound has
        for (const t of [`${low}${String(low).includes(".") ? "" : "."}0001`, `${high}${String(high).includes(".") ? "" : "."}000`])
          expect([schema, t, says(t)]).toEqual([schema, t, isValid(Number(t), schema, schema)]);
      },
    ),
    { seed: 8, numRuns: 120 },
  );
});

test("integers: bounds and multiples together", () => {
  const schema = { type: "integer", exclusiveMinimum: -50, maximum: 1234, multipleOf: 12 };
  const says = reader(schema);
  for (let x = -200; x < 1400; x++) expect([x, says(String(x))]).toEqual([x, isValid(x, schema, schema)]);
  for (const t of ["01", "-0", "1.0", "+1", ""]) expect(says(t)).toBe(false);
});

test("recursion by $ref: what is nested is followed to any depth", () => {
  const schema = {
    $defs: {
      node: {
        type: "object",
        properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
        required: ["v", "next"],
        additionalProperties: false,
      },
    },
    $ref: "#/$defs/node",
  };
  const says = reader(schema);
  const nest = (n: number): string => (n === 0 ? "null" : `{"v":${n},"next":${nest(n - 1)}}`);
  expect([1, 2, 700].map(n => says(nest(n)))).toEqual([true, true, true]);
  expect([says("null"), says(`${nest(3)}}`), says(nest(3).replace("2", '"2"'))]).toEqual([false, false, false]);
  expect(accepts({ type: "array", items: { $ref: "#" } }, [[[], [[]]], []])).toBe(true);
});

test("allOf holds all at once, also through references and names that stand in both", () => {
  const schema = {
    $defs: {
      base: { type: "object", properties: { id: { type: "integer", minimum: 1 }, tag: { enum: ["a", "b", "c"] } }, required: ["id"] },
    },
    allOf: [
      { $ref: "#/$defs/base" },
      {
        properties: { id: { maximum: 9 }, tag: { enum: ["b", "z"] }, more: { type: "string" } },
        required: ["more"],
        additionalProperties: false,
      },
    ],
  };
  const says = reader(schema);
  for (const v of [
    { id: 5, tag: "b", more: "" },
    { id: 5, more: "x" },
    { id: 0, more: "" },
    { id: 10, more: "" },
    { id: 5, tag: "a", more: "" },
    { id: 5 },
    { id: 5, more: "", q: 1 },
  ])
    expect([v, says(JSON.stringify(v))]).toEqual([v, isValid(v, schema, schema)]);
  // choices beside choices
  const crossed = {
    anyOf: [{ minimum: 5 }, { maximum: -5 }],
    allOf: [{ type: "integer" }, { anyOf: [{ multipleOf: 2 }, { multipleOf: 3 }] }],
  };
  for (let x = -20; x < 20; x++) expect([x, accepts(crossed, x)]).toEqual([x, isValid(x, crossed, crossed)]);
});

test("oneOf: exactly one option holds, where they exclude each other and where they do not", () => {
  const shape = (kind: string, more: Schema) => ({
    type: "object",
    properties: { kind: { const: kind }, ...more },
    required: ["kind", ...Object.keys(more)],
    additionalProperties: false,
  });
  const schema = { oneOf: [shape("circle", { r: { type: "number" } }), shape("square", { a: { type: "number" } }), { type: "null" }] };
  expect([{ kind: "circle", r: 1 }, { kind: "square", a: 2 }, null, { kind: "circle", a: 1 }].map(v => accepts(schema, v))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  const overlapping = { oneOf: [{ type: "integer" }, { type: "number", minimum: 2 }] };
  expect([1, 1.5, 2, 2.5].map(v => accepts(overlapping, v))).toEqual([true, false, false, true]);
});

test("names of properties: those that are named keep their schema, others may be told apart by a pattern", () => {
  const open = { type: "object", properties: { ab: { type: "integer" } }, additionalProperties: { type: "string" } };
  for (const v of [{ ab: 1 }, { ab: 1, a: "x", abc: "", b: "" }, { ab: "x" }, { a: 1 }, {}])
    expect([v, accepts(open, v)]).toEqual([v, isValid(v, open, open)]);
  const map = { type: "object", propertyNames: { pattern: "^k\\d+$" }, additionalProperties: { type: "boolean" }, maxProperties: 2 };
  for (const v of [{}, { k1: true }, { k1: true, k22: false }, { k1: true, k2: true, k3: true }, { k: true }, { k1: 1 }])
    expect([v, accepts(map, v)]).toEqual([v, isValid(v, map, map)]);
});

test("formats take what is of the format and nothing near it", () => {
  const good: Record<string, readonly string[]> = {
    date: ["2024-02-29", "2000-02-29", "1970-01-01", "2023-12-31"],
    time: ["00:00:00Z", "23:59:59.123+05:30"],
    "date-time": ["2024-02-29T12:00:00Z", "1999-12-31T23:59:59.999999-11:00"],
    duration: ["P3D", "P1Y2M", "PT36H", "P4W", "P1DT12H"],
    email: ["a@b.co", "first.last+tag@sub.example.org"],
    hostname: ["a", "example.com", "x-1.y"],
    ipv4: ["0.0.0.0", "255.255.255.255", "192.168.1.9"],
    ipv6: ["::", "::1", "1:2:3:4:5:6:7:8", "fe80::1:2", "1::", "1:2:3:4:5:6:7::"],
    uuid: ["8b1a9953-c461-4296-a827-abf8c47804d7"],
    uri: ["https://example.org/a?b=c#d", "mailto:a@b.co", "urn:isbn:1"],
  };
  const bad: Record<string, readonly string[]> = {
    date: ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31", "24-01-01"],
    time: ["24:00:00Z", "12:60:00Z", "12:00:00"],
    "date-time": ["2023-02-29T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29T12:00:00"],
    duration: ["P", "PT", "3D", "P1S"],
    email: ["a", "a@b", "@b.co", ".a@b.co", "a..b@c.co"],
    hostname: ["-a", "a-", "", "a..b"],
    ipv4: ["256.0.0.1", "1.2.3", "01.2.3.4"],
    ipv6: [":::", "1:2:3:4:5:6:7", "1::2::3", "12345::", "1:2:3:4:5:6:7:8::"],
    uuid: ["8b1a9953c4614296a827abf8c47804d7", "8b1a9953-c461-4296-a827-abf8c47804dg"],
    uri: ["//a", "a b:c", "x:"],
  };
  expect(Object.keys(good)).toEqual(Object.keys(stringFormats));
  for (const format of Object.keys(stringFormats)) {
    for (const t of good[format]!) expect([format, t, accepts({ format }, t)]).toEqual([format, t, true]);
    for (const t of bad[format]!) expect([format, t, accepts({ format }, t)]).toEqual([format, t, false]);
  }
});

test("what is wrong is refused with its pointer, annotations and unknown keywords bind nothing", () => {
  const refused: readonly (readonly [unknown, string])[] = [
    [{ not: {} }, "p#/not: expected a schema that some value is not valid under"],
    [{ properties: { "a/b~": { uniqueItems: 1 } } }, "p#/properties/a~1b~0/uniqueItems: expected true or false"],
    [{ items: { dependentRequired: { a: "b" } } }, "p#/items/dependentRequired: expected lists of names by name"],
    [{ enum: [] }, "p#/enum: expected a list of at least one value"],
    [false, "p#: expected a schema that some value is valid under"],
    [{ minItems: 3, maxItems: 2 }, "p#/minItems: expected at most maxItems, which is 2, got 3"],
    [
      { required: ["a"], properties: { a: false } },
      'p#/required: expected names of properties that are allowed, got "a", which properties forbids',
    ],
    [{ required: ["a"], additionalProperties: false }, '"a", which additionalProperties forbids'],
    [{ allOf: [{ type: "string" }, { type: "null" }] }, "p#/type: expected types that have something in common"],
    [{ type: "array", items: { enum: [1, 1] }, uniqueItems: true, minItems: 2 }, "p#/uniqueItems: expected at least 2 different items"],
    [{ type: "colour" }, "p#/type: expected one of null"],
    [{ minLength: -1 }, "p#/minLength: expected a whole number"],
    [{ $ref: "other.json" }, "p#/$ref: expected a reference inside"],
    [{ $ref: "#/$defs/none" }, "p#/$ref: expected a reference to a schema"],
    [{ $ref: "#/title", title: "x" }, "p#/$ref"],
    [{ pattern: "(a" }, "p#/pattern"],
    [{ type: "integer", multipleOf: 0 }, "p#/multipleOf: expected a number above 0"],
    [{ const: 1, type: "string" }, "p#/const: expected values that the other keywords allow"],
    [{ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }, "some finite text"],
    [{ $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" }, "come back to themselves"],
    [{ $defs: { a: { allOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" }, "a circle of $ref and allOf"],
    [{ anyOf: [{ $ref: "#" }, { type: "null" }] }, "come back to themselves"],
    [{ minimum: 3, maximum: 2, type: "integer" }, "p#/minimum: expected at most maximum, which is 2, got 3"],
    ["schema", "p#: expected a schema"],
    [{ allOf: 1 }, "p#/allOf: expected a list of schemas"],
  ];
  for (const [schema, what] of refused) expect([schema, refusal(schema)]).toEqual([schema, expect.stringContaining(what)]);
  expect(refusal({ title: "t", description: 3, examples: [1], default: 3, $comment: "", deprecated: true, uniqueItems: false })).toBe(
    "accepted",
  );
  for (const key of ["strict", "x-order", "markdownDescription", "constructor", "__proto__", "$schema", "discriminator", "example"])
    expect([key, refusal(JSON.parse(`{"type":"object","${key}":{"not":"a schema"}}`))]).toEqual([key, "accepted"]);
  expect(refusal({ type: "string", format: "colour" })).toBe("accepted");
});

test("strict asks for OpenAI's rules", () => {
  const closed = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
  expect(refusal(closed, true)).toBe("accepted");
  expect(refusal({ ...closed, additionalProperties: undefined }, true)).not.toBe("accepted");
  expect(refusal({ type: "array" }, true)).toContain("an object at the root");
  expect(refusal({ ...closed, properties: { a: { type: "object" } } }, true)).toContain("p#/properties/a/additionalProperties");
  expect(refusal({ ...closed, required: [] }, true)).toContain('"a" too');
});

test("hostile schemas are refused, or cost what their size costs", () => {
  let deep: Schema = {};
  for (let i = 0; i < 100_000; i++) deep = { items: deep };
  expect(refusal(deep)).toContain("schemas inside each other");
  let value: unknown = 1;
  for (let i = 0; i < 100_000; i++) value = [value];
  expect(refusal({ const: value })).toContain("p#/const: expected at most");
  expect(refusal({ type: value })).toContain("a value of many levels");
  // each level doubles what is written out
  const doubled = {
    $defs: Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`d${i}`, { anyOf: [0, 1].map(() => ({ $ref: `#/$defs/d${i + 1}` })) }]),
    ),
  } as Schema;
  (doubled.$defs as Schema).d40 = { type: "null" };
  expect(refusal({ ...doubled, $ref: "#/$defs/d0" })).toBe("accepted");
  const crossed = { allOf: Array.from({ length: 30 }, (_, i) => ({ anyOf: [{ required: [`a${i}`] }, { required: [`b${i}`] }] })) };
  expect(refusal(crossed)).toContain("moderate size");
  const relaxed = recogniserOf({ kind: "schema", schema: { type: "string", pattern: "^(a{0,5000})*$", maxLength: 100_000 } }, "p").relaxed;
  expect(relaxed).toEqual(["#/maxLength"]);
  expect(refusal({ properties: Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`p${i}`, {}])) })).toContain("20000 schemas");
});
