/**
 * An OpenAPI 3.1 description made of the Zod schemas of a server's answers. Schemas with an id (`.meta({ id })`) become named components. What
 * an answer may carry besides follows from its schema: `z.strictObject` says all that there is, `z.object` says what can be relied on.
 */
import { z } from "zod";

/** A number that may not be finite: JSON has no other. The same component in every document. */
export const measured = z.number().nullable().meta({ id: "Measured", description: "A measured number; null where it is not finite." });

export interface ApiOperation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As routes write it: `/api/runs/:artifact/metrics`. */
  readonly path: string;
  /** One sentence. */
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** 200 when absent; several where it says what was done. */
  readonly status?: number | readonly number[];
  /** The answer's content type where it is not JSON; its schema is then of the text. */
  readonly contentType?: string;
  /** The content type of an answer in pieces, where a request may ask for one. */
  readonly streamType?: string;
  /** The body's content type where it is not JSON. */
  readonly bodyType?: string;
  /** A refusal's form where it is not the document's. */
  readonly error?: z.ZodType;
  /** Answered without credentials. */
  readonly isOpen?: boolean;
}

interface ApiDescription {
  readonly title: string;
  readonly version: string;
  /** Of every refusal. */
  readonly error: z.ZodType;
  readonly operations: readonly ApiOperation[];
}

/** A JSON Schema as `z.toJSONSchema` writes it, of the parts that readers of a document look at. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
}

export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}
interface OpenApiOperation {
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query";
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}
type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** Plain data of a schema, read only: what a port gives for it. */
export type Answered<T> = unknown extends T ? unknown : T extends object ? { readonly [K in keyof T]: Answered<T[K]> } : T;

/** `z.int()` says the range of safe integers, which JSON's readers know. */
function plainInteger({ jsonSchema }: { jsonSchema: { type?: unknown; minimum?: unknown; maximum?: unknown } }): void {
  if (jsonSchema.type !== "integer") return;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** JSON Schemas of all, with `$ref` to named components. Errors: a schema that JSON Schema cannot say throws. */
function convert(all: Readonly<Record<string, z.ZodType>>): {
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  readonly components: OpenApiDocument["components"]["schemas"];
} {
  const written = z.toJSONSchema(z.object(all), { io: "input", override: plainInteger });
  const moved = JSON.parse(JSON.stringify(written).replaceAll('"#/$defs/', '"#/components/schemas/')) as {
    readonly properties: Readonly<Record<string, JsonSchema>>;
    readonly $defs?: Readonly<Record<string, JsonSchema & { readonly id?: string }>>;
  };
  const components = Object.fromEntries(
    Object.entries(moved.$defs ?? {})
      .map(([name, { id: _, ...schema }]) => [name, schema] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { schemas: moved.properties, components };
}

/** `/api/runs/:artifact` and `/v1/models/:model{.+}` as OpenAPI writes them. */
export const pathTemplate = (path: string): string => path.replace(/\/:(\w+)(?:\{(?:[^{}]|\{[^{}]*\})*\})?/g, "/{$1}");

export function openApiDocument({ title, version, error, operations }: ApiDescription): OpenApiDocument {
  const keys = operations.map(o => `${o.method} ${o.path}`);
  const parts = operations.flatMap(({ query, body, answer, error }, i) => [
    [`${keys[i]} answer`, answer] as const,
    ...(error ? [[`${keys[i]} error`, error] as const] : []),
    ...(body ? [[`${keys[i]} body`, body] as const] : []),
    ...(query ? [[`${keys[i]} query`, query] as const] : []),
  ]);
  const { schemas, components } = convert({ error, ...Object.fromEntries(parts) });
  const json = (key: string): Content => ({ "application/json": { schema: schemas[key]! } });
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const [i, o] of operations.entries()) {
    const key = keys[i]!;
    const query = schemas[`${key} query`];
    const parameters = [
      ...[...pathTemplate(o.path).matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name: name!,
        in: "path" as const,
        required: true,
        schema: { type: "string" },
      })),
      ...Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
        name,
        in: "query" as const,
        required: query?.required?.includes(name) ?? false,
        schema,
      })),
    ];
    const content = {
      [o.contentType ?? "application/json"]: { schema: schemas[`${key} answer`]! },
      ...(o.streamType === undefined ? {} : { [o.streamType]: { schema: {} } }),
    };
    paths[pathTemplate(o.path)] = {
      ...paths[pathTemplate(o.path)],
      [o.method.toLowerCase()]: {
        summary: o.summary,
        ...(parameters.length > 0 ? { parameters } : {}),
        ...(o.body
          ? { requestBody: { required: true, content: { [o.bodyType ?? "application/json"]: { schema: schemas[`${key} body`]! } } } }
          : {}),
        responses: {
          ...Object.fromEntries([o.status ?? 200].flat().map(status => [status, { description: "The answer.", content }])),
          default: { description: "A refusal.", content: json(o.error ? `${key} error` : "error") },
        },
        ...(o.isOpen ? { security: [] } : {}),
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: { title, version },
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "loam-session-PORT",
          description: "Changes repeat its CSRF token in `x-loam-csrf`.",
        },
      },
    },
    security: [{ bearer: [] }, { session: [] }],
  };
}
