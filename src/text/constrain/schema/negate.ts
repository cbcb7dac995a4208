/**
 * `not`, carried inwards: what is not valid under a schema is valid under one of several that each break a keyword of it. Exact where every
 * keyword inside has an opposite; else it says so, and `not` is relaxed as a whole, for to relax a part of it would forbid what is valid.
 */
import { type Binder, type ItemCount, internal, type SomeProperty } from "./binding.ts";
import type { SchemaDocument } from "./document.ts";
import { isObject, type SchemaObject, type SchemaOrBoolean, type TypeName, typeNames, typeOfValue } from "./keywords.ts";

/** Lists and objects of an enum whose opposites are written out. */
const mostNested = 50;
const mostOptions = 8;

const not = (schema: SchemaOrBoolean): SchemaOrBoolean => (typeof schema === "boolean" ? !schema : { not: schema });
const isNumeric = (t: TypeName): boolean => t === "integer" || t === "number";
const anyNumber: readonly TypeName[] = ["number"];
const others = (types: readonly TypeName[]): TypeName[] => {
  const hasNumbers = types.some(isNumeric);
  return typeNames.filter(t => !types.includes(t) && !(hasNumbers && isNumeric(t)) && t !== "integer");
};

type Opposite = (value: unknown, of: SchemaObject) => readonly SchemaOrBoolean[];

/** Numbers that are none of these: what lies between them. */
function between(values: readonly number[]): SchemaObject[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return [
    { type: "number", exclusiveMaximum: sorted[0] },
    ...sorted.map((v, i) => ({
      type: "number",
      exclusiveMinimum: v,
      ...(i + 1 < sorted.length ? { exclusiveMaximum: sorted[i + 1] } : {}),
    })),
  ];
}

function unlikeList(value: readonly unknown[]): SchemaOrBoolean {
  const n = value.length;
  return {
    type: "array",
    anyOf: [
      ...(n > 0 ? [{ type: "array", maxItems: n - 1 }] : []),
      { type: "array", minItems: n + 1 },
      ...value.map((v, i) => ({ type: "array", minItems: i + 1, prefixItems: [...value.slice(0, i).map(() => true), not({ const: v })] })),
    ],
  };
}

function unlikeObject(value: SchemaObject): SchemaOrBoolean {
  const names = Object.keys(value);
  const extra: SomeProperty = { except: names, unlike: [], like: [], schema: true };
  return {
    type: "object",
    anyOf: [
      ...names.map(n => ({ type: "object", properties: { [n]: false } })),
      internal({ type: "object", "some!": [extra] }),
      ...names.map(n => ({ type: "object", required: [n], properties: { [n]: not({ const: value[n] }) } })),
    ],
  };
}

/** Everything but these values. */
function unlike(values: readonly unknown[]): SchemaOrBoolean[] {
  const of = <T>(is: (v: unknown) => boolean): T[] => values.filter(is) as T[];
  const texts = of<string>(v => typeof v === "string");
  const numbers = of<number>(v => typeof v === "number");
  const lists = of<unknown[]>(Array.isArray);
  const objects = of<SchemaObject>(isObject);
  const types = others([...new Set(values.map(typeOfValue))]);
  const booleans = [true, false].filter(b => !values.includes(b));
  return [
    ...(types.length > 0 ? [{ type: types }] : []),
    ...(booleans.length === 1 ? [{ const: booleans[0] }] : []),
    ...(texts.length > 0 ? [internal({ type: "string", "notTexts!": texts })] : []),
    ...(numbers.length > 0 ? between(numbers) : []),
    ...(lists.length > 0 ? [{ allOf: lists.map(unlikeList) }] : []),
    ...(objects.length > 0 ? [{ allOf: objects.map(unlikeObject) }] : []),
  ];
}

const named = (v: unknown): [string, SchemaOrBoolean][] => Object.entries((v ?? {}) as Record<string, SchemaOrBoolean>);
const namesOf = (of: SchemaObject, key: string): string[] => named(of[key]).map(([n]) => n);

const notTypes = (value: unknown): SchemaOrBoolean[] => {
  const types = [value].flat() as TypeName[];
  const rest = others(types);
  const out: SchemaOrBoolean[] = rest.length > 0 ? [{ type: rest }] : [];
  if (types.includes("integer") && !types.includes("number")) out.push(internal({ type: "number", "notMultipleOf!": [1] }));
  return out;
};

/** Schemas of which a value breaks a keyword where it is valid under one. */
const opposites: Readonly<Record<string, Opposite>> = {
  type: notTypes,
  enum: v => unlike(v as unknown[]),
  const: v => unlike([v]),
  $ref: v => [{ not: { $ref: v } }],
  not: v => [v as SchemaOrBoolean],
  allOf: v => (v as SchemaOrBoolean[]).map(not),
  anyOf: v => [{ allOf: (v as SchemaOrBoolean[]).map(not) }],
  oneOf: v => {
    const all = v as SchemaOrBoolean[];
    const pairs = all.flatMap((a, i) => all.slice(i + 1).map(b => ({ allOf: [a, b] })));
    return [{ allOf: all.map(not) }, ...pairs];
  },
  minimum: v => [{ type: anyNumber, exclusiveMaximum: v }],
  maximum: v => [{ type: anyNumber, exclusiveMinimum: v }],
  exclusiveMinimum: v => [{ type: anyNumber, maximum: v }],
  exclusiveMaximum: v => [{ type: anyNumber, minimum: v }],
  multipleOf: v => [v].flat().map(m => internal({ type: anyNumber, "notMultipleOf!": [m] })),
  minLength: v => ((v as number) > 0 ? [{ type: "string", maxLength: (v as number) - 1 }] : []),
  maxLength: v => [{ type: "string", minLength: (v as number) + 1 }],
  pattern: v => [v].flat().map(p => internal({ type: "string", "notPattern!": [p] })),
  format: v => [v].flat().map(f => internal({ type: "string", "notFormat!": [f] })),
  minItems: v => ((v as number) > 0 ? [{ type: "array", maxItems: (v as number) - 1 }] : []),
  maxItems: v => [{ type: "array", minItems: (v as number) + 1 }],
  prefixItems: v =>
    (v as SchemaOrBoolean[]).map((s, i, all) => ({
      type: "array",
      minItems: i + 1,
      prefixItems: [...all.slice(0, i).map(() => true), not(s)],
    })),
  items: (v, of) => {
    const from = ((of.prefixItems ?? []) as unknown[]).length;
    if (v === false) return [{ type: "array", minItems: from + 1 }];
    return [internal({ type: "array", "contains!": [{ schema: not(v as SchemaOrBoolean), min: 1, from } satisfies ItemCount] })];
  },
  "contains!": v =>
    (v as ItemCount[]).flatMap(({ schema, min, max, from }) => [
      ...(min > 0 ? [internal({ type: "array", "contains!": [{ schema, min: 0, max: min - 1, from } satisfies ItemCount] })] : []),
      ...(max === undefined ? [] : [internal({ type: "array", "contains!": [{ schema, min: max + 1, from } satisfies ItemCount] })]),
    ]),
  required: v => (v as string[]).map(n => ({ type: "object", properties: { [n]: false } })),
  properties: v => named(v).map(([n, s]) => ({ type: "object", required: [n], properties: { [n]: not(s) } })),
  patternProperties: v => named(v).map(([p, s]) => some({ except: [], unlike: [], like: [p], schema: not(s) })),
  additionalProperties: (v, of) => [
    some({ except: namesOf(of, "properties"), unlike: namesOf(of, "patternProperties"), like: [], schema: not(v as SchemaOrBoolean) }),
  ],
  propertyNames: v => [some({ except: [], unlike: [], like: [], misnamed: v as SchemaOrBoolean, schema: true })],
  minProperties: v => [{ type: "object", maxProperties: (v as number) - 1 }],
  maxProperties: v => [{ type: "object", minProperties: (v as number) + 1 }],
  "keyword!": () => [],
};

const some = (one: SomeProperty): SchemaOrBoolean => internal({ type: "object", "some!": [one] });

export class Negation {
  readonly #binder: Binder;
  readonly #document: SchemaDocument;
  readonly #isRegular: (pattern: string) => boolean;
  readonly #known = new Map<SchemaObject, boolean>();

  constructor(binder: Binder, document: SchemaDocument, isRegular: (pattern: string) => boolean) {
    this.#binder = binder;
    this.#document = document;
    this.#isRegular = isRegular;
  }

  /** Schemas of which one holds where `schema` does not; schemas inside are negated when they are come to. */
  of(schema: SchemaOrBoolean): SchemaOrBoolean {
    if (typeof schema === "boolean") return !schema;
    const bound = this.#binder.of(schema);
    const options = Object.entries(bound).flatMap(([key, value]) => opposites[key]!(value, bound));
    if (options.length === 1) return options[0]!;
    return options.length === 0 ? false : { anyOf: options.filter(o => o !== false) };
  }

  /** Whether every keyword inside has an opposite. */
  isExact(schema: SchemaOrBoolean): boolean {
    if (typeof schema === "boolean") return true;
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    // a schema that comes back to itself is exact where the rest of it is
    this.#known.set(schema, true);
    const bound = this.#binder.of(schema);
    const isExact = Object.entries(bound).every(
      ([key, value]) => Object.hasOwn(opposites, key) && this.#isExactKeyword(key, value, schema),
    );
    this.#known.set(schema, isExact);
    return isExact;
  }

  #isExactKeyword(key: string, value: unknown, at: SchemaObject): boolean {
    const all = (schemas: readonly SchemaOrBoolean[]): boolean => schemas.every(s => this.isExact(s));
    switch (key) {
      case "enum":
      case "const":
        return (key === "enum" ? (value as unknown[]) : [value]).filter(v => typeof v === "object" && v !== null).length <= mostNested;
      case "$ref":
        return this.isExact(this.#document.resolve(value as string, this.#document.placeOf(at)));
      case "oneOf":
        return (value as unknown[]).length <= mostOptions && all(value as SchemaOrBoolean[]);
      case "anyOf":
      case "allOf":
      case "prefixItems":
        return all(value as SchemaOrBoolean[]);
      case "not":
      case "items":
      case "additionalProperties":
      case "propertyNames":
        return this.isExact(value as SchemaOrBoolean);
      case "properties":
        return all(named(value).map(([, s]) => s));
      case "patternProperties":
        return named(value).every(([p, s]) => this.#isRegular(p) && this.isExact(s));
      case "contains!":
        return (value as ItemCount[]).every(c => this.isExact(c.schema));
      case "pattern":
        return ([value].flat() as string[]).every(p => this.#isRegular(p));
      default:
        return true;
    }
  }
}
