/** Whether no value can be valid under both of two schemas, where that can be seen. What is not seen counts as possible. */
import { isObject, type SchemaObject, type SchemaOrBoolean } from "./keywords.ts";

type Flatten = (schema: SchemaOrBoolean) => SchemaObject | false;

const deepest = 6;
const typeOf = (v: unknown): string => (v === null ? "null" : Array.isArray(v) ? "array" : typeof v);
const valuesOf = (s: SchemaObject): readonly unknown[] | undefined => ("const" in s ? [s.const] : (s.enum as unknown[] | undefined));

/** Types as JSON has them: integers are numbers. */
function typesOf(s: SchemaObject): ReadonlySet<string> | undefined {
  const values = valuesOf(s);
  if (values) return new Set(values.map(typeOf));
  if (s.type !== undefined) return new Set([s.type as string | string[]].flat().map(t => (t === "integer" ? "number" : t)));
  return undefined;
}

const isAbove = (low: SchemaObject, high: SchemaObject): boolean => {
  const at = (x: unknown): number | undefined => x as number | undefined;
  const [minimum, above] = [at(low.minimum), at(low.exclusiveMinimum)];
  const [maximum, below] = [at(high.maximum), at(high.exclusiveMaximum)];
  return (
    (minimum !== undefined && maximum !== undefined && minimum > maximum) ||
    (above !== undefined && maximum !== undefined && above >= maximum) ||
    (minimum !== undefined && below !== undefined && minimum >= below) ||
    (above !== undefined && below !== undefined && above >= below)
  );
};

export function areDisjoint(a: SchemaObject | false, b: SchemaObject | false, flatten: Flatten, depth: number): boolean {
  if (a === false || b === false) return true;
  if (depth > deepest) return false;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ] as const)
    for (const key of ["anyOf", "oneOf"])
      if (x[key] && (x[key] as SchemaOrBoolean[]).every(o => areDisjoint(flatten(o), y, flatten, depth + 1))) return true;
  const [typesA, typesB] = [typesOf(a), typesOf(b)];
  if (typesA && typesB && ![...typesA].some(t => typesB.has(t))) return true;
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)];
  if (valuesA && valuesB) {
    const those = new Set(valuesB.map(v => JSON.stringify(v)));
    return !valuesA.some(v => those.has(JSON.stringify(v)) || (typeof v === "object" && v !== null));
  }
  const isOnly = (t: string): boolean => [typesA, typesB].every(types => types?.size === 1 && types.has(t));
  if (isOnly("number")) return isAbove(a, b) || isAbove(b, a);
  if (isOnly("object")) {
    const needed = ((a.required ?? []) as string[]).filter(n => ((b.required ?? []) as string[]).includes(n));
    const of = (s: SchemaObject, name: string): SchemaOrBoolean | undefined =>
      isObject(s.properties) && Object.hasOwn(s.properties, name) ? (s.properties[name] as SchemaOrBoolean) : undefined;
    if (
      needed.some(name => {
        const [x, y] = [of(a, name), of(b, name)];
        return x !== undefined && y !== undefined && areDisjoint(flatten(x), flatten(y), flatten, depth + 1);
      })
    )
      return true;
    // one needs what the other forbids
    const forbids = (s: SchemaObject, name: string): boolean =>
      of(s, name) === false || (of(s, name) === undefined && s.additionalProperties === false);
    return ((a.required ?? []) as string[]).some(n => forbids(b, n)) || ((b.required ?? []) as string[]).some(n => forbids(a, n));
  }
  return false;
}
