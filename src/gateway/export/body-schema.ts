/**
 * A gate as a JSON Schema (draft 4) of the request's body: what is valid is what the policies allow. Targets that check bodies by schema then
 * decide by model, version label and parameters as this gateway does.
 */
import type { Bound } from "../policy/rules.ts";
import type { Clause, Gate } from "./plan.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** Only letters that mean something in every dialect of regular expressions. */
const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Names as `NAME` or `NAME@LABEL`; with labels, only those. */
export function namePattern({ models, labels }: Pick<Clause, "models" | "labels">): string {
  const names = `(?:${models.map(quoted).join("|")})`;
  if (labels === undefined) return `^${names}(?:@[^@]*)?$`;
  return `^${names}@(?:${labels.map(quoted).join("|")})$`;
}

function boundSchema({ min, max, oneOf }: Bound): Schema {
  const range = {
    type: "number",
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  };
  if (oneOf === undefined) return range;
  return min === undefined && max === undefined ? { enum: oneOf } : { allOf: [{ enum: oneOf }, range] };
}

function clauseSchema(clause: Clause): Schema {
  const parameters = Object.entries(clause.parameters ?? {});
  return {
    required: ["model", ...parameters.map(([name]) => name)],
    properties: {
      model: { type: "string", pattern: namePattern(clause) },
      ...Object.fromEntries(parameters.map(([name, bound]) => [name, boundSchema(bound)])),
    },
  };
}

export function bodySchema({ allow, deny }: Gate): Schema {
  return {
    type: "object",
    required: ["model"],
    properties: { model: { type: "string", maxLength: 256 } },
    allOf: [{ anyOf: allow.map(clauseSchema) }, ...(deny.length > 0 ? [{ not: { anyOf: deny.map(clauseSchema) } }] : [])],
  };
}
