/**
 * What binds in a schema, in one form: annotations are left out, keywords of older drafts and of OpenAPI 3.0 become today's, and those that say
 * "if this, then that" become choices. Keywords of Loam's own, which a schema from outside cannot have, end in an exclamation mark.
 */
import { pointer, type SchemaDocument } from "./document.ts";
import { isKnownFormat } from "./formats.ts";
import { bindingKeywords, isObject, type SchemaObject, type SchemaOrBoolean, typeNames } from "./keywords.ts";

/** From `from` on, at least `min` and at most `max` items are valid under the schema. */
export interface ItemCount {
  readonly schema: SchemaOrBoolean;
  readonly min: number;
  readonly max?: number;
  readonly from: number;
}
/** A property whose name is none of `except`, matches none of `unlike` and all of `like`, is there and valid under the schema. */
export interface SomeProperty {
  readonly except: readonly string[];
  readonly unlike: readonly string[];
  readonly like: readonly string[];
  /** Its name is not valid under this. */
  readonly misnamed?: SchemaOrBoolean;
  readonly schema: SchemaOrBoolean;
}

/** Keywords that name a place and bind nothing there. */
const places = new Set(["$anchor", "$dynamicAnchor", "$id", "$defs", "definitions"]);
const objectKeywords = [
  "properties",
  "required",
  "additionalProperties",
  "patternProperties",
  "propertyNames",
  "minProperties",
  "maxProperties",
];

/** Schemas that were made here: they may have keywords of Loam's own. */
const made = new WeakSet<SchemaObject>();
export const internal = (schema: SchemaObject): SchemaObject => {
  made.add(schema);
  return schema;
};

const known = new Set(Object.keys(bindingKeywords).filter(k => !places.has(k)));
/** Keywords with values that say today what they always said. */
const plain: { readonly [K in string]?: (value: unknown) => boolean } = {
  ...Object.fromEntries(
    [
      "type",
      "enum",
      "const",
      "properties",
      "additionalProperties",
      "propertyNames",
      "maxProperties",
      "prefixItems",
      "minItems",
      "maxItems",
    ].map(k => [k, () => true]),
  ),
  ...Object.fromEntries(
    ["minLength", "maxLength", "pattern", "minimum", "maximum", "multipleOf", "anyOf", "oneOf", "$ref"].map(k => [k, () => true]),
  ),
  required: Array.isArray,
  items: v => !Array.isArray(v),
  format: v => isKnownFormat(v as string),
  exclusiveMinimum: v => typeof v === "number",
  exclusiveMaximum: v => typeof v === "number",
};

const asObject = (v: unknown): Readonly<Record<string, SchemaOrBoolean>> => (isObject(v) ? (v as Record<string, SchemaOrBoolean>) : {});

class Binder {
  readonly #document: SchemaDocument;
  readonly #kept = new WeakMap<SchemaObject, SchemaObject>();

  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  of(schema: SchemaObject): SchemaObject {
    if (made.has(schema)) return schema;
    const known = this.#kept.get(schema);
    if (known) return known;
    const bound = internal(this.#bind(schema));
    this.#document.derive(bound, this.#document.placeOf(schema));
    this.#kept.set(schema, bound);
    return bound;
  }

  #bind(schema: SchemaObject): SchemaObject {
    const out: Record<string, unknown> = {};
    let isPlain = true;
    for (const key in schema) {
      const value = schema[key];
      if (!known.has(key) || (value === null && key !== "const")) continue;
      out[key] = value;
      isPlain &&= plain[key]?.(value) === true;
    }
    if (isPlain) return out;
    const all: SchemaOrBoolean[] = [];
    bindReferences(out);
    bindBounds(out);
    bindItems(out);
    this.#bindProperties(out);
    this.#bindDiscriminator(out);
    const place = this.#document.placeOf(schema);
    all.push(...this.#dependent(out, place), ...this.#conditional(out, place));
    const isConditional = (s: unknown): boolean =>
      isObject(s) && ["if", "not", "dependentRequired", "dependentSchemas", "dependencies"].some(k => k in s);
    // a schema of properties without a type means objects; a choice that also lets other types through does not change that
    if (
      out.type === undefined &&
      objectKeywords.some(k => k in out) &&
      (all.length > 0 || "not" in out || ((out.allOf ?? []) as unknown[]).some(isConditional))
    )
      out.type = "object";
    if (all.length > 0) out.allOf = [...((out.allOf as SchemaOrBoolean[] | undefined) ?? []), ...all];
    return bindNullable(out);
  }

  #bindProperties(out: Record<string, unknown>): void {
    if (typeof out.required === "boolean") delete out.required;
    if (out.minProperties === 0) delete out.minProperties;
    if (out.unevaluatedProperties === true) {
      delete out.unevaluatedProperties;
      if ((out.type === "object" || "properties" in out) && !("additionalProperties" in out)) out.additionalProperties = true;
    }
    if (Object.keys(asObject(out.patternProperties)).length === 0) delete out.patternProperties;
    const order = out.propertyOrdering as readonly string[] | undefined;
    delete out.propertyOrdering;
    if (!order || !isObject(out.properties)) return;
    const given = out.properties;
    const names = new Set([...order.filter(n => Object.hasOwn(given, n)), ...Object.keys(given)]);
    out.properties = Object.fromEntries([...names].map(n => [n, given[n]]));
  }

  /** OpenAPI: the property that tells the options apart is there. */
  #bindDiscriminator(out: Record<string, unknown>): void {
    const { discriminator } = out;
    delete out.discriminator;
    if (!isObject(discriminator) || typeof discriminator.propertyName !== "string") return;
    const name = discriminator.propertyName;
    for (const key of ["oneOf", "anyOf"]) {
      const options = out[key];
      if (!Array.isArray(options)) continue;
      out[key] = (options as SchemaOrBoolean[]).map(o => {
        const target = this.#target(o);
        const isThere = target && Object.hasOwn(asObject(target.properties), name);
        if (!isThere || (Array.isArray(target.required) && target.required.includes(name))) return o;
        return this.#document.derive({ allOf: [o, { required: [name] }] }, this.#document.placeOf(target));
      });
    }
  }

  /** What a schema that is only a reference refers to. */
  #target(schema: SchemaOrBoolean): SchemaObject | undefined {
    let at: SchemaOrBoolean = schema;
    for (let hops = 0; hops < 20 && isObject(at) && typeof at.$ref === "string"; hops++)
      at = this.#document.resolve(at.$ref, this.#document.placeOf(at));
    return isObject(at) ? at : undefined;
  }

  #dependent(out: Record<string, unknown>, place: string): SchemaOrBoolean[] {
    const isObjects = out.type === "object" || objectKeywords.some(k => k in out);
    const others = isObjects ? [] : [{ type: typeNames.filter(t => t !== "object") }];
    const needs = { ...(asObject(out.dependentRequired) as unknown as Record<string, readonly string[]>) }; // checked as lists of names
    const schemas = { ...asObject(out.dependentSchemas) };
    for (const [name, value] of Object.entries(isObject(out.dependencies) ? out.dependencies : {}))
      if (Array.isArray(value)) needs[name] = [...(needs[name] ?? []), ...(value as string[])];
      else schemas[name] = name in schemas ? { allOf: [schemas[name]!, value as SchemaOrBoolean] } : (value as SchemaOrBoolean);
    delete out.dependentRequired;
    delete out.dependentSchemas;
    delete out.dependencies;
    const without = (name: string): SchemaObject => ({ type: "object", properties: { [name]: false } });
    const either = (name: string, then: SchemaOrBoolean, key: string): SchemaOrBoolean =>
      this.#document.derive({ anyOf: [without(name), then, ...others] }, pointer(place, key, name));
    return [
      ...Object.entries(needs).flatMap(([name, list]) =>
        list.length === 0 ? [] : [either(name, { type: "object", required: [...new Set([name, ...list])] }, "dependentRequired")],
      ),
      ...Object.entries(schemas).map(([name, s]) => either(name, { allOf: [{ type: "object", required: [name] }, s] }, "dependentSchemas")),
    ];
  }

  #conditional(out: Record<string, unknown>, place: string): SchemaOrBoolean[] {
    const condition = out.if as SchemaOrBoolean | undefined;
    const yes = out.then as SchemaOrBoolean | undefined;
    const no = out.else as SchemaOrBoolean | undefined;
    for (const key of ["if", "then", "else"]) delete out[key];
    if (condition === undefined || (yes === undefined && no === undefined)) return [];
    const unless = this.#document.derive(internal({ not: condition, "keyword!": "if" }), place);
    const options: SchemaOrBoolean[] = [
      yes === undefined ? condition : { allOf: [condition, yes] },
      no === undefined ? unless : internal({ ...unless, allOf: [no] }),
    ];
    for (const o of options) this.#document.derive(o, place);
    return [this.#document.derive({ anyOf: options }, place)];
  }
}

function bindReferences(out: Record<string, unknown>): void {
  for (const key of ["$dynamicRef", "$recursiveRef"]) {
    if (out[key] !== undefined && out.$ref === undefined) out.$ref = out[key];
    delete out[key];
  }
  if (typeof out.format === "string" && !isKnownFormat(out.format)) delete out.format;
}

/** Draft 4: exclusiveMinimum is true beside minimum. */
function bindBounds(out: Record<string, unknown>): void {
  for (const [exclusive, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof out[exclusive] !== "boolean") continue;
    if (out[exclusive] && out[bound] !== undefined) {
      out[exclusive] = out[bound];
      delete out[bound];
    } else delete out[exclusive];
  }
}

function bindItems(out: Record<string, unknown>): void {
  if (Array.isArray(out.items)) {
    out.prefixItems = out.items;
    out.items = out.additionalItems ?? true;
  }
  delete out.additionalItems;
  if (out.unevaluatedItems === true) delete out.unevaluatedItems;
  if (out.uniqueItems === false) delete out.uniqueItems;
  const { contains, minContains = 1, maxContains } = out as { contains?: SchemaOrBoolean; minContains?: number; maxContains?: number };
  for (const key of ["contains", "minContains", "maxContains"]) delete out[key];
  if (contains === undefined || (minContains === 0 && maxContains === undefined)) return;
  const count: ItemCount = { schema: contains, min: minContains, from: 0, ...(maxContains === undefined ? {} : { max: maxContains }) };
  out["contains!"] = [count];
}

/** OpenAPI 3.0: null beside what the type says, and beside a schema that has no type of its own. */
function bindNullable(out: Record<string, unknown>): SchemaObject {
  const { nullable, ...rest } = out;
  if (nullable !== true) return rest;
  if (rest.type !== undefined) return { ...rest, type: [...new Set([rest.type, "null"].flat())] };
  return Object.keys(rest).length === 0 ? rest : { anyOf: [internal(rest), { type: "null" }] };
}

export type { Binder };
export const binderOf = (document: SchemaDocument): Binder => new Binder(document);
