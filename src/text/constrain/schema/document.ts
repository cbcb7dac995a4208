/**
 * A JSON schema as it came, checked once from end to end before anything is made of it: every keyword is known and has a value of its kind,
 * nesting and number are bounded, every reference leads somewhere inside. What Loam does not carry out is refused with its pointer, never
 * passed over, for then the answer would look checked and not be.
 */
import { constrainLimits } from "../limits.ts";
import { constraintRefusal } from "../refuse.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;
export type SchemaOrBoolean = SchemaObject | boolean;

export const isObject = (v: unknown): v is SchemaObject => v !== null && typeof v === "object" && !Array.isArray(v);

export const typeNames = ["null", "boolean", "integer", "number", "string", "array", "object"] as const;
export type TypeName = (typeof typeNames)[number];

type Kind = "text" | "number" | "count" | "boolean" | "any" | "schema" | "schemas" | "map" | "names" | "type" | "values";

/** Keywords that are carried out, and those that describe and bind nothing. */
const keywords: Readonly<Record<string, Kind>> = {
  type: "type",
  enum: "values",
  const: "any",
  properties: "map",
  required: "names",
  additionalProperties: "schema",
  propertyNames: "schema",
  maxProperties: "count",
  items: "schema",
  prefixItems: "schemas",
  minItems: "count",
  maxItems: "count",
  minLength: "count",
  maxLength: "count",
  pattern: "text",
  format: "text",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
  anyOf: "schemas",
  oneOf: "schemas",
  allOf: "schemas",
  $ref: "text",
  $defs: "map",
  definitions: "map",
  $schema: "text",
  $id: "text",
  $comment: "text",
  title: "text",
  description: "text",
  default: "any",
  examples: "any",
  example: "any",
  deprecated: "boolean",
  readOnly: "boolean",
  writeOnly: "boolean",
  contentMediaType: "text",
  contentEncoding: "text",
};
/** Known words that ask for nothing with this value. */
const harmless: Readonly<Record<string, (v: unknown) => boolean>> = {
  uniqueItems: v => v === false,
  minProperties: v => v === 0,
  nullable: v => v === false,
  unevaluatedProperties: v => v === true,
  unevaluatedItems: v => v === true,
  patternProperties: v => isObject(v) && Object.keys(v).length === 0,
};

const kinds: Readonly<Record<Kind, { readonly is: (v: unknown) => boolean; readonly text: string }>> = {
  text: { is: v => typeof v === "string", text: "a text" },
  number: { is: v => typeof v === "number" && Number.isFinite(v), text: "a number" },
  count: {
    is: v => Number.isSafeInteger(v) && (v as number) >= 0 && (v as number) <= constrainLimits.count,
    text: "a whole number from 0",
  },
  boolean: { is: v => typeof v === "boolean", text: "true or false" },
  any: { is: () => true, text: "a value" },
  schema: { is: v => isObject(v) || typeof v === "boolean", text: "a schema" },
  schemas: { is: v => Array.isArray(v), text: "a list of schemas" },
  map: { is: isObject, text: "schemas by name" },
  names: { is: v => Array.isArray(v) && v.every(n => typeof n === "string"), text: "a list of names" },
  type: {
    is: v => (Array.isArray(v) && v.length > 0 ? v : [v]).every(t => (typeNames as readonly unknown[]).includes(t)),
    text: `one of ${typeNames.join(", ")}, or a list of them`,
  },
  values: { is: v => Array.isArray(v), text: "a list of values" },
};

const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
export const pointer = (at: string, ...keys: readonly (string | number)[]): string =>
  [at, ...keys.map(k => escapePointer(String(k)))].join("/");

const show = (v: unknown): string => (isTooDeep(v) ? "a value of many levels" : (JSON.stringify(v) ?? String(v)));

/** Whether lists and objects stand inside each other too often to be walked by recursion. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= constrainLimits.depth; depth++) {
    level = level.flatMap(v => (v !== null && typeof v === "object" ? (Object.values(v) as unknown[]) : []));
    if (level.length === 0) return false;
  }
  return true;
}

export class SchemaDocument {
  readonly root: SchemaOrBoolean;
  /** Place of the root in errors: the parameter and "#". */
  readonly place: string;
  readonly #places = new Map<SchemaObject, string>();

  /** Errors: text/constraint, with the pointer of what is unknown, wrong or too much. */
  constructor(root: unknown, parameter: string) {
    this.place = `${parameter}#`;
    if (!isObject(root) && typeof root !== "boolean") throw constraintRefusal(this.place, "a schema: an object", show(root));
    this.root = root;
    this.#check(root);
  }

  placeOf(schema: SchemaObject): string {
    return this.#places.get(schema) ?? this.place;
  }
  /** A schema that was put together from others stands where they stand. */
  derive(schema: SchemaObject, from: string): SchemaObject {
    this.#places.set(schema, from);
    return schema;
  }

  #check(root: SchemaOrBoolean): void {
    const open: { readonly schema: unknown; readonly at: string; readonly depth: number }[] = [{ schema: root, at: this.place, depth: 0 }];
    let count = 0;
    for (let next = open.pop(); next; next = open.pop()) {
      const { schema, at, depth } = next;
      if (typeof schema === "boolean") continue;
      if (!isObject(schema)) throw constraintRefusal(at, "a schema", show(schema));
      if (depth > constrainLimits.depth)
        throw constraintRefusal(at.slice(0, 200), `at most ${constrainLimits.depth} schemas inside each other`, "more");
      if (++count > constrainLimits.schemas) throw constraintRefusal(this.place, `at most ${constrainLimits.schemas} schemas`, "more");
      this.#places.set(schema, at);
      const inner = (v: unknown, ...keys: readonly (string | number)[]): void => {
        open.push({ schema: v, at: pointer(at, ...keys), depth: depth + 1 });
      };
      for (const [key, value] of Object.entries(schema)) {
        if (Object.hasOwn(harmless, key) && harmless[key]!(value)) continue;
        const kind = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
        if (kind === undefined)
          throw constraintRefusal(
            pointer(at, key),
            "keywords that are carried out",
            `"${key}"`,
            "Leave it out and check the answer afterwards.",
          );
        if (!kinds[kind].is(value)) throw constraintRefusal(pointer(at, key), kinds[kind].text, show(value));
        if ((kind === "any" || kind === "values") && isTooDeep(value))
          throw constraintRefusal(pointer(at, key), `at most ${constrainLimits.depth} levels`, "more");
        if (kind === "schema") inner(value, key);
        if (kind === "schemas") for (const [i, s] of (value as unknown[]).entries()) inner(s, key, i);
        if (kind === "map") for (const [name, s] of Object.entries(value as SchemaObject)) inner(s, key, name);
        if (kind === "values" && (value as unknown[]).length > constrainLimits.choices)
          throw constraintRefusal(pointer(at, key), `at most ${constrainLimits.choices} values`, `${(value as unknown[]).length}`);
      }
    }
  }

  /** What a reference leads to. Only inside of the document. Errors: text/constraint. */
  resolve(reference: string, at: string): SchemaOrBoolean {
    const place = pointer(at, "$ref");
    if (!reference.startsWith("#"))
      throw constraintRefusal(place, "a reference inside of the schema: #/$defs/...", show(reference), "Put what it names under $defs.");
    let here: unknown = this.root;
    const path = reference === "#" ? [] : reference.slice(1).split("/");
    if (path.length > 0 && path[0] !== "") throw constraintRefusal(place, "a reference by pointer: #/$defs/...", show(reference));
    for (const part of path.slice(1)) {
      let key = part;
      try {
        key = decodeURIComponent(part);
      } catch {
        // a name with a bare % in it
      }
      key = key.replaceAll("~1", "/").replaceAll("~0", "~");
      const isThere: boolean = here !== null && typeof here === "object" && Object.hasOwn(here, key);
      here = isThere ? (here as Record<string, unknown>)[key] : undefined;
    }
    if (typeof here === "boolean" || (isObject(here) && this.#places.has(here))) return here;
    throw constraintRefusal(place, "a reference to a schema of this document", show(reference));
  }

  /** Errors: text/constraint where OpenAI's strict rules do not hold: the root an object, every object closed, all properties required. */
  checkStrict(): void {
    const isOpen = (s: SchemaObject): boolean => [s.type].flat().includes("object") || "properties" in s;
    if (!isObject(this.root) || (this.root.type !== "object" && !("$ref" in this.root)))
      throw constraintRefusal(
        this.place,
        'an object at the root of a strict schema: type "object"',
        show(isObject(this.root) ? this.root.type : this.root),
      );
    for (const [schema, at] of this.#places) {
      if (!isOpen(schema)) continue;
      if (schema.additionalProperties !== false)
        throw constraintRefusal(
          pointer(at, "additionalProperties"),
          "false in a strict schema",
          show(schema.additionalProperties ?? null),
          "Or leave strict out.",
        );
      const required = new Set((schema.required ?? []) as string[]);
      const missing = Object.keys((schema.properties ?? {}) as SchemaObject).find(n => !required.has(n));
      if (missing !== undefined)
        throw constraintRefusal(
          pointer(at, "required"),
          `every property in a strict schema, "${missing}" too`,
          show(schema.required ?? []),
          "Or leave strict out.",
        );
    }
  }
}
