/**
 * A raw mail (RFC 822, MIME) to subject and body text. postal-mime does the parsing; here is what real mail needs around it: character
 * sets that are missing or unknown, plain text against markup, forwarded mails, and a named note for everything that was guessed.
 */

import type { DocumentAttributes } from "../../document.ts";
import type { LedgerEdit } from "../../ledger.ts";
import { decodeBytes, restoreWindows1252 } from "../../windows-1252.ts";
import { htmlToText, markupStart } from "../html.ts";
import { charsetOf, declaredCharset, guessCharset } from "./charset.ts";
import { postalMime } from "./postal-mime.ts";
import { type ReadMail, readSimple } from "./simple.ts";

/** A mail nested deeper than this is set aside: real mail has five levels, an attack has thousands. */
const maxNesting = 64;
/** Forwarded mails inside forwarded mails that are still read. */
const maxForwarded = 5;

interface DecodedMail {
  readonly subject: string;
  readonly body: string;
  readonly attributes: DocumentAttributes;
  readonly edits: readonly LedgerEdit[];
}

const contentType = /^content-type:[^\n]*(?:\n[ \t][^\n]*)*/gim;
const charsetParameter = /(charset\s*=\s*)("[^"\n]*"|[^\s;"]+)/i;

/** Length of everything before the first empty line. */
function headerEnd(latin: string): number {
  const at = latin.indexOf("\n\n");
  return at < 0 ? latin.length : at;
}

/** Whether a position is in the mail's own headers or in a part's: the block since the last empty line holds a boundary line. */
function inHeaders(latin: string, at: number): boolean {
  const empty = latin.lastIndexOf("\n\n", at);
  return empty < 0 || /^--/m.test(latin.slice(empty + 2, at));
}

/** Text that may stand before the first part of a mail whose header lost its boundary; more is a mail that shows another's source. */
const maxLostPreamble = 200;

/** Gives a mail whose body is plainly multipart, but whose header does not say so, its header back. */
function restoreMultipart(latin: string, edits: LedgerEdit[]): string {
  const end = headerEnd(latin);
  const lost = /\n--([^\s"]{1,70})\ncontent-[a-z-]{1,40}:/i.exec(latin.slice(end, end + maxLostPreamble));
  if (!lost || /^content-type:\s*multipart/im.test(latin.slice(0, end))) return latin;
  edits.push({ rule: "lost-multipart", value: lost[1]! });
  return `Content-Type: multipart/mixed; boundary="${lost[1]}"\n${latin}`;
}

/** Cuts what a mailing list appended behind a base64 body, where a decoder would take it for more of the same. */
function cutBehindBase64(latin: string, edits: LedgerEdit[]): string {
  const end = headerEnd(latin);
  const head = latin.slice(0, end);
  if (!/^content-transfer-encoding:\s*base64/im.test(head) || /^content-type:\s*multipart/im.test(head)) return latin;
  const junk = /^(?=[^\n]*[^A-Za-z0-9+/=\s])[^\n]+$/m.exec(latin.slice(end));
  if (!junk) return latin;
  edits.push({ rule: "base64-junk", value: latin.length - end - junk.index });
  return latin.slice(0, end + junk.index);
}

/** The bytes that show which character set a mail is in: as they are, or behind its transfer encoding. */
function evidence(latin: string, bytes: Buffer): Buffer {
  const encoding = /^content-transfer-encoding:\s*(quoted-printable|base64)/im.exec(latin)?.[1]?.toLowerCase();
  if (encoding === "base64") return Buffer.from(latin.slice(headerEnd(latin)), "base64");
  if (encoding === undefined) return bytes;
  const plain = latin.replaceAll("=\n", "").replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}

/** Every text part names a character set that exists; returns the mail (as Latin-1) and the set of its first text. */
function nameCharsets(latin: string, bytes: Buffer, isText: boolean, edits: LedgerEdit[]): { latin: string; charset: string } {
  const has8bit = /[\x80-\xff]/.test(latin);
  const encoded = /^content-transfer-encoding:\s*(?:quoted-printable|base64)/im.test(latin);
  let guessed: string | undefined;
  const guess = () => {
    guessed ??= guessCharset(evidence(latin, bytes), latin);
    return guessed;
  };
  const noteGuess = (charset: string) => {
    if (charset !== "utf-8" && charset !== declaredCharset(latin)) edits.push({ rule: "undeclared-charset", value: charset });
  };
  let first: string | undefined;
  let top = false;
  const end = headerEnd(latin);
  const use = (header: string, label: string | undefined, charset: string) => {
    first ??= charset;
    return label === undefined ? `${header}; charset=${charset}` : header.replace(charsetParameter, `$1${charset}`);
  };
  const named = latin.replace(contentType, (header, at: number) => {
    if (!inHeaders(latin, at)) return header;
    if (at < end) top = true;
    if (!/^content-type:\s*(?:text\/|$|;)/i.test(header)) return header;
    const label = charsetParameter.exec(header)?.[2];
    // The text was decoded before it came here (a JSON field): its characters are already what they should be.
    if (isText && has8bit && !encoded) return use(header, label, "utf-8");
    const known = label === undefined ? undefined : charsetOf(label);
    if (known !== undefined && !(has8bit && /ascii/i.test(label!))) return use(header, label, known);
    const charset = guess();
    if (label !== undefined && known === undefined)
      edits.push({ rule: "unknown-charset", value: `${label.replaceAll('"', "")} read as ${charset}` });
    else noteGuess(charset);
    return use(header, label, charset);
  });
  if (top || !has8bit) return { latin: named, charset: first ?? "utf-8" };
  const charset = isText ? "utf-8" : guess();
  noteGuess(charset);
  return { latin: `Content-Type: text/plain; charset=${charset}\n${named}`, charset: first ?? charset };
}

/** The subject's own bytes in the mail's character set, for mailers that wrote it there raw. */
function rawSubject(latin: string, charset: string): string | undefined {
  const header = /^subject:([^\n]*(?:\n[ \t][^\n]*)*)/im.exec(latin.slice(0, headerEnd(latin)))?.[1];
  if (header === undefined || !/[\x80-\xff]/.test(header)) return undefined;
  return decodeBytes(Buffer.from(header.replaceAll("\n", ""), "latin1"), charset).trim();
}

function addressOf(from: ReadMail["from"]): string | undefined {
  const address = (from?.address ?? from?.group?.[0]?.address)?.trim().toLowerCase();
  return address && address.length <= 254 && address.includes("@") ? address : undefined;
}

/** ISO day of a date header that can be true: e-mail began in 1971, and clocks of spammers run ahead. */
function dayOf(date: string | undefined): string | undefined {
  const day = /^(\d{4})-\d\d-\d\d/.exec(date ?? "");
  return day && Number(day[1]) >= 1971 && Number(day[1]) <= 2100 ? day[0] : undefined;
}

/** The body a person reads: the plain side of an alternative, else the page turned to text. */
function bodyOf(mail: ReadMail, latin: string, edits: LedgerEdit[]): { body: string; format: "plain" | "html" } {
  const { text = "", html = "" } = mail;
  const alternative = /^content-type:\s*multipart\/alternative/im.test(latin);
  if (html !== "" && (text.trim() === "" || !alternative)) return { body: htmlToText(html), format: "html" };
  const at = markupStart(text);
  if (at !== undefined) {
    edits.push({ rule: "html-in-plain", value: text.length - at });
    return { body: [text.slice(0, at).trim(), htmlToText(text.slice(at))].filter(t => t !== "").join("\n\n"), format: "html" };
  }
  return { body: text, format: "plain" };
}

/** The mail through the MIME parser. */
export const parseMail = (latin: string): Promise<ReadMail> =>
  postalMime().default.parse(Buffer.from(latin, "latin1"), { maxNestingDepth: maxNesting, forceRfc822Attachments: true });

/** A mail taken apart, its text parts in their true character sets. `isText` says that the bytes are UTF-8 of an already decoded text. */
export async function readMail(
  raw: Uint8Array,
  isText = false,
): Promise<{ readonly mail: ReadMail; readonly latin: string; readonly charset: string; readonly edits: LedgerEdit[] }> {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  // A line "From sender date" in front belongs to the mailbox file, not to the mail.
  const whole = bytes
    .toString("latin1")
    .replaceAll("\r\n", "\n")
    .replace(/^>?From [^\n]*\n/, "");
  const edits: LedgerEdit[] = [];
  const { latin, charset } = nameCharsets(cutBehindBase64(restoreMultipart(whole, edits), edits), bytes, isText, edits);
  return { mail: readSimple(latin) ?? (await parseMail(latin)), latin, charset, edits };
}

/**
 * Decodes one mail. `isText` says that the bytes are UTF-8 of an already decoded text. Rejects with the parser's error where the
 * structure is hostile (nesting, header size); everything else gives a text.
 */
export async function decodeMail(raw: Uint8Array, isText = false, depth = 0): Promise<DecodedMail> {
  const { mail, latin, charset, edits } = await readMail(raw, isText);

  for (const { 0: header, index } of latin.matchAll(contentType)) {
    const [, quoted, bare] = /boundary\s*=\s*(?:"([^"\n]+)"|([^\s;"]+))/i.exec(header) ?? [];
    const boundary = quoted ?? bare;
    if (boundary === undefined || !inHeaders(latin, index)) continue;
    if (!latin.includes(`--${boundary}--`)) edits.push({ rule: "truncated-mime", value: "a part's end is missing" });
  }
  let subject = mail.subject ?? "";
  if (subject.includes("\ufffd")) subject = rawSubject(latin, charset) ?? subject;
  const own = bodyOf(mail, latin, edits);
  const bodies = [own.body];
  for (const part of mail.attachments) {
    if (part.mimeType !== "message/rfc822" || depth >= maxForwarded || typeof part.content === "string") continue;
    const inner = await decodeMail(new Uint8Array(part.content), isText, depth + 1);
    bodies.push([inner.subject, inner.body].filter(t => t !== "").join("\n\n"));
    edits.push({ rule: "forwarded-mail", value: "read with the mail around it" }, ...inner.edits);
  }
  const from = addressOf(mail.from);
  const date = dayOf(mail.date);
  return {
    subject: restoreWindows1252(subject).replace(/\s+/g, " ").trim(),
    body: restoreWindows1252(bodies.filter(b => b.trim() !== "").join("\n\n")).replace(/\n$/, ""),
    attributes: { format: own.format, ...(date ? { date } : {}), ...(from ? { from } : {}) },
    edits,
  };
}
