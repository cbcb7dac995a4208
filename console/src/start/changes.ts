/** What is sent of a form: the fields that were changed, as YAML. Pure. */
import type { FormField, PartForm } from "../generated/server.ts";

/** Texts of fields that were changed, by path; "" takes the key out. */
export type Edits = Readonly<Record<string, string>>;

export interface Change {
  readonly path: string;
  readonly value: string | null;
}

/** Of choices, what YAML reads as another kind of value is meant as one. */
const isPlain = /^(-?\d+(\.\d+)?(e[+-]?\d+)?|true|false|null)$/i;

/** A field's text as YAML. */
const yamlOf = ({ kind }: FormField, text: string): string =>
  kind === "text" || (kind === "choice" && !isPlain.test(text)) ? JSON.stringify(text) : text;

/** Of a part that the file lacks every value is sent, of one that it has the changed ones. */
export function changesOf({ fields, isThere }: Pick<PartForm, "fields" | "isThere">, edits: Edits): Change[] {
  return fields.flatMap((field): Change[] => {
    const now = field.value;
    const text = edits[field.path] ?? now ?? "";
    if (isThere && text === (now ?? "")) return [];
    if (text === "") return isThere && now !== null ? [{ path: field.path, value: null }] : [];
    return [{ path: field.path, value: yamlOf(field, text) }];
  });
}

/** The field that a problem is about: the longest path that its place ends with. */
export const fieldAt = (fields: readonly FormField[], part: string, place: string | undefined): string | undefined => {
  const found = place === undefined ? -1 : place.indexOf(`${part}.`);
  if (found < 0) return undefined;
  const inner = place!.slice(found + part.length + 1);
  return fields
    .map(f => f.path)
    .filter(path => inner === path || inner.startsWith(`${path}.`) || inner.startsWith(`${path}[`))
    .sort((a, b) => b.length - a.length)[0];
};
