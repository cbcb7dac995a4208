/** A file of the page's own folder, compared with its digest. */
import type { WebFile } from "../manifest.ts";

const hex = (bytes: ArrayBuffer): string => Array.from(new Uint8Array(bytes), b => b.toString(16).padStart(2, "0")).join("");

/** Bytes as they arrive, so that a download can be shown. */
async function readWhole(response: Response, sizeBytes: number, heard: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    if (at + piece.length > sizeBytes) return new Uint8Array(0);
    whole.set(piece, at);
    at += piece.length;
    heard(piece.length);
  }
  return whole.subarray(0, at);
}

/** Throws an Error that names the file where it is missing, cut or changed. */
export async function fetchFile(
  folder: URL,
  file: WebFile,
  heard: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(file.path, folder), signal ? { signal } : {});
  if (!response.ok || !response.body)
    throw new Error(`${file.path}: expected the file, got HTTP ${response.status}. Copy the whole folder.`);
  const bytes = await readWhole(response, file.sizeBytes, heard);
  if (bytes.length !== file.sizeBytes)
    throw new Error(`${file.path}: expected ${file.sizeBytes} bytes, got ${bytes.length || "more"}. Copy the folder again.`);
  if (!globalThis.crypto?.subtle) throw new Error("The page cannot compare digests here: open it over HTTPS, or from localhost.");
  const digest = hex(await crypto.subtle.digest("SHA-256", bytes));
  if (digest !== file.digest)
    throw new Error(`${file.path}: expected the digest ${file.digest}, got ${digest}. The file was changed; copy the folder again.`);
  return bytes;
}
