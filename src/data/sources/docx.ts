/** The Word reader (mammoth): a .docx file is a document, its text without form. */
import { BadFile } from "./bad-file.ts";
import { maxRecordBytes, type SourceFile } from "./file.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";
import { refuseText } from "./text.ts";

/** XML that is taken apart as a tree costs some ten times its size. */
const maxXmlBytes = 2 ** 25;

/** What the XML in the archive really unpacks to, whatever its directory says. Errors: `BadFile` "damaged", "bomb". */
async function checkXml(file: SourceFile): Promise<void> {
  const { openZip } = await import("./archive/zip.ts");
  const zip = await openZip(file);
  let left = maxXmlBytes;
  try {
    for (const { name, content, refused } of zip.members) {
      if (!/\.(?:xml|rels)$/i.test(name)) continue;
      if (refused !== undefined) throw refused;
      for await (const piece of content!()) {
        left -= piece.length;
        if (left < 0) throw new BadFile("bomb", `its XML unpacks to more than ${maxXmlBytes} bytes`);
      }
    }
  } finally {
    await zip.close();
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
    await checkXml(file);
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
