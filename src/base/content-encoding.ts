/** A body as its `Content-Encoding` says: plain or gzip, with a bound on what it becomes. No other coding: what few clients send is not worth the code that reads it. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

const inflate = promisify(gunzip);

type ContentFault = "unsupported" | "broken" | "tooLarge";

/** The coding of a header's value; undefined where the body is plain. */
export function contentCoding(header: string | null): string | undefined {
  const coding = (header ?? "").trim().toLowerCase();
  return coding === "" || coding === "identity" ? undefined : coding;
}

/** The bytes, or why there are none. */
export async function decodedContent(
  bytes: Uint8Array<ArrayBuffer>,
  coding: string | undefined,
  mostBytes: number,
): Promise<Uint8Array<ArrayBuffer> | ContentFault> {
  if (coding === undefined) return bytes;
  if (coding !== "gzip" && coding !== "x-gzip") return "unsupported";
  try {
    return await inflate(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "tooLarge" : "broken";
  }
}
