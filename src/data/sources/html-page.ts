/** The page reader: an HTML file is a document, its main text or all of it, in the character set it is really in. */
import { isUtf8 } from "node:buffer";
import type { DocumentAttributes } from "../document.ts";
import type { LedgerEdit } from "../ledger.ts";
import { decodeBytes } from "../windows-1252.ts";
import { charsetOf, declaredCharset } from "./email/charset.ts";
import { maxRecordBytes } from "./file.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import { pageText } from "./main-text/main-text.ts";
import type { Reader } from "./source.ts";
import { refuseText } from "./text.ts";

type PageDocument =
  | { readonly text: string; readonly attributes: DocumentAttributes; readonly edits: readonly LedgerEdit[] }
  | { readonly reason: string; readonly message: string };

/** Where markup names its character set it does so in the beginning (the HTML standard says 1,024 bytes; real pages are later). */
const headBytes = 4096;

/** A page of bytes as text. `label` is what its carrier (HTTP, an option) says of its character set; evidence comes before any label. */
export function pageDocument(bytes: Buffer, extract: "main" | "all" | undefined, label: string | undefined): PageDocument {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  const edits: LedgerEdit[] = [];
  let charset = utf16 ?? (isUtf8(bytes) ? "utf-8" : undefined);
  if (charset === undefined) {
    const named = label === undefined ? undefined : charsetOf(label);
    const markup = declaredCharset(bytes.toString("latin1", 0, headBytes));
    // Neither label can be true where it says UTF-8: the bytes are not. Nor can markup that is read as ASCII be UTF-16.
    const declared = [named, markup?.startsWith("utf-16") ? undefined : markup].find(c => c !== undefined && c !== "utf-8");
    charset = declared ?? "windows-1252";
    if (declared === undefined) edits.push({ rule: "undeclared-charset", value: charset });
  }
  const { text, title, language } = pageText(decodeBytes(bytes, charset), extract);
  const why = refuseText(text);
  if (why) return why;
  return { text, attributes: { ...(title ? { title } : {}), ...(language ? { language } : {}) }, edits };
}

export const html: Reader = {
  name: "html",
  version: 2,
  extensions: [".html", ".htm", ".xhtml"],
  async *records(file, { extract, encoding, labels }) {
    const place = file.path;
    if (file.sizeBytes > maxRecordBytes) {
      yield { ok: false, place, reason: "too-long", message: `longer than ${maxRecordBytes} bytes` };
      return;
    }
    const page = pageDocument(await file.bytes(), extract, encoding);
    if ("reason" in page) yield { ok: false, place, ...page };
    else
      yield { ok: true, place, key: withoutExtension(file.name), ...page, attributes: { ...labelOf(place, labels), ...page.attributes } };
  },
};
