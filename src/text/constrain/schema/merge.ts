/**
 * allOf, and keywords beside $ref, anyOf and oneOf: schemas that must hold together become one schema with the stricter of each keyword. What
 * stands under one name in both goes under `allOf` again and is merged when it is come to.
 */
import { internal } from "./binding.ts";
import { type SchemaObject, type SchemaOrBoolean, type TypeName, typeNames } from "./keywords.ts";

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

const together = (a: unknown, b: unknown): unknown[] => [[a].flat(), [b].flat()].flat();

/** How two values of a keyword become one; undefined where nothing is valid under both. */
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
    const [x, y] = [a, b];
    if (x === y) return x;
    if (!Number.isSafeInteger(x) || !Number.isSafeInteger(y)) return together(a, b);
    let [p, q] = [x as number, y as number];
    while (q > 0) [p, q] = [q, p % q];
    return ((x as number) / p) * (y as number);
  },
  pattern: together,
  format: (a, b) => (same(a, b) ? a : together(a, b)),
  minProperties: most,
  uniqueItems: () => true,
  "contains!": together,
  "some!": together,
  "notPattern!": together,
  "notFormat!": together,
  "notTexts!": together,
  "notMultipleOf!": together,
  "keyword!": a => a,
};

const propertyKeys = ["properties", "additionalProperties", "patternProperties"];
const itemKeys = ["items", "prefixItems"];

type Named = Readonly<Record<string, SchemaOrBoolean>>;
/** Whether a name matches a pattern. */
type MatchName = (pattern: string, name: string) => boolean;

/**
 * Properties of one that the other does not name must fit the other's additional ones, unless a pattern of the other's names them. Undefined
 * where names would have to be kept apart by the patterns of both.
 */
function mergeProperties(a: SchemaObject, b: SchemaObject, matches: MatchName): SchemaObject | undefined {
  if (!propertyKeys.some(k => k in a)) return pick(b, propertyKeys);
  if (!propertyKeys.some(k => k in b)) return pick(a, propertyKeys);
  const [x, y] = [a, b].map(s => (s.properties ?? {}) as Named) as [Named, Named];
  const [likeA, likeB] = [a, b].map(s => (s.patternProperties ?? {}) as Named) as [Named, Named];
  const [restA, restB] = [a, b].map(s => (s.additionalProperties ?? true) as SchemaOrBoolean) as [SchemaOrBoolean, SchemaOrBoolean];
  const [numA, numB] = [Object.keys(likeA).length, Object.keys(likeB).length];
  const isSame = JSON.stringify(Object.keys(likeA)) === JSON.stringify(Object.keys(likeB));
  if (numA > 0 && numB > 0 && !isSame && (restA !== true || restB !== true)) return undefined;
  const names = [...new Set([...Object.keys(x), ...Object.keys(y)])];
  const of = (all: Named, like: Named, rest: SchemaOrBoolean, name: string) =>
    Object.hasOwn(all, name) ? all[name]! : rest !== true && Object.keys(like).some(p => matches(p, name)) ? true : rest;
  const patterns = [...new Set([...Object.keys(likeA), ...Object.keys(likeB)])];
  return {
    properties: Object.fromEntries(names.map(n => [n, both(of(x, likeA, restA, n), of(y, likeB, restB, n))])),
    ...("additionalProperties" in a || "additionalProperties" in b ? { additionalProperties: both(restA, restB) } : {}),
    ...(patterns.length > 0
      ? { patternProperties: Object.fromEntries(patterns.map(p => [p, both(likeA[p] ?? restA, likeB[p] ?? restB)])) }
      : {}),
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

/** Both at once: false where nothing is valid under both, undefined where that is beyond one schema. */
export function merge(a: SchemaObject, b: SchemaObject, matches: MatchName): SchemaObject | false | undefined {
  const properties = mergeProperties(a, b, matches);
  if (!properties) return undefined;
  const out: Record<string, unknown> = { ...properties, ...mergeItems(a, b) };
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
    const value = rules[key]!(a[key], b[key]);
    if (value === undefined) return false;
    out[key] = value;
  }
  return internal(left.length === 0 ? out : { ...out, allOf: left });
}
