/**
 * A JSON schema as it came, checked once from end to end before anything is made of it: every keyword that binds has a value of its kind and none
 * contradicts its neighbour, nesting and number are bounded, every reference leads somewhere inside.
 */
import { constrainLimits } from "../limits.ts";
import { constraintRefusal } from "../refuse.ts";
import { bindingKeywords, innerSchemas, isObject, keywordKinds, type SchemaObject, type SchemaOrBoolean } from "./keywords.ts";

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

/** Pairs of bounds of which the first may not exceed the second. */
const ordered: readonly (readonly [low: string, high: string])[] = [
  ["minimum", "maximum"],
  ["minLength", "maxLength"],
  ["minItems", "maxItems"],
  ["minProperties", "maxProperties"],
  ["minContains", "maxContains"],
];

/** Whether a name is allowed by a schema's own properties, patternProperties and additionalProperties, as far as it is seen at once. */
function isForbidden(schema: SchemaObject, name: string): boolean {
  const properties = isObject(schema.properties) ? schema.properties : {};
  if (Object.hasOwn(properties, name)) return properties[name] === false;
  const hasPatterns = isObject(schema.patternProperties) && Object.keys(schema.patternProperties).length > 0;
  return schema.additionalProperties === false && !hasPatterns;
}

export class SchemaDocument {
  readonly root: SchemaOrBoolean;
  /** Place of the root in errors: the parameter and "#". */
  readonly place: string;
  readonly #places = new Map<SchemaObject, string>();
  readonly #anchors = new Map<string, SchemaObject>();
  /** By pointer: parameters that brought parts of the schema. */
  readonly #partPlaces: ReadonlyMap<string, string>;
  #count = 0;

  /** Errors: text/constraint, with the pointer of what is wrong or too much. */
  constructor(root: unknown, parameter: string, partPlaces: ReadonlyMap<string, string> = new Map()) {
    this.#partPlaces = partPlaces;
    this.place = this.#inside(`${parameter}#`);
    if (!isObject(root) && typeof root !== "boolean") throw constraintRefusal(this.place, "a schema: an object", show(root));
    if (root === false) throw constraintRefusal(this.place, "a schema that some value is valid under", "false");
    this.root = root;
    this.#check(root, this.place);
  }

  placeOf(schema: SchemaObject): string {
    return this.#places.get(schema) ?? this.place;
  }
  /** A schema that was put together from others stands where they stand. */
  derive<S extends SchemaOrBoolean>(schema: S, from: string): S {
    if (isObject(schema) && !this.#places.has(schema)) this.#places.set(schema, from);
    return schema;
  }

  #check(root: SchemaOrBoolean, place: string): void {
    const open: { readonly schema: unknown; readonly at: string; readonly depth: number }[] = [{ schema: root, at: place, depth: 0 }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { schema, at, depth } = next;
      if (typeof schema === "boolean") continue;
      if (!isObject(schema)) throw constraintRefusal(at, "a schema", show(schema));
      if (depth > constrainLimits.depth)
        throw constraintRefusal(at.slice(0, 200), `at most ${constrainLimits.depth} schemas inside each other`, "more");
      if (++this.#count > constrainLimits.schemas)
        throw constraintRefusal(this.place, `at most ${constrainLimits.schemas} schemas`, "more", "Describe less, or split the request.");
      this.#places.set(schema, at);
      for (const key in schema)
        for (const [inner, ...keys] of this.#checkKeyword(key, schema[key], at))
          open.push({ schema: inner, at: this.#inside(pointer(at, key, ...keys)), depth: depth + 1 });
      this.#checkContradictions(schema, at);
      for (const key of ["$anchor", "$dynamicAnchor"] as const)
        if (typeof schema[key] === "string" && !this.#anchors.has(`#${schema[key]}`)) this.#anchors.set(`#${schema[key]}`, schema);
      if (typeof schema.$id === "string" && !this.#anchors.has(schema.$id)) this.#anchors.set(schema.$id, schema);
    }
  }

  #inside(at: string): string {
    const part = this.#partPlaces.size > 0 ? this.#partPlaces.get(at.slice(at.indexOf("#"))) : undefined;
    return part === undefined ? at : `${part}#`;
  }

  /** Schemas inside of a keyword; none of an annotation. Errors: text/constraint where its value is not of its kind. */
  #checkKeyword(key: string, value: unknown, at: string): ReturnType<typeof innerSchemas> {
    const kind = Object.hasOwn(bindingKeywords, key) ? bindingKeywords[key]! : undefined;
    if (kind === undefined) return [];
    // serialisers of clients write null for what is not set
    if (value === null && kind !== "any") return [];
    if (!keywordKinds[kind].is(value)) throw constraintRefusal(pointer(at, key), keywordKinds[kind].text, show(value));
    if ((kind === "any" || kind === "values") && isTooDeep(value))
      throw constraintRefusal(pointer(at, key), `at most ${constrainLimits.depth} levels`, "more");
    if (kind === "values" && (value as unknown[]).length > constrainLimits.choices)
      throw constraintRefusal(pointer(at, key), `at most ${constrainLimits.choices} values`, `${(value as unknown[]).length}`);
    return innerSchemas(kind, value);
  }

  /** Errors: text/constraint where two keywords of one schema leave nothing, which nobody means. */
  #checkContradictions(schema: SchemaObject, at: string): void {
    for (const [low, high] of ordered) {
      if (!(low in schema)) continue;
      const [a, b] = [schema[low], schema[high]];
      if (typeof a === "number" && typeof b === "number" && a > b)
        throw constraintRefusal(pointer(at, low), `at most ${high}, which is ${b}`, `${a}`, `Lower ${low} or raise ${high}.`);
    }
    if (!Array.isArray(schema.required)) return;
    const missing = (schema.required as string[]).find(name => isForbidden(schema, name));
    if (missing !== undefined)
      throw constraintRefusal(
        pointer(at, "required"),
        "names of properties that are allowed",
        `"${missing}", which ${Object.hasOwn((schema.properties ?? {}) as SchemaObject, missing) ? "properties" : "additionalProperties"} forbids`,
        "Describe it under properties, or leave it out of required.",
      );
  }

  /** What a reference leads to. Only inside of the document. Errors: text/constraint. */
  resolve(reference: string, at: string): SchemaOrBoolean {
    const place = pointer(at, "$ref");
    const [base, fragment = ""] = reference.split("#", 2) as [string, string?];
    const anchored = this.#anchors.get(reference) ?? (fragment === "" ? this.#anchors.get(base) : this.#anchors.get(`#${fragment}`));
    if (anchored) return anchored;
    const from = base === "" ? this.root : this.#anchors.get(base);
    if (from === undefined)
      throw constraintRefusal(place, "a reference inside of the schema: #/$defs/...", show(reference), "Put what it names under $defs.");
    const path = fragment === "" ? [] : fragment.split("/");
    if (path.length > 0 && path[0] !== "")
      throw constraintRefusal(place, "a reference by pointer (#/$defs/...) or by an $anchor of the schema", show(reference));
    let here: unknown = from;
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
    if (typeof here === "boolean") return here;
    if (isObject(here)) {
      // under a keyword of another vocabulary: #/components/schemas/... of OpenAPI
      if (!this.#places.has(here)) this.#check(here, `${this.place}${fragment}`);
      return here;
    }
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
