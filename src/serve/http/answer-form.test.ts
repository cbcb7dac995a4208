/** The white space of JSON under a constraint, by the request's own fields. */
import { expect, test } from "vitest";
import { recogniserOf } from "../../text/index.ts";
import { formOf } from "./answer-form.ts";

const schema = { type: "object", properties: { a: { type: "array", items: { type: "integer" } } }, required: ["a"] };
const asked = {
  "response_format json_schema": { response_format: { type: "json_schema", json_schema: { name: "a", schema } } },
  "response_format json_object": { response_format: { type: "json_object" } },
  "response_format json_object with a schema": { response_format: { type: "json_object", schema } },
  guided_json: { guided_json: schema },
  json_schema: { json_schema: schema },
} as const;
const own = { json: { json: schema }, json_object: { json_object: true } } as const;

const texts = { compact: '{"a":[1,2]}', spaced: '{"a": [1, 2]}', pretty: JSON.stringify({ a: [1, 2] }, null, 2) };
function taken(body: Parameters<typeof formOf>[0]): string[] {
  const { form, place } = formOf(body)!;
  const recogniser = recogniserOf(form, place);
  const isWhole = (text: string) => recogniser.read(recogniser.start, new TextEncoder().encode(text))?.isAccepting ?? false;
  return Object.entries(texts).flatMap(([name, text]) => (isWhole(text) ? [name] : []));
}

test.each(Object.entries(asked))("%s: JSON is compact unless structured_outputs.whitespace says otherwise", (_, body) => {
  expect(taken(body)).toEqual(["compact"]);
  expect(taken({ ...body, structured_outputs: { whitespace: "compact" } })).toEqual(["compact"]);
  expect(taken({ ...body, structured_outputs: { whitespace: "spaced" } })).toEqual(["spaced"]);
  expect(taken({ ...body, structured_outputs: { whitespace: "flexible" } })).toEqual(["compact", "spaced", "pretty"]);
});

test.each(Object.entries(own))("structured_outputs.%s: the same", (_, constraint) => {
  expect(taken({ structured_outputs: constraint })).toEqual(["compact"]);
  expect(taken({ structured_outputs: { ...constraint, whitespace: "spaced" } })).toEqual(["spaced"]);
  expect(taken({ structured_outputs: { ...constraint, whitespace: "flexible" } })).toEqual(["compact", "spaced", "pretty"]);
});
