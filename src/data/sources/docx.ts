/** The Word reader (mammoth): a .docx file is a document, its text without form. */
import { inflateRawSync } from "node:zlib";
import { BadFile } from "./bad-file.ts";
import { maxRecordBytes } from "./file.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";
import { refuseText } from "./text.ts";

/** XML that is taken apart as a tree costs some ten times its size. */
const maxXmlBytes = 2 ** 25;

/** What the XML in a zip archive really unpacks to, whatever its directory says (APPNOTE 4.3). Errors: `BadFile` "damaged", "bomb". */
function checkZip(zip: Buffer): void {
  // The end record is 22 bytes and a comment of at most 65,535.
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0 || end + 22 > zip.length) throw new BadFile("damaged", "zip: no directory; the file may be cut off");
  let left = maxXmlBytes;
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== 0x02014b50) throw new BadFile("damaged", "zip: the directory is broken");
    const method = zip.readUInt16LE(at + 10);
    const packed = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    if (!/\.(?:xml|rels)$/i.test(name)) continue;
    if (local + 30 > zip.length) throw new BadFile("damaged", `zip: ${name} is missing`);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(begin, begin + packed);
    let size = content.length;
    if (method === 8)
      try {
        size = inflateRawSync(content, { maxOutputLength: Math.max(1, left) }).length;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE")
          throw new BadFile("damaged", `zip: ${name}: ${(error as Error).message}`);
        size = left + 1;
      }
    left -= size;
    if (left < 0) throw new BadFile("bomb", `its XML unpacks to more than ${maxXmlBytes} bytes`);
  }
}

export const docx: Reader = {
  name: "docx",
  version: 1,
  extensions: [".docx"],
  async *records(file, { labels }) {
    const place = file.path;
    if (file.sizeBytes > maxRecordBytes) throw new BadFile("too-long", `longer than ${maxRecordBytes} bytes`);
    const buffer = await file.bytes();
    if (buffer.length === 0) throw new BadFile("empty", "no bytes");
    checkZip(buffer);
    const { default: mammoth } = await import("mammoth");
    let text: string;
    try {
      text = (await mammoth.extractRawText({ buffer })).value.trim();
    } catch (error) {
      throw new BadFile("docx", (error as Error).message);
    }
    const why = refuseText(text);
    if (why) yield { ok: false, place, ...why };
    else yield { ok: true, place, key: withoutExtension(file.name), text, attributes: labelOf(place, labels), edits: [] };
  },
};
