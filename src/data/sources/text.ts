/** The text reader: a file is a document. UTF-16 by its byte order mark, otherwise the source's `encoding`; wrong bytes set it aside. */

import { decodeBytes } from "../windows-1252.ts";
import { charsetOf } from "./email/charset.ts";
import { maxRecordBytes, type SourceFile } from "./file.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";

/** Above this share of control characters it is a picture or a program that lost its way. */
const maxControlShare = 0.02;

export function isBinary(text: string): boolean {
  let control = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    // Tab, line feed, form feed, carriage return and escape (of terminals and ISO-2022 texts) are text.
    if (c < 32 && c !== 9 && c !== 10 && c !== 12 && c !== 13 && c !== 27) control++;
  }
  return control > maxControlShare * text.length;
}

type Decoded = { readonly text: string } | { readonly reason: string; readonly message: string };

/** The text of bytes in `encoding`, UTF-16 by its byte order mark, or why they are none. */
export function decodeText(bytes: Buffer, encoding: string): Decoded {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  const charset = utf16 ?? charsetOf(encoding);
  if (charset === undefined) return { reason: "unknown-charset", message: `no such encoding: ${encoding}` };
  let text: string;
  try {
    text = decodeBytes(bytes, charset, true);
  } catch {
    const message = isBinary(bytes.toString("latin1")) ? "no text" : `not ${charset}; name its \`encoding\``;
    return { reason: message === "no text" ? "binary" : "wrong-charset", message };
  }
  return refuseText(text) ?? { text };
}

/** Why a text is none. */
export function refuseText(text: string): { readonly reason: string; readonly message: string } | undefined {
  if (isBinary(text)) return { reason: "binary", message: "control characters instead of text" };
  return text.trim() === "" ? { reason: "empty", message: "no text" } : undefined;
}

/** The text of a file that is one record. */
export async function wholeText(file: SourceFile, encoding: string): Promise<Decoded> {
  if (file.sizeBytes > maxRecordBytes) return { reason: "too-long", message: `longer than ${maxRecordBytes} bytes` };
  return decodeText(await file.bytes(), encoding);
}

export const textFileReader: Reader = {
  name: "text",
  version: 1,
  extensions: [".txt", ".md", ".text"],
  async *records(file, options) {
    const place = file.path;
    const whole = await wholeText(file, options.encoding);
    if ("reason" in whole) yield { ok: false, place, ...whole };
    else {
      const attributes = labelOf(place, options.labels);
      yield { ok: true, place, key: withoutExtension(file.name), text: whole.text, attributes, edits: [] };
    }
  },
};
