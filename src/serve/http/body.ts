/** A request's JSON body, read with bounds: declared type, size (also of a body of unknown length), UTF-8, nesting, and only then parsed. */
import { contentCoding, decodedContent, formatBytes } from "../../base/index.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkOrigin } from "./hosts.ts";

/** A bound on a body's bytes, and what to do about it. */
interface BodyBound {
  readonly mostBytes: number;
  readonly hint: string;
}
const jsonBound: BodyBound = { mostBytes: limits.bodyBytes, hint: "Send a shorter prompt, or several requests." };

/**
 * The bytes of a body, of declared length or streamed, decoded where it is compressed, and given up as soon as they are too many. Errors: serve/tooLarge,
 * serve/mediaType for a coding other than gzip and deflate, serve/body where it is not in that coding; serve/cancelled where the client left before their end.
 */
export async function readBodyBytes(request: Request, bound: BodyBound): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await decoded(request, await receivedBytes(request, bound), bound);
  } catch (error) {
    // the socket closed while the body came: nothing of the server's failed
    if (error instanceof Error && (request.signal.aborted || (error as { code?: unknown }).code === "ECONNRESET"))
      throw serveErrors.fail("cancelled", { place: "body", message: "the client left while it sent its body" }, error);
    throw error;
  }
}

const tooLargeFor =
  ({ mostBytes, hint }: BodyBound) =>
  (received: string) =>
    serveErrors.fail("tooLarge", { place: "body", expected: `at most ${formatBytes(mostBytes)}`, received, hint });

async function decoded(request: Request, bytes: Uint8Array<ArrayBuffer>, bound: BodyBound): Promise<Uint8Array<ArrayBuffer>> {
  const coding = contentCoding(request.headers.get("content-encoding"));
  const found = await decodedContent(bytes, coding, bound.mostBytes);
  if (found === "unsupported")
    throw serveErrors.fail("mediaType", {
      place: "content-encoding",
      expected: "gzip, deflate, or none",
      received: JSON.stringify(coding!.slice(0, 60)),
    });
  if (found === "broken") throw broken("a body in the coding that content-encoding names", "other bytes");
  if (found === "tooLarge") throw tooLargeFor(bound)("more once it is decompressed");
  return found;
}

async function receivedBytes(request: Request, bound: BodyBound): Promise<Uint8Array<ArrayBuffer>> {
  const { mostBytes } = bound;
  const tooLarge = tooLargeFor(bound);
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > mostBytes) throw tooLarge(`${formatBytes(Number(declared))}`);
  // node has checked that no more comes than was declared
  if (declared !== null) return new Uint8Array(await request.arrayBuffer());
  const parts: Uint8Array[] = [];
  let size = 0;
  if (request.body)
    for await (const part of request.body) {
      size += part.length;
      if (size > mostBytes) throw tooLarge("more");
      parts.push(part);
    }
  return Buffer.concat(parts);
}

/** Depth of nested lists and objects in JSON text; linear, and right for any text (braces in strings do not count). */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
    } else if (c === "{" || c === "[") deepest = Math.max(deepest, ++depth);
    else if (c === "}" || c === "]") depth--;
  }
  return deepest;
}

interface ReadBody {
  /** Once, whatever came of it: a handler that had to wait for its model, or for leave to use it, starts again. */
  readonly bytes: Promise<Uint8Array>;
  text?: string;
  value?: Readonly<Record<string, unknown>>;
}
const read = new WeakMap<Request, ReadBody>();
/** The body as it was read, where it was. */
export const bodyRead = (request: Request): Readonly<Record<string, unknown>> | undefined => read.get(request)?.value;

const broken = (expected: string, received: string) =>
  serveErrors.fail("body", { place: "body", expected, received, hint: "Check the body that is sent." });

function decodedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw broken("UTF-8", "other bytes");
  }
}

interface ReadOptions {
  /** A contract's own parser, where JSON is not quite what it says. */
  readonly parse?: ((text: string) => unknown) | undefined;
  /** Reads bodies that are not declared as JSON, too. */
  readonly takesUndeclared?: boolean | undefined;
  /** Of those it then reads what pages of other origins send. */
  readonly isOriginTrusted?: boolean | undefined;
  /** A contract's own form of a body, where it is more than JSON. */
  readonly split?: SplitBody | undefined;
}

/** The bytes of a body's JSON, and the body once that is parsed. */
export type SplitBody = (
  bytes: Uint8Array,
  headers: Headers,
) => { readonly json: Uint8Array; whole(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> };

/** The body as an object. Errors: serve/mediaType, serve/host, serve/tooLarge, serve/body. */
export async function readJson(
  request: Request,
  { parse = JSON.parse, takesUndeclared = false, isOriginTrusted = false, split }: ReadOptions = {},
): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers.get("content-type") ?? "";
  // web pages of other origins are kept out: a browser asks leave before it sends this type, and of others it says the origin
  if (takesUndeclared) {
    if (!isOriginTrusted) checkOrigin(request);
  } else if (!/^application\/json\s*(;|$)/i.test(type))
    throw serveErrors.fail("mediaType", {
      place: "content-type",
      expected: "application/json",
      received: type ? `"${type.slice(0, 60)}"` : "none",
    });
  const known: ReadBody = read.get(request) ?? { bytes: readBodyBytes(request, jsonBound) };
  read.set(request, known);
  const bytes = await known.bytes;
  const parts = split?.(bytes, request.headers);
  known.text ??= decodedText(parts?.json ?? bytes);
  const { text } = known;
  const depth = jsonDepth(text);
  if (depth > limits.jsonDepth) throw broken(`at most ${limits.jsonDepth} levels of nesting`, `${depth}`);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw broken("JSON", text === "" ? "nothing" : error instanceof Error ? error.message : "something else");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw broken("a JSON object", Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`);
  known.value = parts ? parts.whole(value as Record<string, unknown>) : (value as Record<string, unknown>);
  return known.value;
}
