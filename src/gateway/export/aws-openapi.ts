/**
 * One audience's REST API as OpenAPI 3.0.1, the version that API Gateway imports, with Amazon's extensions: an API key for each method, bodies checked,
 * an HTTP integration whose answer streams (response transfer mode STREAM: 15 minutes at most, REST APIs only).
 */
import { bodySchema } from "./body-schema.ts";
import type { Address, Audience } from "./plan.ts";

/** Milliseconds: what an integration may take, streamed and not. */
const longest = { streamed: 900_000, whole: 29_000 } as const;

/** How the server's key is written: in a template as its parameter, in a file by itself as a word to replace. */
export type KeyText = (before: string) => unknown;
export const inTemplate: KeyText = before => ({ "Fn::Sub": `'${before}\${BackendKey}'` });
export const byItself: KeyText = before => `'${before}BACKEND_KEY'`;

const schemaName = (path: string): string =>
  path
    .slice("/v1".length)
    .replace(/[^a-z]+/g, " ")
    .trim()
    .replace(/ ([a-z])/g, (_, c: string) => c.toUpperCase());

function operation({ path, isStreamed }: Address, backend: URL, totalMs: number, key: KeyText): object {
  const name = schemaName(path);
  const schema = { $ref: `#/components/schemas/${name}` };
  const base = backend.href.replace(/\/+$/, "");
  return {
    operationId: name,
    security: [{ apiKey: [] }],
    "x-amazon-apigateway-request-validator": "body",
    // `$default`: a body of any other declared type is checked too, not let through
    requestBody: { required: true, content: { "application/json": { schema }, $default: { schema } } },
    responses: { 200: { description: "The server's answer, passed on." } },
    "x-amazon-apigateway-integration": {
      type: "http_proxy",
      httpMethod: "POST",
      uri: `${base}${path.slice("/v1".length)}`,
      passthroughBehavior: "when_no_match",
      responseTransferMode: isStreamed ? "STREAM" : "BUFFERED",
      timeoutInMillis: Math.min(totalMs, isStreamed ? longest.streamed : longest.whole),
      requestParameters: {
        "integration.request.header.Authorization": key("Bearer "),
        // the client's own key stays here
        "integration.request.header.x-api-key": key(""),
      },
    },
  };
}

const errorModel = {
  "application/json": '{"error":{"message":$context.error.messageString,"type":"invalid_request_error","param":null,"code":"not_allowed"}}',
};

export function apiDocument(audience: Audience, addresses: readonly Address[], backend: URL, totalMs: number, key: KeyText): object {
  const open = addresses.filter(a => audience.gates.has(a.path));
  return {
    openapi: "3.0.1",
    info: { title: `Models for audience ${audience.id}`, version: "1" },
    paths: Object.fromEntries(open.map(a => [a.path, { post: operation(a, backend, totalMs, key) }])),
    components: {
      securitySchemes: { apiKey: { type: "apiKey", name: "x-api-key", in: "header" } },
      schemas: Object.fromEntries(open.map(a => [schemaName(a.path), bodySchema(audience.gates.get(a.path)!)])),
    },
    "x-amazon-apigateway-api-key-source": "HEADER",
    "x-amazon-apigateway-request-validators": { body: { validateRequestBody: true, validateRequestParameters: false } },
    "x-amazon-apigateway-gateway-responses": {
      BAD_REQUEST_BODY: { statusCode: "400", responseTemplates: errorModel },
      THROTTLED: { statusCode: "429", responseParameters: { "gatewayresponse.header.retry-after": "'1'" }, responseTemplates: errorModel },
      QUOTA_EXCEEDED: { statusCode: "429", responseTemplates: errorModel },
    },
  };
}
