/**
 * A gate as a JSON Schema (draft 4) of the request's body: what is valid is what the policies allow. Targets that check bodies by schema then
 * decide by model, version label and parameters as this gateway does.
 */
import { defined } from "../../../base/index.ts";
import { answerTokens } from "../../policy/parameters.ts";
import type { Bound } from "../../policy/rules.ts";
import type { Clause, Gate } from "./plan.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Only letters that mean something in every dialect of regular expressions. */
const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A label, as the gateway takes one: not dots alone. */
const anyLabel = "[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*";

/** Names as `NAME` or `NAME@LABEL`; with labels, only those. */
export function namePattern({ models, labels }: Pick<Clause, "models" | "labels">): string {
  const names = `(?:${models.map(quoted).join("|")})`;
  if (labels === undefined) return `^${names}(?:@${anyLabel})?$`;
  return `^${names}@(?:${labels.map(quoted).join("|")})$`;
}

function boundSchema({ min, max, oneOf }: Bound): Schema {
  const range = {
    type: "number",
    ...defined({ minimum: min, maximum: max }),
  };
  if (oneOf === undefined) return range;
  return min === undefined && max === undefined ? { enum: oneOf } : { allOf: [{ enum: oneOf }, range] };
}

const isNull = { enum: [null] };
/** As policies read it: what is no number, text or truth is left out. */
const isAbsent: Schema = { not: { type: ["number", "string", "boolean"] } };

const parameterSchema = (bound: Bound): Schema => (bound.orAbsent ? { anyOf: [isAbsent, boundSchema(bound)] } : boundSchema(bound));

/** No name for an answer's tokens is given more than `most`; what is negative or no number has no end. */
const atMost = (most: number): Schema => ({
  properties: Object.fromEntries(answerTokens.map(name => [name, { anyOf: [isNull, { type: "number", minimum: 0, maximum: most }] }])),
});

/** Some name for an answer's tokens is given, and `least` or more. */
const atLeast = (least: number): Schema => {
  const less = { type: "number", minimum: 0, maximum: Math.max(0, least), exclusiveMaximum: true };
  return { anyOf: answerTokens.map(name => ({ required: [name], properties: { [name]: { not: { anyOf: [isNull, less] } } } })) };
};

/** The largest that is given under any name is in the bound. */
function tokensSchema({ min, max, oneOf }: Bound): Schema {
  const exact = oneOf?.filter(value => typeof value === "number").map(value => ({ allOf: [atLeast(value), atMost(value)] }));
  return {
    allOf: [
      atLeast(min ?? 0),
      ...(max === undefined ? [] : [atMost(max)]),
      ...(exact === undefined ? [] : [exact.length > 0 ? { anyOf: exact } : { not: {} }]),
    ],
  };
}

/** No name for an answer's tokens is given. */
const withoutTokens: Schema = { properties: Object.fromEntries(answerTokens.map(name => [name, isNull])) };

function clauseSchema(clause: Clause): Schema {
  const { max_tokens: tokens, ...others } = clause.parameters ?? {};
  const needed = Object.entries(others).filter(([, bound]) => !bound.orAbsent);
  return {
    required: ["model", ...needed.map(([name]) => name)],
    properties: {
      model: { type: "string", pattern: namePattern(clause) },
      ...Object.fromEntries(Object.entries(others).map(([name, bound]) => [name, parameterSchema(bound)])),
    },
    ...(tokens?.orAbsent ? { anyOf: [withoutTokens, tokensSchema(tokens)] } : tokens ? tokensSchema(tokens) : {}),
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
