/** The HTTP message in a WARC record: status, headers and the body as a browser would have it. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { maxRecordBytes } from "../file.ts";
import { headerMap } from "./records.ts";

interface HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Chunks put together (RFC 9112, 7.1), or undefined where the body is none: crawlers often keep the header of what they undid. */
function unchunk(body: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const size =
      lineEnd < 0 ? undefined : /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(body.toString("latin1", at, Math.min(lineEnd, at + 200)))?.[1];
    if (size === undefined) return parts.length > 0 ? Buffer.concat(parts) : undefined;
    const length = Number.parseInt(size, 16);
    if (length === 0) return Buffer.concat(parts);
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}

const limit = { maxOutputLength: maxRecordBytes };
const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: body => gunzipSync(body, limit),
  "x-gzip": body => gunzipSync(body, limit),
  // Servers send both forms under this name.
  deflate: body => ((body[0]! & 0x0f) === 8 ? inflateSync(body, limit) : inflateRawSync(body, limit)),
  br: body => brotliDecompressSync(body, limit),
};

/** Parses a response; undefined where it is none. Errors: zlib's for a body that is not what its header says (or far too large). */
export function httpResponse(content: Buffer): HttpResponse | undefined {
  const end = content.indexOf("\r\n\r\n");
  const head = content.toString("latin1", 0, end < 0 ? 0 : Math.min(end, 2 ** 16));
  const status = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(head)?.[1];
  if (status === undefined) return undefined;
  const headers = headerMap(head);
  let body = content.subarray(end + 4);
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) body = unchunk(body) ?? body;
  for (const coding of (headers.get("content-encoding") ?? "").toLowerCase().split(",").reverse()) {
    const decode = decoders[coding.trim()];
    const isPlain = /^\s*</.test(body.toString("latin1", 0, 64));
    if (decode && body.length > 0 && !isPlain) body = decode(body);
  }
  return { status: Number(status), headers, body };
}
