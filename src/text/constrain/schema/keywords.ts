/**
 * The keywords of JSON Schema that bind, each with the kind of its value (2020-12, with what drafts 4 to 7 and OpenAPI 3.0 wrote instead). Every
 * other name is an annotation and binds nothing, as the standard says (core, section 6.5).
 */
import { constrainLimits } from "../limits.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;
export type SchemaOrBoolean = SchemaObject | boolean;

export const isObject = (v: unknown): v is SchemaObject => v !== null && typeof v === "object" && !Array.isArray(v);

export const typeNames = ["null", "boolean", "integer", "number", "string", "array", "object"] as const;
export type TypeName = (typeof typeNames)[number];

/** The type of a value; whole numbers are integers. */
export function typeOfValue(v: unknown): TypeName {
  if (v === null) return "null";
  if (Array.isArray(v)) return "array";
  if (typeof v === "number") return Number.isInteger(v) ? "integer" : "number";
  return typeof v === "boolean" ? "boolean" : typeof v === "string" ? "string" : "object";
}

export const isOfType = (v: unknown, types: readonly string[]): boolean => {
  const type = typeOfValue(v);
  return types.includes(type) || (type === "integer" && types.includes("number"));
};

type Kind =
  | "text"
  | "number"
  | "positive"
  | "bound"
  | "count"
  | "boolean"
  | "any"
  | "schema"
  | "schemas"
  | "items"
  | "map"
  | "dependencies"
  | "names"
  | "required"
  | "namesMap"
  | "type"
  | "values"
  | "discriminator";

export const bindingKeywords: Readonly<Record<string, Kind>> = {
  type: "type",
  nullable: "boolean",
  enum: "values",
  const: "any",
  properties: "map",
  patternProperties: "map",
  required: "required",
  additionalProperties: "schema",
  unevaluatedProperties: "schema",
  propertyNames: "schema",
  propertyOrdering: "names",
  minProperties: "count",
  maxProperties: "count",
  dependentRequired: "namesMap",
  dependentSchemas: "map",
  dependencies: "dependencies",
  items: "items",
  additionalItems: "schema",
  prefixItems: "schemas",
  unevaluatedItems: "schema",
  minItems: "count",
  maxItems: "count",
  uniqueItems: "boolean",
  contains: "schema",
  minContains: "count",
  maxContains: "count",
  minLength: "count",
  maxLength: "count",
  pattern: "text",
  format: "text",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "bound",
  exclusiveMaximum: "bound",
  multipleOf: "positive",
  anyOf: "schemas",
  oneOf: "schemas",
  allOf: "schemas",
  not: "schema",
  if: "schema",
  // biome-ignore lint/suspicious/noThenProperty: the keyword of the standard
  then: "schema",
  else: "schema",
  discriminator: "discriminator",
  $ref: "text",
  $dynamicRef: "text",
  $recursiveRef: "text",
  $anchor: "text",
  $dynamicAnchor: "text",
  $id: "text",
  $defs: "map",
  definitions: "map",
};

const isText = (v: unknown): v is string => typeof v === "string";
const isNumber = (v: unknown): v is number => typeof v === "number" && Number.isFinite(v);
const isSchema = (v: unknown): boolean => isObject(v) || typeof v === "boolean";
const isNames = (v: unknown): boolean => Array.isArray(v) && v.every(isText);

export const keywordKinds: Readonly<Record<Kind, { readonly is: (v: unknown) => boolean; readonly text: string }>> = {
  text: { is: isText, text: "a text" },
  number: { is: isNumber, text: "a number" },
  positive: { is: v => isNumber(v) && v > 0, text: "a number above 0" },
  // drafts 3 and 4 wrote true beside minimum
  bound: { is: v => isNumber(v) || typeof v === "boolean", text: "a number" },
  count: {
    is: v => Number.isSafeInteger(v) && (v as number) >= 0 && (v as number) <= constrainLimits.count,
    text: "a whole number from 0",
  },
  boolean: { is: v => typeof v === "boolean", text: "true or false" },
  any: { is: () => true, text: "a value" },
  schema: { is: isSchema, text: "a schema" },
  schemas: { is: v => Array.isArray(v), text: "a list of schemas" },
  // until draft 2019-09 a list of schemas here was what prefixItems is now
  items: { is: v => isSchema(v) || Array.isArray(v), text: "a schema" },
  map: { is: isObject, text: "schemas by name" },
  dependencies: { is: isObject, text: "schemas or lists of names by name" },
  names: { is: isNames, text: "a list of names" },
  // draft 3 wrote true inside of a property; it says nothing here
  required: { is: v => isNames(v) || typeof v === "boolean", text: "a list of names" },
  namesMap: { is: v => isObject(v) && Object.values(v).every(isNames), text: "lists of names by name" },
  type: {
    is: v => (Array.isArray(v) && v.length > 0 ? v : [v]).every(t => (typeNames as readonly unknown[]).includes(t)),
    text: `one of ${typeNames.join(", ")}, or a list of them`,
  },
  values: { is: v => Array.isArray(v) && v.length > 0, text: "a list of at least one value" },
  discriminator: { is: () => true, text: "a discriminator" },
};

/** Schemas directly inside of a keyword's value, each with the rest of its pointer. */
export function innerSchemas(kind: Kind, value: unknown): readonly (readonly [schema: unknown, ...keys: (string | number)[]])[] {
  switch (kind) {
    case "schema":
      return [[value]];
    case "schemas":
      return (value as unknown[]).map((s, i) => [s, i]);
    case "items":
      return Array.isArray(value) ? value.map((s, i) => [s, i]) : [[value]];
    case "map":
      return Object.entries(value as SchemaObject).map(([name, s]) => [s, name]);
    case "dependencies":
      return Object.entries(value as SchemaObject).flatMap(([name, s]) => (Array.isArray(s) ? [] : [[s, name] as const]));
    default:
      return [];
  }
}
