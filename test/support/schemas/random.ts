/** Random schemas of every keyword and values that are near to them: small alphabets, so that keywords meet. */
import fc from "fast-check";
import type { Random } from "../../../src/base/index.ts";
import { pick } from "./texts.ts";

type Schema = Record<string, unknown>;

const names = ["a", "b", "c", "d"];
const someOf = (list: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...list]);
const scalar = fc.constantFrom<unknown>(1, 2, 0.5, "a", "ab", "x1", true, null);
const optional = <T>(key: string, of: fc.Arbitrary<T>): fc.Arbitrary<Schema> =>
  fc.option(of, { nil: undefined, freq: 2 }).map(v => (v === undefined ? {} : { [key]: v }));
const merged = (...parts: fc.Arbitrary<Schema>[]): fc.Arbitrary<Schema> =>
  fc.tuple(...parts).map(all => Object.assign({}, ...all) as Schema);

const numbers = merged(
  fc.constantFrom<Schema>({ type: "integer" }, { type: "number" }),
  optional("minimum", fc.integer({ min: -3, max: 2 })),
  optional("exclusiveMaximum", fc.integer({ min: 3, max: 9 })),
  optional("multipleOf", fc.constantFrom(2, 3, 0.5, 0.05, 1.5)),
);
const strings = merged(
  fc.constant<Schema>({ type: "string" }),
  optional("minLength", fc.nat(2)),
  optional("maxLength", fc.integer({ min: 2, max: 4 })),
  optional("pattern", fc.constantFrom("^[ab]*$", "^(?!b)", "b$", "^x\\d", "^(?=.*a)[a-c]+$")),
);

export const { node: randomSchemas } = fc.letrec<{ node: Schema; list: Schema; object: Schema; flat: Schema }>(tie => ({
  list: merged(
    fc.constant<Schema>({ type: "array" }),
    optional("items", tie("node")),
    optional("minItems", fc.nat(2)),
    optional("maxItems", fc.integer({ min: 2, max: 4 })),
    optional("uniqueItems", fc.boolean()),
    // not beside each other: ajv 8.20 takes [] for valid where contains stands beside prefixItems
    fc.oneof(
      fc.constant<Schema>({}),
      fc.array(tie("node"), { minLength: 1, maxLength: 2 }).map((prefixItems): Schema => ({ prefixItems })),
      fc
        .tuple(tie("node"), fc.nat(2), fc.constantFrom({}, { maxContains: 2 }, { maxContains: 3 }))
        .map(([contains, minContains, most]): Schema => ({ contains, minContains, ...most })),
    ),
  ),
  object: merged(
    fc.constant<Schema>({ type: "object" }),
    fc
      .tuple(someOf(names), fc.array(tie("node"), { minLength: 4, maxLength: 4 }))
      .map(([of, all]) => ({ properties: Object.fromEntries(of.map((n, i) => [n, all[i]!])) })),
    optional("required", someOf(["a", "b"])),
    optional("additionalProperties", fc.oneof(fc.boolean(), tie("node"))),
    optional(
      "patternProperties",
      tie("node").map(s => ({ "^[bx]": s })),
    ),
    optional(
      "propertyNames",
      fc.constantFrom<Schema>({ maxLength: 2 }, { pattern: "^[a-cx]" }, { enum: ["a", "b", "x1"] }, { not: { const: "c" } }),
    ),
    optional("minProperties", fc.nat(2)),
    optional("maxProperties", fc.integer({ min: 2, max: 3 })),
    optional("dependentRequired", fc.constantFrom({ a: ["b"] }, { b: ["a", "c"] })),
  ),
  flat: fc.oneof(
    { maxDepth: 2, depthSize: "small", withCrossShrink: true },
    numbers,
    strings,
    fc.array(scalar, { minLength: 1, maxLength: 4 }).map(v => ({ enum: v })),
    fc.constantFrom<Schema>({ type: "boolean" }, { type: "null" }, { type: ["integer", "null"] }, { const: [1, "a"] }, { const: { a: 1 } }),
    tie("list"),
    tie("object"),
  ),
  node: fc.oneof(
    { maxDepth: 2, depthSize: "small", withCrossShrink: true },
    { arbitrary: tie("flat"), weight: 6 },
    { arbitrary: fc.tuple(tie("flat"), tie("flat")).map(([a, b]) => ({ anyOf: [a, b] })), weight: 1 },
    { arbitrary: fc.tuple(tie("flat"), tie("flat")).map(([a, b]) => ({ oneOf: [a, b] })), weight: 2 },
    { arbitrary: fc.tuple(tie("flat"), tie("flat")).map(([a, b]) => ({ ...a, not: b })), weight: 2 },
    { arbitrary: fc.tuple(tie("object"), tie("flat")).map(([a, b]) => ({ ...a, allOf: [b] })), weight: 1 },
    { arbitrary: fc.tuple(tie("object"), tie("object")).map(([a, b]) => ({ allOf: [a, b], unevaluatedProperties: false })), weight: 1 },
    {
      arbitrary: fc
        .tuple(tie("object"), tie("object"), tie("object"), tie("object"))
        // biome-ignore lint/suspicious/noThenProperty: the keyword of the standard
        .map(([a, b, c, d]) => ({ ...a, if: b, then: c, else: d })),
      weight: 2,
    },
  ),
}));

const leaves: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  2,
  3,
  -1,
  0.5,
  1.5,
  4,
  0.05,
  2.25,
  "",
  "a",
  "b",
  "ab",
  "x1",
  "bb",
  "abc",
  "caa",
  "é\n",
];
/** A small value of any kind, with names that schemas here speak of. */
export function randomValue(rng: Random, depth = 0): unknown {
  const kind = rng.uniform();
  if (depth > 2 || kind < 0.5) return pick(leaves, rng);
  const n = Math.floor(rng.uniform() * 4);
  if (kind < 0.7) return Array.from({ length: n }, () => randomValue(rng, depth + 1));
  return Object.fromEntries(Array.from({ length: n }, () => [pick([...names, "x1", "zz"], rng), randomValue(rng, depth + 1)]));
}
/** A value near to one: a part of it changed. */
export function changedValue(v: unknown, rng: Random): unknown {
  if (v === null || typeof v !== "object" || rng.uniform() < 0.15) return randomValue(rng, 1);
  if (Array.isArray(v)) {
    if (v.length === 0 || rng.uniform() < 0.3)
      return [...(v as unknown[]), rng.uniform() < 0.5 && v.length > 0 ? v[0] : randomValue(rng, 2)];
    const at = Math.floor(rng.uniform() * v.length);
    return rng.uniform() < 0.3 ? v.filter((_, i) => i !== at) : v.map((x: unknown, i) => (i === at ? changedValue(x, rng) : x));
  }
  const keys = Object.keys(v);
  if (keys.length === 0 || rng.uniform() < 0.3) return { ...v, [pick([...names, "x1", "zz"], rng)]: randomValue(rng, 2) };
  const key = pick(keys, rng);
  const { [key]: of, ...rest } = v as Schema;
  return rng.uniform() < 0.3 ? rest : { ...v, [key]: changedValue(of, rng) };
}
/** Beyond these a validator that divides doubles cannot tell multiples, and JSON spells whole numbers with exponents, which no integer of a form has. */
export const hasSafeNumbers = (v: unknown): boolean =>
  v === null || typeof v !== "object"
    ? typeof v !== "number" || Math.abs(v) <= Number.MAX_SAFE_INTEGER
    : Object.values(v).every(hasSafeNumbers);
export const isSmallValue = (v: unknown): boolean =>
  v === null || typeof v !== "object" || (Object.keys(v).length <= 4 && Object.values(v).every(isSmallValue));
