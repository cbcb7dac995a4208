/** The arguments that a function's JSON schema names, for calls that are not written as one JSON object. */
import type { Tool } from "./tool.ts";

type Schema = Readonly<Record<string, unknown>>;
const isSchema = (v: unknown): v is Schema => typeof v === "object" && v !== null && !Array.isArray(v);

interface NamedParameter {
  readonly key: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** In the schema's order. */
export function propertiesOf({ parameters }: Tool): readonly NamedParameter[] {
  const properties = isSchema(parameters?.properties) ? parameters.properties : {};
  const required = Array.isArray(parameters?.required) ? (parameters.required as readonly unknown[]) : [];
  return Object.entries(properties).map(([key, schema]) => ({
    key,
    schema: isSchema(schema) ? schema : {},
    isRequired: required.includes(key),
  }));
}

export const jsonKindOf = (v: unknown): string => (v === null ? "null" : Array.isArray(v) ? "array" : typeof v);

/** The types that a value may have; none where the schema says nothing. References lead into the functions' own definitions. */
export function typesOf(schema: Schema, tools: readonly Tool[], depth = 0): ReadonlySet<string> {
  if (depth > 8) return new Set();
  const { type, enum: listed, const: only, $ref, anyOf, oneOf } = schema;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.filter(t => typeof t === "string"));
  if (Array.isArray(listed)) return new Set(listed.map(jsonKindOf));
  if ("const" in schema) return new Set([jsonKindOf(only)]);
  const options = [anyOf, oneOf].flatMap(o => (Array.isArray(o) ? o.filter(isSchema) : []));
  if (options.length > 0) return new Set(options.flatMap(o => [...typesOf(o, tools, depth + 1)]));
  const [, place, name] = typeof $ref === "string" ? (/^#\/(\$defs|definitions)\/(.+)$/.exec($ref) ?? []) : [];
  if (place === undefined || name === undefined) return new Set(isSchema(schema.properties) ? ["object"] : []);
  const found = tools.map(t => t.parameters?.[place]).find(d => isSchema(d) && isSchema(d[name]));
  const definition = isSchema(found) ? found[name] : undefined;
  return isSchema(definition) ? typesOf(definition, tools, depth + 1) : new Set();
}
