/** Holds answers against an OpenAPI document: the schemas of 3.1 are JSON Schema 2020-12 as it stands. */
import { Ajv2020 } from "ajv/dist/2020.js";
import type { OpenApiDocument } from "../../src/base/index.ts";

/** What is wrong with an answer to `GET /api/runs/{artifact}/metrics`; empty: nothing. */
export function answerChecker(document: OpenApiDocument): (operation: string, answer: unknown, status?: number) => readonly string[] {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictTuples: false });
  ajv.addKeyword("components");
  ajv.addSchema({ $id: "document", components: document.components } as object);
  return (operation, answer, status = 200) => {
    const [method = "", path = ""] = operation.split(" ");
    const responses = document.paths[path]?.[method.toLowerCase()]?.responses;
    const schema = Object.values((responses?.[status] ?? responses?.default)?.content ?? {})[0]?.schema;
    if (!schema) return [`${operation} is not in the document`];
    const own = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/'));
    const fits = ajv.compile(own);
    return fits(answer) ? [] : (fits.errors ?? []).map(e => `${operation}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
  };
}

/** As `answerChecker`, for an address as it was called; what is refused, is no JSON, or is none of the document's is passed over. */
export function calledChecker(
  document: OpenApiDocument,
): (method: string, path: string, status: number, text: string) => readonly string[] {
  const check = answerChecker(document);
  const templates = Object.keys(document.paths).map(
    template => [template, new RegExp(`^${template.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`)] as const,
  );
  return (method, path, status, text) => {
    // a word of an address before a name: /gateway/keys/rotate is no key
    const template = templates
      .filter(([, fits]) => fits.test(path.split("?")[0]!))
      .sort(([a], [b]) => a.split("{").length - b.split("{").length)[0]?.[0];
    if (template === undefined || !document.paths[template]?.[method.toLowerCase()] || status >= 300 || !text.startsWith("{")) return [];
    return check(`${method} ${template}`, JSON.parse(text), status);
  };
}
