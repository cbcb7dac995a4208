/**
 * Records with fields (JSON, CSV, Parquet) to documents: which fields make the text, which become attributes. One rule for all of them.
 */
import type { DocumentAttribute, DocumentAttributes } from "../document.ts";
import { labelOf } from "./labels.ts";
import type { AttributeForm, SourceOptions } from "./options.ts";
import type { ReadRecord } from "./source.ts";
import { refuseText } from "./text.ts";

export type RecordFields = Readonly<Record<string, unknown>>;
/** `source.field`: one field, several, or a template. */
export type Field = string | readonly string[];

/** The field of a source that names none is `text`. */
export const fieldOf = (options: SourceOptions): Field => options.field ?? "text";

const holes = /\{([^{}]{1,200})\}/g;

/** A field by its name, or, where there is none of that name, by dots into deeper values. */
export function fieldValueAt(fields: RecordFields, path: string): unknown {
  if (Object.hasOwn(fields, path)) return fields[path];
  let value: unknown = fields;
  for (const name of path.split(".")) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = (value as RecordFields)[name];
  }
  return value;
}

const isTemplate = (field: Field): field is string => typeof field === "string" && field.search(holes) >= 0;

/** Names of the fields that make the text. */
export const fieldNames = (field: Field): string[] =>
  isTemplate(field) ? [...field.matchAll(holes)].map(m => m[1]!) : typeof field === "string" ? [field] : [...field];

const written = (value: unknown): string | undefined =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;

/**
 * The text of a record. A single field must be a text; of several the empty and absent ones are left out, if one is there; a template
 * takes texts and numbers, absent ones as nothing, if one is there.
 */
export function fieldText(fields: RecordFields, field: Field): { readonly text: string } | { readonly message: string } {
  const names = fieldNames(field);
  if (!isTemplate(field) && names.length === 1) {
    const value = fieldValueAt(fields, names[0]!);
    if (typeof value === "string") return { text: value };
    return {
      message: `expected a text in field "${names[0]}", got ${value === undefined ? "none" : value === null ? "null" : typeof value}`,
    };
  }
  const values = names.map(name => written(fieldValueAt(fields, name)));
  if (values.every(v => v === undefined))
    return { message: `expected a text in one of the fields ${names.map(n => `"${n}"`).join(", ")}, got none` };
  if (!isTemplate(field)) return { text: values.filter(v => v !== undefined && v.trim() !== "").join("\n\n") };
  let i = 0;
  return { text: field.replace(holes, () => values[i++] ?? "") };
}

const isAttribute = (value: unknown): value is DocumentAttribute =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

/** A text in one spelling: no white space around it, one space between words; nothing where nothing is left. */
const inForm = (value: DocumentAttribute, { case: letters }: AttributeForm): DocumentAttribute | undefined => {
  if (typeof value !== "string") return value;
  const text = value.trim().replace(/\s+/g, " ");
  return text === "" ? undefined : letters === "lower" ? text.toLowerCase() : text;
};

/** Fields that attributes are named after, by the attributes' names. */
export const namedFields = (named: SourceOptions["attributes"]): (readonly [string, string])[] =>
  Object.entries(named ?? {}).map(([name, from]) => [name, typeof from === "string" ? from : from.field] as const);

/** Values nested deeper stay in the source: a bound for records made to mislead. */
const maxDepth = 16;

const isObject = (value: unknown): value is RecordFields =>
  value !== null && typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** Values that `isValue` takes, those of nested objects by their dotted path (`meta.author.name`). */
export function* nestedValues<V>(
  fields: RecordFields,
  isValue: (value: unknown) => value is V,
  path = "",
  depth = 1,
): Generator<readonly [path: string, value: V]> {
  for (const [name, value] of Object.entries(fields)) {
    if (isValue(value)) yield [path + name, value];
    else if (isObject(value) && depth < maxDepth) yield* nestedValues(value, isValue, `${path}${name}.`, depth + 1);
  }
}

/**
 * Fields that are not the text and can be attributes, nested ones by their dotted path, and those that `named` says under their new names. A field
 * whose own name has dots wins over a nested field of the same path, as in `fieldValueAt`.
 */
function fieldAttributes(fields: RecordFields, field: Field, named: SourceOptions["attributes"] = {}): DocumentAttributes {
  const used = new Set(["id", ...fieldNames(field), ...namedFields(named).map(([, from]) => from)]);
  const own = [...nestedValues(fields, isAttribute)].flatMap(([name, nested]) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : nested;
    return !used.has(name) && isAttribute(value) ? [[name, value] as const] : [];
  });
  const renamed = Object.entries(named).flatMap(([name, from]) => {
    const found = fieldValueAt(fields, typeof from === "string" ? from : from.field);
    const value = !isAttribute(found) || typeof from === "string" ? found : inForm(found, from);
    return isAttribute(value) ? [[name, value] as const] : [];
  });
  return Object.fromEntries([...own, ...renamed]);
}

/** A record's own id, where it has one. */
export const idOf = (fields: RecordFields): string | number | undefined =>
  typeof fields.id === "string" || typeof fields.id === "number" ? fields.id : undefined;

/** A record whose text was found, as a document or set aside. */
export function fieldsRecord(
  at: { readonly place: string; readonly key: string; readonly path: string },
  text: string,
  fields: RecordFields,
  options: SourceOptions,
): ReadRecord {
  const why = refuseText(text);
  if (why) return { ok: false, place: at.place, ...why };
  const attributes = { ...labelOf(at.path, options.labels), ...fieldAttributes(fields, fieldOf(options), options.attributes) };
  return { ok: true, place: at.place, key: at.key, text, attributes, edits: [] };
}
