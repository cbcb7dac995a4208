/**
 * Mails of an mbox file, streamed: a mail starts at a line "From " at the file's start or after an empty line; one ">" of a quoted
 * ">From " goes (the mboxrd rule). RFC 4155 and qmail's mbox(5) are the sources.
 */
import { maxRecordBytes, type SourceLine } from "../file.ts";

interface MboxMail {
  /** Line number of its "From " line, from 1. */
  readonly line: number;
  /** Undefined when the mail is larger than a record may be. */
  readonly bytes: Buffer | undefined;
}

const newline = Buffer.from("\n");
const isFrom = (b: Buffer) => b.length > 5 && b.toString("latin1", 0, 5) === "From ";
const isQuotedFrom = (b: Buffer) => b[0] === 0x3e && /^>+From /.test(b.toString("latin1", 0, 64));

export async function* mboxMails(lines: AsyncIterable<SourceLine>): AsyncGenerator<MboxMail> {
  let parts: Buffer[] = [];
  let size = 0;
  let start = 0;
  let tooLong = false;
  let afterEmpty = true;
  const take = (): MboxMail => ({ line: start, bytes: tooLong ? undefined : Buffer.concat(parts) });
  for await (const { bytes, number } of lines) {
    if (bytes && afterEmpty && isFrom(bytes)) {
      if (start > 0) yield take();
      parts = [];
      size = 0;
      tooLong = false;
      start = number;
      afterEmpty = false;
      continue;
    }
    // Text before the first "From " line belongs to a mail too: the file is then a single mail.
    if (start === 0) start = number;
    afterEmpty = bytes?.length === 0;
    size += (bytes?.length ?? maxRecordBytes + 1) + 1;
    if (size > maxRecordBytes) {
      tooLong = true;
      parts = [];
    } else if (bytes) parts.push(isQuotedFrom(bytes) ? bytes.subarray(1) : bytes, newline);
  }
  if (start > 0) yield take();
}
