/**
 * Schemas of tools as MCP servers list them, by a generator of their shapes: draft 7 as zod-to-json-schema writes it (references into
 * properties, `not: {}` for what may be left out, safe integers as bounds), hand-written ones of other SDKs (lists of types, OpenAPI's nullable,
 * choices of required arguments, defaults, conditions), and what agents add (`strict`, `x-` names, empty schemas).
 */
import type { Random } from "../../../src/base/index.ts";
import { among, type Field, fieldNames, integerBetween, listOf, objectValue, type Shape, shape, withKeywords } from "./shapes.ts";
import { pick } from "./texts.ts";

const leaves: readonly (() => Shape)[] = [
  () => among({ type: "string", description: "Path of a file" }, "/tmp/a", "x"),
  () => among({ type: "string", minLength: 1, default: "main" }, "main", "dev"),
  () => among({ type: "string", format: "uri" }, "https://example.org"),
  () => among({ type: "string", format: "date-time", "x-order": 3 }, "2024-02-29T12:00:00Z"),
  () => among({ type: "string", enum: ["asc", "desc"], default: "asc" }, "asc", "desc"),
  () => among({ type: "string", pattern: "^[\\w.-]+\\/[\\w.-]+$", markdownDescription: "**owner/name**" }, "a/b"),
  () => among({ type: "integer", exclusiveMinimum: 0, maximum: 9007199254740991 }, 1, 30),
  () => among({ type: "integer", minimum: 1, maximum: 100, default: 30 }, 1, 100),
  () => among({ type: "number" }, 0.5, 3),
  () => among({ type: "boolean", default: false }, true, false),
  () => among({ type: ["string", "null"] }, "x", null),
  () => among({ type: "string", nullable: true }, "x", null),
  () => among({ anyOf: [{ not: {} }, { type: "string" }], description: "optional" }, "x"),
  () => among({ type: ["string", "number", "boolean"] }, "x", 1, true),
  () => among({ const: "v1" }, "v1"),
  () => among({}, 1, "x", null, { a: [1] }),
  () => among({ type: "object", additionalProperties: {} }, {}, { a: 1 }),
  () => among({ type: "object", additionalProperties: { type: "string" }, minProperties: 1 }, { a: "b" }),
  () => among({ type: "object", patternProperties: { "^x-": { type: "string" } }, additionalProperties: false }, { "x-a": "b" }, {}),
  () => among({ type: "array", items: { type: "string" }, uniqueItems: true, maxItems: 10 }, [], ["a", "b"]),
  () => among({ type: "array", items: [{ type: "number" }, { type: "number" }], additionalItems: false, minItems: 2 }, [1, 2.5]),
  () => among({ type: "array", contains: { const: "all" }, items: { type: "string" } }, ["all"], ["x", "all"]),
];

function property(rng: Random, depth: number): Shape {
  if (depth <= 0 || rng.uniform() < 0.6) return pick(leaves, rng)();
  const inner = property(rng, depth - 1);
  return pick(
    [
      () => shape({ type: "array", items: inner.schema }, (r: Random) => listOf(0, 2, r, () => inner.value(r))),
      () => shape({ anyOf: [inner.schema, { type: "null" }] }, (r: Random) => (r.uniform() < 0.3 ? null : inner.value(r))),
      () => tool(rng, depth - 1),
    ],
    rng,
  )();
}

/** What stands beside the properties of some tools, and arguments that keep to it. */
const conditions: readonly { readonly schema: Shape["schema"]; keeps(value: Record<string, unknown>): boolean }[] = [
  { schema: {}, keeps: () => true },
  { schema: {}, keeps: () => true },
  { schema: { strict: true, $schema: "http://json-schema.org/draft-07/schema#" }, keeps: () => true },
  { schema: { anyOf: [{ required: ["id"] }, { required: ["name"] }] }, keeps: v => "id" in v || "name" in v },
  { schema: { oneOf: [{ required: ["id"] }, { required: ["name"] }] }, keeps: v => "id" in v !== "name" in v },
  { schema: { dependentRequired: { id: ["name"] } }, keeps: v => !("id" in v) || "name" in v },
  { schema: { dependencies: { name: ["id"] } }, keeps: v => !("name" in v) || "id" in v },
  {
    // biome-ignore lint/suspicious/noThenProperty: the keyword of the standard
    schema: { if: { required: ["id"] }, then: { required: ["name"] }, else: { required: ["kind"] } },
    keeps: v => ("id" in v ? "name" in v : "kind" in v),
  },
  { schema: { not: { required: ["id", "name"] } }, keeps: v => !("id" in v && "name" in v) },
  { schema: { minProperties: 1, maxProperties: 3 }, keeps: v => Object.keys(v).length >= 1 && Object.keys(v).length <= 3 },
];

function tool(rng: Random, depth: number): Shape {
  const names = fieldNames.slice(0, integerBetween(3, 6, rng));
  const condition = depth >= 2 ? pick(conditions, rng) : conditions[0]!;
  const isConditional = Object.keys(condition.schema).length > 0 && !("strict" in condition.schema);
  const fields = names.map((name, i): Field => {
    const of = property(rng, depth);
    const isRequired = !isConditional && rng.uniform() < 0.4;
    const isReference = i > 0 && depth >= 2 && rng.uniform() < 0.15;
    return {
      name,
      isRequired,
      shape: isReference ? shape({}, () => 0) : withKeywords(of, rng.uniform() < 0.5 ? { description: name } : {}),
    };
  });
  // as zod-to-json-schema does for a type that is used twice
  const linked = fields.map(f =>
    Object.keys(f.shape.schema).length === 0 && f.name !== names[0]
      ? { ...f, shape: shape({ $ref: `#/properties/${names[0]}` }, fields[0]!.shape.value) }
      : f,
  );
  const used = depth >= 2 ? linked : fields;
  const required = used.filter(f => f.isRequired).map(f => f.name);
  const schema = {
    type: "object",
    properties: Object.fromEntries(used.map(f => [f.name, f.shape.schema])),
    ...(required.length > 0 ? { required } : {}),
    ...(rng.uniform() < 0.5 ? { additionalProperties: false } : {}),
    ...condition.schema,
  };
  return shape(schema, r => {
    for (let i = 0; i < 50; i++) {
      const v = objectValue(used, r);
      if (condition.keeps(v)) return v;
    }
    return undefined;
  });
}

export const mcpSchema = (rng: Random): Shape => tool(rng, 2);
