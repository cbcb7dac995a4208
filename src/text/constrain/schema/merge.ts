/**
 * allOf, and keywords beside $ref, anyOf and oneOf: schemas that must hold together become one schema with the stricter of each keyword. What
 * stands under one name in both goes under `allOf` again and is merged when it is come to.
 */

import { constraintRefusal } from "../refuse.ts";
import { pointer, type SchemaObject, type SchemaOrBoolean, type TypeName, typeNames } from "./document.ts";

const describing = new Set([
  "title",
  "description",
  "default",
  "examples",
  "example",
  "deprecated",
  "readOnly",
  "writeOnly",
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "contentMediaType",
  "contentEncoding",
]);

/** The keywords that bind. */
export const bindingOf = (schema: SchemaObject): SchemaObject =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !describing.has(key)));

const typesOf = (v: unknown): readonly TypeName[] => (Array.isArray(v) ? v : [v]) as TypeName[];

const commonTypes = (a: unknown, b: unknown): TypeName[] => {
  const [x, y] = [typesOf(a), typesOf(b)];
  const has = (all: readonly TypeName[], t: TypeName) => all.includes(t) || (t === "integer" && all.includes("number"));
  return typeNames.filter(t => has(x, t) && has(y, t) && !(t === "integer" && x.includes("number") && y.includes("number")));
};

const both = (a: SchemaOrBoolean, b: SchemaOrBoolean): SchemaOrBoolean =>
  a === false || b === false ? false : a === true ? b : b === true ? a : { allOf: [a, b] };

const least = (a: unknown, b: unknown): number => Math.min(a as number, b as number);
const most = (a: unknown, b: unknown): number => Math.max(a as number, b as number);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** How two values of a keyword become one; undefined where they cannot. */
const rules: Readonly<Record<string, (a: unknown, b: unknown) => unknown>> = {
  type: commonTypes,
  enum: (a, b) => (a as unknown[]).filter(x => (b as unknown[]).some(y => same(x, y))),
  const: (a, b) => (same(a, b) ? a : undefined),
  required: (a, b) => [...new Set([...(a as string[]), ...(b as string[])])],
  propertyNames: (a, b) => both(a as SchemaOrBoolean, b as SchemaOrBoolean),
  maxProperties: least,
  minItems: most,
  maxItems: least,
  minLength: most,
  maxLength: least,
  minimum: most,
  maximum: least,
  exclusiveMinimum: most,
  exclusiveMaximum: least,
  multipleOf: (a, b) => {
    const [x, y] = [a as number, b as number];
    if (x === y) return x;
    if (!Number.isSafeInteger(x) || !Number.isSafeInteger(y)) return undefined;
    let [p, q] = [x, y];
    while (q > 0) [p, q] = [q, p % q];
    return (x / p) * y;
  },
  pattern: (a, b) => [...[a].flat(), ...[b].flat()],
  format: (a, b) => (same(a, b) ? a : [...[a].flat(), ...[b].flat()]),
};

const propertyKeys = ["properties", "additionalProperties"];
const itemKeys = ["items", "prefixItems"];

/** Properties of one that the other does not name must fit the other's additional ones. */
function mergeProperties(a: SchemaObject, b: SchemaObject): SchemaObject {
  if (!propertyKeys.some(k => k in a)) return pick(b, propertyKeys);
  if (!propertyKeys.some(k => k in b)) return pick(a, propertyKeys);
  const [x, y] = [a, b].map(s => (s.properties ?? {}) as Readonly<Record<string, SchemaOrBoolean>>) as [
    Readonly<Record<string, SchemaOrBoolean>>,
    Readonly<Record<string, SchemaOrBoolean>>,
  ];
  const [restA, restB] = [a, b].map(s => (s.additionalProperties ?? true) as SchemaOrBoolean) as [SchemaOrBoolean, SchemaOrBoolean];
  const names = [...new Set([...Object.keys(x), ...Object.keys(y)])];
  const of = (all: Readonly<Record<string, SchemaOrBoolean>>, rest: SchemaOrBoolean, name: string) =>
    Object.hasOwn(all, name) ? all[name]! : rest;
  return {
    properties: Object.fromEntries(names.map(n => [n, both(of(x, restA, n), of(y, restB, n))])),
    additionalProperties: both(restA, restB),
  };
}

function mergeItems(a: SchemaObject, b: SchemaObject): SchemaObject {
  if (!itemKeys.some(k => k in a)) return pick(b, itemKeys);
  if (!itemKeys.some(k => k in b)) return pick(a, itemKeys);
  const [x, y] = [a, b].map(s => (s.prefixItems ?? []) as readonly SchemaOrBoolean[]) as [
    readonly SchemaOrBoolean[],
    readonly SchemaOrBoolean[],
  ];
  const [restA, restB] = [a, b].map(s => (s.items ?? true) as SchemaOrBoolean) as [SchemaOrBoolean, SchemaOrBoolean];
  return {
    prefixItems: Array.from({ length: Math.max(x.length, y.length) }, (_, i) => both(x[i] ?? restA, y[i] ?? restB)),
    items: both(restA, restB),
  };
}

const pick = (s: SchemaObject, keys: readonly string[]): SchemaObject => Object.fromEntries(keys.flatMap(k => (k in s ? [[k, s[k]]] : [])));

/** Both at once. Errors: text/constraint where two values of a keyword cannot be one. */
export function merge(a: SchemaObject, b: SchemaObject, place: string): SchemaObject {
  const out: Record<string, unknown> = { ...mergeProperties(a, b), ...mergeItems(a, b) };
  const left = [a, b].flatMap(s => (s.allOf as SchemaOrBoolean[] | undefined) ?? []);
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (key === "allOf" || propertyKeys.includes(key) || itemKeys.includes(key)) continue;
    if (!(key in a) || !(key in b)) {
      out[key] = key in a ? a[key] : b[key];
      continue;
    }
    // two choices beside each other: one of them is made first
    if (key === "anyOf" || key === "oneOf") {
      out[key] = a[key];
      left.push({ [key]: b[key] });
      continue;
    }
    const value = rules[key]?.(a[key], b[key]);
    if (value === undefined)
      throw constraintRefusal(
        pointer(place, key),
        "values that hold together",
        `${JSON.stringify(a[key])} and ${JSON.stringify(b[key])}`,
        "Write one schema for both.",
      );
    out[key] = value;
  }
  return left.length === 0 ? out : { ...out, allOf: left };
}
