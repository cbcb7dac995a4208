/** A body as its `Content-Encoding` says: plain, gzip or deflate, with a bound on what it becomes. */
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";

/** HTTP's deflate is a zlib stream (RFC 9110, 8.4.1.2). */
const decoders = { gzip: promisify(gunzip), "x-gzip": promisify(gunzip), deflate: promisify(inflate) } as const;
type Coding = keyof typeof decoders;
const isCoding = (name: string): name is Coding => Object.hasOwn(decoders, name);

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
  if (!isCoding(coding)) return "unsupported";
  try {
    return await decoders[coding](bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "tooLarge" : "broken";
  }
}
