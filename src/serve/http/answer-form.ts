/**
 * Parameters that give an answer its form: OpenAI's `response_format`, and vLLM's `structured_outputs` and `guided_*`. One form a request.
 * A form is always kept to, `strict` or not; `strict` adds OpenAI's rules for schemas.
 */
import type { StructuredFields } from "../../protocols/index.ts";
import type { Form } from "../../text/index.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { jsonDepth } from "./body.ts";

interface PlacedForm {
  /** The parameter that asks for it. */
  readonly place: string;
  readonly form: Form;
}

const parsed = (given: unknown, place: string): unknown => {
  if (typeof given !== "string") return given;
  if (jsonDepth(given) > limits.jsonDepth)
    throw serveErrors.fail("parameter", { place, expected: `at most ${limits.jsonDepth} levels of nesting`, received: "more" });
  try {
    return JSON.parse(given) as unknown;
  } catch {
    throw serveErrors.fail("parameter", { place, expected: "a JSON schema as JSON", received: JSON.stringify(given.slice(0, 60)) });
  }
};

/** The form that a body asks for; undefined where it asks for none. Errors: serve/parameter where it asks for more than one. */
export function formOf(body: Partial<StructuredFields>): PlacedForm | undefined {
  const found: PlacedForm[] = [];
  const add = (place: string, form: Form): void => {
    found.push({ place, form });
  };
  const outputs = body.structured_outputs;
  const style = outputs?.whitespace ?? "compact";
  const format = body.response_format;
  if (format?.type === "json_object")
    if (format.schema == null) add("response_format", { kind: "json", style });
    else add("response_format.schema", { kind: "schema", schema: format.schema, style });
  if (format?.type === "json_schema")
    add("response_format.json_schema.schema", {
      kind: "schema",
      schema: format.json_schema.schema ?? {},
      strict: format.json_schema.strict ?? false,
      style,
    });
  const guided = (
    prefix: string,
    {
      json,
      regex,
      choice,
      grammar,
    }: { json?: unknown; regex?: string | null | undefined; choice?: string[] | null | undefined; grammar?: string | null | undefined },
  ): void => {
    if (json != null) add(`${prefix}json`, { kind: "schema", schema: parsed(json, `${prefix}json`), style });
    if (regex != null) add(`${prefix}regex`, { kind: "regex", pattern: regex });
    if (choice != null) add(`${prefix}choice`, { kind: "choice", choices: choice });
    if (grammar != null) add(`${prefix}grammar`, { kind: "grammar", grammar });
  };
  if (outputs) guided("structured_outputs.", outputs);
  if (outputs?.json_object) add("structured_outputs.json_object", { kind: "json", style });
  guided("guided_", { json: body.guided_json, regex: body.guided_regex, choice: body.guided_choice, grammar: body.guided_grammar });
  if (body.grammar) add("grammar", { kind: "grammar", grammar: body.grammar });
  if (body.json_schema != null) add("json_schema", { kind: "schema", schema: body.json_schema, style });
  if (found.length > 1)
    throw serveErrors.fail("parameter", { place: found[1]!.place, expected: "one form of the answer", received: `${found[0]!.place} too` });
  return found[0];
}
