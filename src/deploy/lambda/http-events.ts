/**
 * HTTP as Lambda sees it: the events of function URLs and HTTP APIs (payload format 2.0), of REST APIs (1.0) and of load balancers as requests, and responses
 * in the form that each of them takes, whole or as a prelude before a stream.
 */
import { z } from "zod";
import { deployErrors } from "../errors.ts";

const texts = z.record(z.string(), z.string());
const lists = z.record(z.string(), z.array(z.string()));

/** Function URLs, and HTTP APIs of API Gateway. */
const second = z.object({
  version: z.literal("2.0"),
  rawPath: z.string(),
  rawQueryString: z.string().default(""),
  cookies: z.array(z.string()).default([]),
  headers: texts.default({}),
  requestContext: z.object({
    domainName: z.string().default(""),
    http: z.object({ method: z.string(), sourceIp: z.string().optional() }),
  }),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
});

/** REST APIs of API Gateway, and Application Load Balancers. */
const first = z.object({
  httpMethod: z.string(),
  path: z.string(),
  headers: texts.nullish(),
  multiValueHeaders: lists.nullish(),
  queryStringParameters: texts.nullish(),
  multiValueQueryStringParameters: lists.nullish(),
  requestContext: z.object({ elb: z.unknown().optional(), identity: z.object({ sourceIp: z.string().optional() }).optional() }),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
});

/** Where a request comes from. */
type EventSource = "function-url" | "http-api" | "rest-api" | "load-balancer";

export interface HttpEvent {
  readonly source: EventSource;
  /** Whether the source passes a stream on; the others take whole responses. */
  readonly canStream: boolean;
  /** A load balancer that asks with lists of values takes lists. */
  readonly hasLists: boolean;
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** Of the client. */
  readonly address: string | undefined;
}

const bodyBytes = (body: string | null | undefined, isBase64: boolean): Uint8Array<ArrayBuffer> | undefined =>
  body === undefined || body === null ? undefined : Uint8Array.from(Buffer.from(body, isBase64 ? "base64" : "utf8"));

function urlOf(headers: Headers, path: string, query: string): string {
  const host = headers.get("host") ?? "localhost";
  const rest = `${path.startsWith("/") ? path : `/${path}`}${query === "" ? "" : `?${query}`}`;
  const url = `https://${host}${rest}`;
  return URL.canParse(url) ? url : `https://localhost${rest}`;
}

function headersOf(pairs: Iterable<readonly [string, string]>): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  return headers;
}

function fromSecond(e: z.output<typeof second>): HttpEvent {
  const headers = headersOf(Object.entries(e.headers));
  if (e.cookies.length > 0) headers.set("cookie", e.cookies.join("; "));
  const isUrl = e.requestContext.domainName.includes(".lambda-url.");
  const { method, sourceIp } = e.requestContext.http;
  return {
    source: isUrl ? "function-url" : "http-api",
    canStream: isUrl,
    hasLists: false,
    method,
    url: urlOf(headers, e.rawPath, e.rawQueryString),
    headers,
    body: bodyBytes(e.body, e.isBase64Encoded),
    address: sourceIp,
  };
}

const each = (
  many: Readonly<Record<string, readonly string[]>> | null | undefined,
  one: Readonly<Record<string, string>> | null | undefined,
) => (many ? Object.entries(many).flatMap(([k, values]) => values.map(v => [k, v] as const)) : Object.entries(one ?? {}));

function fromFirst(e: z.output<typeof first>): HttpEvent {
  const isBalancer = e.requestContext.elb !== undefined;
  const headers = headersOf(each(e.multiValueHeaders, e.headers));
  // a load balancer leaves the query as it was sent, an API decodes it
  const written = isBalancer ? (x: string) => x : encodeURIComponent;
  const query = each(e.multiValueQueryStringParameters, e.queryStringParameters)
    .map(([k, v]) => `${written(k)}=${written(v)}`)
    .join("&");
  return {
    source: isBalancer ? "load-balancer" : "rest-api",
    canStream: !isBalancer,
    hasLists: e.multiValueHeaders != null,
    method: e.httpMethod,
    url: urlOf(headers, e.path, query),
    headers,
    body: bodyBytes(e.body, e.isBase64Encoded),
    // the last one is what the load balancer saw itself
    address: e.requestContext.identity?.sourceIp ?? headers.get("x-forwarded-for")?.split(",").at(-1)?.trim(),
  };
}

/** Errors: deploy/event for what is no HTTP request. */
export function parseHttpEvent(json: string): HttpEvent {
  let event: unknown;
  try {
    event = JSON.parse(json);
  } catch {
    event = undefined;
  }
  try {
    const newer = second.safeParse(event);
    if (newer.success) return fromSecond(newer.data);
    const older = first.safeParse(event);
    if (older.success) return fromFirst(older.data);
  } catch (error) {
    // a header that no HTTP message has
    throw deployErrors.fail("event", { place: "Lambda event", message: `it is no HTTP request: ${(error as Error).message}` }, error);
  }
  throw deployErrors.fail("event", {
    place: "Lambda event",
    expected: "an HTTP request of a function URL, an API Gateway or a load balancer",
    received: json.slice(0, 120),
    hint: 'Invoke it by its URL, or with {"version": "2.0", "rawPath": "/v1/models", "requestContext": {"http": {"method": "GET"}}}.',
  });
}

const bodiless: readonly string[] = ["GET", "HEAD"];

/** The event as a request that `signal` ends. Errors: deploy/event for a method that no request has. */
export function requestOf(event: HttpEvent, signal: AbortSignal): Request {
  const method = event.method.toUpperCase();
  try {
    return new Request(event.url, {
      method,
      headers: event.headers,
      signal,
      ...(event.body === undefined || bodiless.includes(method) ? {} : { body: event.body }),
    });
  } catch (error) {
    throw deployErrors.fail("event", { place: "Lambda event", message: `it is no HTTP request: ${(error as Error).message}` }, error);
  }
}

/** Of one connection, which ends at Lambda. */
const hopByHop: readonly string[] = ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-authenticate", "trailer"];

const ownHeaders = (response: Response, ...without: readonly string[]): [string, string][] =>
  [...response.headers].filter(([name]) => !hopByHop.includes(name) && !without.includes(name));

/** What stands before the body of a streamed response, then eight zero bytes. */
export const streamContentType = "application/vnd.awslambda.http-integration-response";
const delimiter = Buffer.alloc(8);

export function streamPrelude(response: Response): Uint8Array {
  const headers = Object.fromEntries(ownHeaders(response, "content-length", "set-cookie"));
  const cookies = response.headers.getSetCookie();
  const head = { statusCode: response.status, headers, ...(cookies.length > 0 ? { cookies } : {}) };
  return Buffer.concat([Buffer.from(JSON.stringify(head)), delimiter]);
}

const isText = (type: string): boolean => /^(text\/|application\/(json|x-ndjson|xml|javascript|jsonl))|[+](json|xml)\b/i.test(type);

/** The body as text where it is text, else in base64. */
function bodyText(bytes: Uint8Array, type: string): { readonly body: string; readonly isBase64Encoded: boolean } {
  if (isText(type))
    try {
      return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), isBase64Encoded: false };
    } catch {
      // mislabelled: sent as it is
    }
  return { body: Buffer.from(bytes).toString("base64"), isBase64Encoded: true };
}

/** A whole response as JSON, in the form that the event's source takes. */
export function bufferedResponse({ source, hasLists }: HttpEvent, response: Response, bytes: Uint8Array): string {
  const cookies = response.headers.getSetCookie();
  const type = response.headers.get("content-type") ?? "";
  const content = bytes.length === 0 ? { body: "", isBase64Encoded: false } : bodyText(bytes, type);
  const headers = ownHeaders(response, "set-cookie");
  const head = { statusCode: response.status, ...content };
  if (source === "function-url" || source === "http-api")
    return JSON.stringify({ ...head, headers: Object.fromEntries(headers), ...(cookies.length > 0 ? { cookies } : {}) });
  const status = source === "load-balancer" ? { statusDescription: `${response.status} ${response.statusText}`.trim() } : {};
  // REST APIs take both forms together, load balancers the one that they asked in
  const all = [...headers, ...cookies.map(c => ["set-cookie", c] as const)];
  const listed = Object.fromEntries(
    [...new Set(all.map(([k]) => k))].map(name => [name, all.filter(([k]) => k === name).map(([, v]) => v)]),
  );
  return JSON.stringify({
    ...head,
    ...status,
    ...(hasLists || (source === "rest-api" && cookies.length > 0) ? { multiValueHeaders: listed } : { headers: Object.fromEntries(all) }),
  });
}
