/**
 * One audience's REST API as OpenAPI 3.0.1, the version that API Gateway imports, with Amazon's extensions: an API key for each method, which an
 * authoriser reads out of the header that the address's clients send it in, bodies checked, an HTTP integration whose answer streams (response transfer mode STREAM: 15 minutes at most, REST APIs only).
 */
import { authorizerScheme, authorizerUri, type KeyScheme } from "./aws-authorizer.ts";
import { bodySchema } from "./body-schema.ts";
import type { Audience, ExportedAddress } from "./plan.ts";

/** Milliseconds: what an integration may take, streamed and not. */
const longest = { streamed: 900_000, whole: 29_000 } as const;

/** What is known where the document stands: in a template the names of its parts, in a file by itself words to replace. */
export interface OpenApiPlace {
  /** The server's key as the text of a header, behind other text. */
  key(before: string): unknown;
  readonly authorizer: unknown;
}
export const inTemplate: OpenApiPlace = { key: before => ({ "Fn::Sub": `'${before}\${BackendKey}'` }), authorizer: authorizerUri };
export const byItself: OpenApiPlace = { key: before => `'${before}BACKEND_KEY'`, authorizer: "AUTHORIZER_URI" };

const schemeOf = ({ endpoint }: ExportedAddress): KeyScheme => (endpoint === "messages" ? "anthropic" : "bearer");

const schemaName = (path: string): string =>
  path
    .slice("/v1".length)
    .replace(/[^a-z]+/g, " ")
    .trim()
    .replace(/ ([a-z])/g, (_, c: string) => c.toUpperCase());

function operation(address: ExportedAddress, backend: URL, totalMs: number, { key }: OpenApiPlace): object {
  const { path, isStreamed } = address;
  const name = schemaName(path);
  const schema = { $ref: `#/components/schemas/${name}` };
  const base = backend.href.replace(/\/+$/, "");
  return {
    operationId: name,
    security: [{ apiKey: [], [schemeOf(address)]: [] }],
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

const errorModel = (type: string, code: string) => ({
  "application/json": `{"error":{"message":$context.error.messageString,"type":"${type}","param":null,"code":"${code}"}}`,
});
const notAllowed = errorModel("invalid_request_error", "not_allowed");
const notKnown = { statusCode: "401", responseTemplates: errorModel("authentication_error", "invalid_api_key") };

export function apiDocument(
  audience: Audience,
  addresses: readonly ExportedAddress[],
  backend: URL,
  totalMs: number,
  place: OpenApiPlace,
): object {
  const open = addresses.filter(a => audience.gates.has(a.path));
  return {
    openapi: "3.0.1",
    info: { title: `Models for audience ${audience.id}`, version: "1" },
    paths: Object.fromEntries(open.map(a => [a.path, { post: operation(a, backend, totalMs, place) }])),
    components: {
      securitySchemes: {
        apiKey: { type: "apiKey", name: "x-api-key", in: "header" },
        ...Object.fromEntries([...new Set(open.map(schemeOf))].map(s => [s, authorizerScheme(s, place.authorizer)])),
      },
      schemas: Object.fromEntries(open.map(a => [schemaName(a.path), bodySchema(audience.gates.get(a.path)!)])),
    },
    "x-amazon-apigateway-api-key-source": "AUTHORIZER",
    "x-amazon-apigateway-request-validators": { body: { validateRequestBody: true, validateRequestParameters: false } },
    "x-amazon-apigateway-gateway-responses": {
      BAD_REQUEST_BODY: { statusCode: "400", responseTemplates: notAllowed },
      UNAUTHORIZED: notKnown,
      INVALID_API_KEY: notKnown,
      THROTTLED: {
        statusCode: "429",
        responseParameters: { "gatewayresponse.header.retry-after": "'1'" },
        responseTemplates: errorModel("rate_limit_error", "rate_limit_exceeded"),
      },
      QUOTA_EXCEEDED: { statusCode: "429", responseTemplates: errorModel("rate_limit_error", "rate_limit_exceeded") },
    },
  };
}
