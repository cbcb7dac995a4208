/**
 * The short way for mails of one unencoded text part, which most are: headers and body without a MIME parser. It gives what postal-mime
 * gives (a test holds one against the other on real mail) in a tenth of the time; anything unusual is left to the parser.
 */
import type { Email } from "postal-mime";
import { defined } from "../../../base/index.ts";
import { decodeBytes } from "../../windows-1252.ts";
import { charsetOf } from "./charset.ts";
import { postalMime } from "./postal-mime.ts";

export type ReadMail = Pick<Email, "subject" | "from" | "date" | "text" | "html" | "attachments">;

/** Headers before the first empty line, the first of each name, unfolded. */
function headersOf(head: string): Map<string, string> {
  const headers = new Map<string, string>();
  const folded: string[][] = [];
  for (const line of head.split("\n")) {
    if (folded.length > 0 && /^[ \t]/.test(line)) folded.at(-1)!.push(line);
    else folded.push([line]);
  }
  for (const parts of folded) {
    const line = parts.join("");
    const colon = line.indexOf(":");
    const name = line.slice(0, colon < 0 ? line.length : colon).toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** Reads a mail (as Latin-1, lines ended by `\n`), or undefined when it needs a parser. */
export function readSimple(latin: string): ReadMail | undefined {
  const empty = latin.indexOf("\n\n");
  if (empty < 0 || /[\r]/.test(latin)) return undefined;
  const headers = headersOf(latin.slice(0, empty));
  const type = headers.get("content-type") ?? "text/plain";
  const encoding = headers.get("content-transfer-encoding") ?? "";
  const kind = /^text\/(plain|html)\s*(?:;|$)/i.exec(type)?.[1]?.toLowerCase();
  if (kind === undefined || /[()]|format\s*=|charset.*charset/i.test(type) || /base64|quoted-printable|\(/i.test(encoding))
    return undefined;
  if (headers.has("content-disposition")) return undefined;
  const label = /;\s*charset\s*=\s*("[^"]*"|[^\s;"]+)/i.exec(type)?.[1];
  const charset = label === undefined ? "utf-8" : charsetOf(label);
  if (charset === undefined) return undefined;

  const text = (value: string | undefined) => (value === undefined ? undefined : Buffer.from(value, "latin1").toString("utf8"));
  const body = decodeBytes(Buffer.from(latin.slice(empty + 2), "latin1"), charset);
  const [subject, from, day] = [text(headers.get("subject")), text(headers.get("from")), headers.get("date")];
  const sender = from ? postalMime().addressParser(from)[0] : undefined;
  const date = day === undefined ? undefined : new Date(day);
  return {
    attachments: [],
    ...(subject ? { subject: postalMime().decodeWords(subject) } : {}),
    ...defined({ from: sender }),
    ...(date && !Number.isNaN(date.getTime()) ? { date: date.toISOString() } : {}),
    ...(kind === "html" ? { html: body } : { text: body }),
  };
}
