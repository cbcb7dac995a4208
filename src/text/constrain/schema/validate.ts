/** Whether a value is valid under a schema: what values of an enum are held against. Knows values and nothing of texts or grammars. */
import type { Binder, ItemCount, SomeProperty } from "./binding.ts";
import type { SchemaDocument } from "./document.ts";
import { isObject, isOfType, type SchemaObject, type SchemaOrBoolean } from "./keywords.ts";

/** Keywords looked at for the enums of one schema. */
const mostWork = 2_000_000;
const deepest = 400;

/** The same text for equal values: names in order. */
function canonicalText(v: unknown): string {
  if (Array.isArray(v)) return `[${v.map(canonicalText).join()}]`;
  if (!isObject(v)) return JSON.stringify(v) ?? "null";
  const names = Object.keys(v).sort();
  return `{${names.map(n => `${JSON.stringify(n)}:${canonicalText(v[n])}`).join()}}`;
}

/** A number as whole units of 10^-places. */
function scaled(x: number, places: number): bigint {
  const [mantissa, power = "0"] = String(x).split("e") as [string, string?];
  const [whole, fraction = ""] = mantissa.split(".") as [string, string?];
  return BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, Number(power) - fraction.length + places));
}
const placesOf = (x: number): number => {
  const [mantissa, power = "0"] = String(x).split("e") as [string, string?];
  return Math.max(0, (mantissa.split(".")[1] ?? "").length - Number(power));
};

function isMultiple(x: number, of: number): boolean {
  const places = Math.max(placesOf(x), placesOf(of));
  return scaled(x, places) % scaled(of, places) === 0n;
}

/** Whether texts have a format, or match a pattern. */
export interface TextTests {
  matches(pattern: string, text: string): boolean;
  isOfFormat(format: string, text: string): boolean;
}

type Test = (value: never, given: never, schema: SchemaObject) => boolean;

export class Validator {
  readonly #binder: Binder;
  readonly #document: SchemaDocument;
  readonly #texts: TextTests;
  #work = 0;
  #depth = 0;

  constructor(binder: Binder, document: SchemaDocument, texts: TextTests) {
    this.#binder = binder;
    this.#document = document;
    this.#texts = texts;
  }

  /** Undefined where that would be too much work. */
  isValid(value: unknown, schema: SchemaOrBoolean): boolean | undefined {
    try {
      return this.#is(value, schema);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #is(value: unknown, schema: SchemaOrBoolean): boolean {
    if (typeof schema === "boolean") return schema;
    if (++this.#depth > deepest) throw new RangeError("a schema of too many levels");
    try {
      return Object.entries(this.#binder.of(schema)).every(([key, given]) => {
        if (++this.#work > mostWork) throw new RangeError("too many keywords");
        return this.#holds(key, value, given, schema);
      });
    } finally {
      this.#depth--;
    }
  }

  #holds(key: string, value: unknown, given: unknown, schema: SchemaObject): boolean {
    const tests =
      typeof value === "number"
        ? this.#numbers
        : typeof value === "string"
          ? this.#strings
          : Array.isArray(value)
            ? this.#lists
            : isObject(value)
              ? this.#objects
              : {};
    const test = this.#all[key] ?? tests[key];
    // the tables hold each keyword under the type of value that it speaks of
    return test === undefined || test(value as never, given as never, this.#binder.of(schema));
  }

  readonly #all: Readonly<Record<string, Test>> = {
    type: (v: unknown, types: string | string[]) => isOfType(v, [types].flat()),
    enum: (v: unknown, values: unknown[]) => values.some(x => canonicalText(x) === canonicalText(v)),
    const: (v: unknown, only: unknown) => canonicalText(only) === canonicalText(v),
    $ref: (v: unknown, ref: string, s) => this.#is(v, this.#document.resolve(ref, this.#document.placeOf(s))),
    allOf: (v: unknown, all: SchemaOrBoolean[]) => all.every(s => this.#is(v, s)),
    anyOf: (v: unknown, all: SchemaOrBoolean[]) => all.some(s => this.#is(v, s)),
    oneOf: (v: unknown, all: SchemaOrBoolean[]) => all.filter(s => this.#is(v, s)).length === 1,
    not: (v: unknown, s: SchemaOrBoolean) => !this.#is(v, s),
  };

  readonly #numbers: Readonly<Record<string, Test>> = {
    minimum: (v: number, m: number) => v >= m,
    maximum: (v: number, m: number) => v <= m,
    exclusiveMinimum: (v: number, m: number) => v > m,
    exclusiveMaximum: (v: number, m: number) => v < m,
    multipleOf: (v: number, of: number | number[]) => [of].flat().every(m => isMultiple(v, m)),
    "notMultipleOf!": (v: number, of: number[]) => !of.some(m => isMultiple(v, m)),
  };

  readonly #strings: Readonly<Record<string, Test>> = {
    minLength: (v: string, n: number) => Array.from(v).length >= n,
    maxLength: (v: string, n: number) => Array.from(v).length <= n,
    pattern: (v: string, of: string | string[]) => [of].flat().every(p => this.#texts.matches(p, v)),
    format: (v: string, of: string | string[]) => [of].flat().every(f => this.#texts.isOfFormat(f, v)),
    "notPattern!": (v: string, of: string[]) => !of.some(p => this.#texts.matches(p, v)),
    "notFormat!": (v: string, of: string[]) => !of.some(f => this.#texts.isOfFormat(f, v)),
    "notTexts!": (v: string, of: string[]) => !of.includes(v),
  };

  readonly #lists: Readonly<Record<string, Test>> = {
    minItems: (v: unknown[], n: number) => v.length >= n,
    maxItems: (v: unknown[], n: number) => v.length <= n,
    uniqueItems: (v: unknown[]) => new Set(v.map(canonicalText)).size === v.length,
    prefixItems: (v: unknown[], all: SchemaOrBoolean[]) => all.every((s, i) => i >= v.length || this.#is(v[i], s)),
    items: (v: unknown[], item: SchemaOrBoolean, s) => v.slice(((s.prefixItems ?? []) as unknown[]).length).every(x => this.#is(x, item)),
    "contains!": (v: unknown[], all: ItemCount[]) =>
      all.every(({ schema, min, max, from }) => {
        const n = v.slice(from).filter(x => this.#is(x, schema)).length;
        return n >= min && (max === undefined || n <= max);
      }),
  };

  readonly #objects: Readonly<Record<string, Test>> = {
    required: (v: SchemaObject, names: string[]) => names.every(n => Object.hasOwn(v, n)),
    minProperties: (v: SchemaObject, n: number) => Object.keys(v).length >= n,
    maxProperties: (v: SchemaObject, n: number) => Object.keys(v).length <= n,
    properties: (v: SchemaObject, all: Record<string, SchemaOrBoolean>) =>
      Object.entries(all).every(([n, s]) => !Object.hasOwn(v, n) || this.#is(v[n], s)),
    patternProperties: (v: SchemaObject, all: Record<string, SchemaOrBoolean>) =>
      Object.entries(all).every(([p, s]) => Object.keys(v).every(n => !this.#texts.matches(p, n) || this.#is(v[n], s))),
    additionalProperties: (v: SchemaObject, rest: SchemaOrBoolean, s) =>
      this.#others(v, Object.keys(s.properties ?? {}), Object.keys(s.patternProperties ?? {})).every(n => this.#is(v[n], rest)),
    propertyNames: (v: SchemaObject, s: SchemaOrBoolean) => Object.keys(v).every(n => this.#is(n, s)),
    "some!": (v: SchemaObject, all: SomeProperty[]) =>
      all.every(({ except, unlike, like, misnamed, schema }) =>
        this.#others(v, except, unlike).some(
          n => like.every(p => this.#texts.matches(p, n)) && (misnamed === undefined || !this.#is(n, misnamed)) && this.#is(v[n], schema),
        ),
      ),
  };

  #others(v: SchemaObject, names: readonly string[], patterns: readonly string[]): string[] {
    return Object.keys(v).filter(n => !names.includes(n) && !patterns.some(p => this.#texts.matches(p, n)));
  }
}
