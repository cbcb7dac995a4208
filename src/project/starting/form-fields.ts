/** A form for a part of loam.yaml, from its JSON Schema: one field for each value, with help, choices and what the file says now. */
import type { Json } from "../../base/index.ts";
import { flow, type YamlValue } from "../edit/edit-yaml.ts";

type Schema = { readonly [key: string]: Json };

export interface FormField {
  /** Inside the part: `train.steps`. */
  readonly path: string;
  readonly kind: "text" | "number" | "boolean" | "choice" | "yaml";
  readonly help: string;
  readonly isRequired: boolean;
  /** Of a choice. */
  readonly choices: readonly string[];
  /** As YAML; null: there is none. */
  readonly usual: string | null;
  readonly example: string | null;
  /** As the file says it, as YAML; null: the file does not say it. */
  readonly value: string | null;
}

const isSchema = (v: Json | undefined): v is Schema => typeof v === "object" && v !== null && !Array.isArray(v);
const isMap = (v: Json | undefined): v is { readonly [key: string]: Json } => isSchema(v);

/** On one line. */
const asYaml = (v: Json | undefined): string | null => (v === undefined ? null : typeof v === "string" ? v : flow(v as YamlValue));

const maps = (all: Json | undefined): Schema[] => (Array.isArray(all) ? all.filter(isSchema) : []);

/** The schema behind references; what stands beside a reference stays. */
function resolved(root: Schema, schema: Schema): Schema {
  const { $ref, ...beside } = schema;
  if (typeof $ref !== "string") return schema;
  const found = $ref
    .slice(2)
    .split("/")
    .reduce<Json | undefined>((at, key) => (isSchema(at) ? at[key] : undefined), root);
  return isSchema(found) ? { ...resolved(root, found), ...beside } : beside;
}

/** How well a schema of a map fits a value: constants that differ rule it out, keys that it knows count. */
function fieldsInCommon(schema: Schema, value: Json | undefined): number {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  if (!isMap(value)) return 0;
  let known = 0;
  for (const [key, own] of Object.entries(value)) {
    const property = properties[key];
    if (!isSchema(property)) {
      known--;
      continue;
    }
    const isOther = property.const !== undefined ? property.const !== own : Array.isArray(property.enum) && !property.enum.includes(own);
    known += isOther ? -100 : 1;
  }
  return known;
}

/** Of a union of maps the one that the value is of. */
function branch(root: Schema, schema: Schema, value: Json | undefined): Schema {
  const all = [...maps(schema.anyOf), ...maps(schema.oneOf)].map(s => resolved(root, s));
  const objects = all.filter(s => isSchema(s.properties));
  if (objects.length === 0) return schema;
  // where a plain value is one of the forms, a field of YAML takes them all
  if (objects.length < all.length && !isMap(value)) return schema;
  return objects.reduce((best, next) => (fieldsInCommon(next, value) > fieldsInCommon(best, value) ? next : best));
}

function plainField(schema: Schema): Pick<FormField, "kind" | "choices"> {
  if (schema.const !== undefined) return { kind: "choice", choices: [String(schema.const)] };
  if (Array.isArray(schema.enum)) return { kind: "choice", choices: schema.enum.map(String) };
  if (schema.type === "boolean") return { kind: "boolean", choices: [] };
  if (schema.type === "integer" || schema.type === "number") return { kind: "number", choices: [] };
  return { kind: schema.type === "string" ? "text" : "yaml", choices: [] };
}

/** Maps in maps become fields of their own down to here; what is deeper is one field of YAML. */
const deepest = 3;

/** Fields of the part whose schema and value these are, required ones first where the schema has them so. */
export function formFields(root: Schema, schema: Schema, value: Json | undefined, at: readonly string[] = []): FormField[] {
  const own = branch(root, resolved(root, schema), value);
  const properties = isSchema(own.properties) ? own.properties : {};
  const required = Array.isArray(own.required) ? own.required : [];
  return Object.entries(properties).flatMap(([key, given]) => {
    if (!isSchema(given)) return [];
    const inner = resolved(root, given);
    const now = isMap(value) ? value[key] : undefined;
    const path = [...at, key];
    const chosen = branch(root, inner, now);
    const isPart = isSchema(chosen.properties) && (now === undefined || isMap(now));
    if (isPart && path.length < deepest) return formFields(root, inner, now, path);
    const examples = Array.isArray(inner.examples) ? inner.examples : [];
    return [
      {
        path: path.join("."),
        ...plainField(inner),
        help: typeof inner.description === "string" ? inner.description : "",
        isRequired: required.includes(key),
        usual: asYaml(inner.default),
        example: asYaml(examples[0]),
        value: asYaml(now),
      },
    ];
  });
}

/** The schema of one entry of a part that has entries by name: of `models` that of a model. */
export function entrySchema(root: Schema, part: string): Schema {
  const of = isSchema(root.properties) ? root.properties[part] : undefined;
  const entries = isSchema(of) ? resolved(root, of).additionalProperties : undefined;
  return isSchema(entries) ? entries : {};
}
