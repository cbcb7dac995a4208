/**
 * What is wrong with a JSON Schema that somebody types, in one sentence with its place: `properties.city.type: expected one of string, ..., got "strin"`.
 * Checks the structure of the keywords that servers carry out (draft 2020-12, with lists of `items` and boolean limits of earlier drafts); unknown
 * keywords are annotations and pass.
 */

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

const types = ["string", "number", "integer", "boolean", "object", "array", "null"];

const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)} …` : text;
};
const wrong = (path: string, expected: string, value: unknown): string => `${path || "schema"}: expected ${expected}, got ${shown(value)}.`;

type Check = (value: unknown, path: string) => string | undefined;

const first = <T>(list: readonly T[], of: (one: T, i: number) => string | undefined): string | undefined => {
  for (const [i, one] of list.entries()) {
    const found = of(one, i);
    if (found) return found;
  }
  return undefined;
};

const fits =
  (expected: string, test: (value: unknown) => boolean): Check =>
  (value, path) =>
    test(value) ? undefined : wrong(path, expected, value);

const schema: Check = (value, path) => {
  if (typeof value === "boolean") return undefined;
  if (!isObject(value)) return wrong(path, "a schema (an object)", value);
  return first(Object.entries(value), ([key, of]) =>
    Object.hasOwn(keywords, key) ? keywords[key]!(of, path ? `${path}.${key}` : key) : undefined,
  );
};
const named: Check = (value, path) =>
  isObject(value)
    ? first(Object.entries(value), ([name, of]) => schema(of, `${path}.${name}`))
    : wrong(path, "an object of schemas by name", value);
const listed: Check = (value, path) =>
  Array.isArray(value) && value.length > 0 ? first(value, (of, i) => schema(of, `${path}[${i}]`)) : wrong(path, "a list of schemas", value);

const isType = (value: unknown): boolean => typeof value === "string" && types.includes(value);
const type = fits(
  `one of ${types.join(", ")}, or a list of them`,
  value => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
);
const names = fits("a list of property names", value => Array.isArray(value) && value.every(v => typeof v === "string"));
const number = fits("a number", value => typeof value === "number");
const limit = fits("a number", value => typeof value === "number" || typeof value === "boolean");
const count = fits("a whole number from 0", value => typeof value === "number" && Number.isInteger(value) && value >= 0);
const pattern = fits("a regular expression", value => {
  if (typeof value !== "string") return false;
  try {
    new RegExp(value, "u");
    return true;
  } catch {
    return false;
  }
});

const keywords: Readonly<Record<string, Check>> = {
  type,
  enum: fits("a list of at least one value", value => Array.isArray(value) && value.length > 0),
  required: names,
  pattern,
  ...Object.fromEntries(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"].map(key => [key, named])),
  ...Object.fromEntries(["anyOf", "oneOf", "allOf", "prefixItems"].map(key => [key, listed])),
  ...Object.fromEntries(
    ["additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "unevaluatedProperties", "unevaluatedItems"].map(
      key => [key, schema],
    ),
  ),
  items: (value, path) => (Array.isArray(value) ? listed(value, path) : schema(value, path)),
  ...Object.fromEntries(["minimum", "maximum", "multipleOf"].map(key => [key, number])),
  ...Object.fromEntries(["exclusiveMinimum", "exclusiveMaximum"].map(key => [key, limit])),
  ...Object.fromEntries(
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"].map(key => [
      key,
      count,
    ]),
  ),
  $ref: fits("a reference, such as #/$defs/name", value => typeof value === "string"),
};

/** `line 2, column 7` of a position in a text. */
function placeOf(text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

const scalar = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;
const quoted = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;

/** Where a text that is not JSON stops being it: browsers say so in different words, or not at all. */
function brokenAt(text: string): number {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const sign = (one: string): boolean => {
    take(/\s*/y);
    if (text[at] !== one) return false;
    at++;
    return true;
  };
  const list = (end: string, element: () => boolean): boolean => {
    if (sign(end)) return true;
    do if (!element()) return false;
    while (sign(","));
    return sign(end);
  };
  const value = (): boolean => {
    if (sign("{")) return list("}", () => take(/\s*/y) && take(quoted) && sign(":") && value());
    if (sign("[")) return list("]", value);
    return take(scalar);
  };
  value();
  take(/\s*/y);
  return at;
}

/** Undefined where the text is a JSON Schema, or empty. `root`: the type that it must describe. */
export function schemaProblem(text: string, root?: "object"): string | undefined {
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `${placeOf(text, brokenAt(text))}: expected JSON, such as { "type": "object" }.`;
  }
  if (!isObject(value)) return wrong("", 'an object, such as { "type": "object" }', value);
  const found = schema(value, "");
  if (found) return found;
  if (root && value.type !== undefined && value.type !== root) return wrong("type", `"${root}": arguments are an object`, value.type);
  return undefined;
}
