/**
 * Records of a WARC file (ISO 28500:2017) as a stream: header lines, then as many bytes as they say. Where that is not true, what follows
 * is no record; the reader says so and goes on at the next thing that begins like one.
 */
import { maxRecordBytes } from "../file.ts";

/** Header lines longer than this in all are none. */
const maxHeaderBytes = 2 ** 16;
const mark = Buffer.from("\r\n\r\nWARC/1.");

export type WarcRecord =
  | {
      readonly ok: true;
      /** Where it begins, in bytes of the opened file. */
      readonly offset: number;
      /** By lower-case name. */
      readonly headers: ReadonlyMap<string, string>;
      readonly content: Buffer;
    }
  | { readonly ok: false; readonly offset: number; readonly reason: "warc" | "too-long"; readonly message: string };

/** A window on a stream of bytes, filled on demand. */
class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of the window's first byte in the stream. */
  offset = 0;
  private readonly source: AsyncIterator<Buffer>;
  private isEnded = false;

  constructor(pieces: AsyncIterable<Buffer>) {
    this.source = pieces[Symbol.asyncIterator]();
  }

  /**
   * Whether so many bytes are there. A quarter more is read ahead, so that many records that claim to be long, one after another, do not
   * each copy the window.
   */
  async has(n: number): Promise<boolean> {
    if (this.bytes.length >= n || this.isEnded) return this.bytes.length >= n;
    const parts = [this.bytes];
    let size = this.bytes.length;
    try {
      while (size < n + n / 4) {
        const next = await this.source.next();
        if (next.done) {
          this.isEnded = true;
          break;
        }
        parts.push(next.value);
        size += next.value.length;
      }
    } finally {
      this.bytes = Buffer.concat(parts);
    }
    return size >= n;
  }

  skip(n: number): void {
    this.bytes = this.bytes.subarray(n);
    this.offset += n;
  }
}

/** Header lines by lower-case name; the first of each name counts. */
export function headerMap(lines: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** To the next place where a record may begin, looking from `from`. */
async function toNext(window: Window, from: number): Promise<boolean> {
  window.skip(Math.min(from, window.bytes.length));
  for (;;) {
    const at = window.bytes.indexOf(mark);
    if (at >= 0) {
      window.skip(at + 4);
      return true;
    }
    window.skip(Math.max(0, window.bytes.length - mark.length + 1));
    if (!(await window.has(mark.length + 2 ** 16)) && window.bytes.indexOf(mark) < 0) return false;
  }
}

export async function* warcRecords(pieces: AsyncIterable<Buffer>): AsyncGenerator<WarcRecord> {
  const window = new Window(pieces);
  while (await window.has(1)) {
    // Empty lines between records are forgiven.
    let blank = 0;
    while (window.bytes[blank] === 13 || window.bytes[blank] === 10) blank++;
    if (blank > 0) {
      window.skip(blank);
      continue;
    }
    const { offset } = window;
    const bad = (reason: "warc" | "too-long", message: string): WarcRecord => ({ ok: false, offset, reason, message });
    await window.has(maxHeaderBytes);
    const end = window.bytes.subarray(0, maxHeaderBytes).indexOf("\r\n\r\n");
    const head = window.bytes.toString("utf8", 0, Math.max(0, end));
    if (end < 0 || !/^WARC\/1\.\d/.test(head)) {
      yield bad("warc", "expected a record that begins with WARC/1.");
      if (await toNext(window, 0)) continue;
      return;
    }
    const headers = headerMap(head);
    const length = headers.get("content-length") ?? "";
    const sizeBytes = /^\d{1,15}$/.test(length) ? Number(length) : undefined;
    const begin = end + 4;
    if (sizeBytes === undefined || sizeBytes > maxRecordBytes) {
      yield sizeBytes === undefined
        ? bad("warc", `expected a Content-Length, got "${length.slice(0, 40)}"`)
        : bad("too-long", `longer than ${maxRecordBytes} bytes`);
      if (await toNext(window, begin - 4)) continue;
      return;
    }
    const isWhole = await window.has(begin + sizeBytes);
    const behind = begin + sizeBytes;
    // Two line ends and the next record, or the end of the file (with or without them).
    await window.has(behind + 9);
    const tail = window.bytes.toString("latin1", behind, behind + 9);
    if (!isWhole || !(tail === "\r\n\r\nWARC/" || /^[\r\n]*$/.test(tail))) {
      yield bad("warc", isWhole ? `a record of ${sizeBytes} bytes does not end there` : `cut off before its ${sizeBytes} bytes`);
      if (await toNext(window, begin - 4)) continue;
      return;
    }
    yield { ok: true, offset, headers, content: window.bytes.subarray(begin, behind) };
    window.skip(behind);
  }
}
