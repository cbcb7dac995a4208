/** The text reader: a file is a document. UTF-16 by its byte order mark, otherwise the source's `encoding`; wrong bytes set it aside. */

import { decodeBytes } from "../windows-1252.ts";
import { charsetOf } from "./email/charset.ts";
import { maxRecordBytes } from "./file.ts";
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

export const text: Reader = {
  name: "text",
  version: 1,
  extensions: [".txt", ".md", ".text"],
  async *records(file, options) {
    const place = file.path;
    if (file.sizeBytes > maxRecordBytes) {
      yield { ok: false, place, reason: "too-long", message: `longer than ${maxRecordBytes} bytes` };
      return;
    }
    const bytes = await file.bytes();
    const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
    const charset = utf16 ?? charsetOf(options.encoding);
    if (charset === undefined) {
      yield { ok: false, place, reason: "unknown-charset", message: `no such encoding: ${options.encoding}` };
      return;
    }
    let decoded: string;
    try {
      decoded = decodeBytes(bytes, charset, true);
    } catch {
      const message = isBinary(bytes.toString("latin1")) ? "no text" : `not ${charset}; name its \`encoding\``;
      yield { ok: false, place, reason: message === "no text" ? "binary" : "wrong-charset", message };
      return;
    }
    if (isBinary(decoded)) yield { ok: false, place, reason: "binary", message: "control characters instead of text" };
    else if (decoded.trim() === "") yield { ok: false, place, reason: "empty", message: "no text" };
    else yield { ok: true, place, key: withoutExtension(place), text: decoded, attributes: labelOf(place, options.labels), edits: [] };
  },
};
