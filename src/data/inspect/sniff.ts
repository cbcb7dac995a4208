/** What the first bytes of a file say: its encoding, and what parts the columns of a table. */
import { isUtf8 } from "node:buffer";
import { charsetOf } from "../sources/email/charset.ts";
import { decodeBytes } from "../windows-1252.ts";

/** Bytes that are looked at. */
export const sniffBytes = 2 ** 18;

/** Where bytes end in the middle of a character, without it. */
const withoutCut = (bytes: Buffer): Buffer => {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) return bytes.subarray(0, bytes.length - back);
    if (byte < 0x80) break;
  }
  return bytes;
};

/** The encoding of a text that begins with these bytes: by its mark, by where its NUL bytes are, UTF-8 where it is valid, else windows-1252. */
export function encodingOf(head: Buffer, isWhole: boolean): string {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  const nuls = [0, 0];
  for (let at = 0; at < head.length; at++) if (head[at] === 0) nuls[at % 2]!++;
  const half = head.length / 2;
  if (nuls[1]! > 0.3 * half && nuls[0]! < 0.05 * half) return "utf-16le";
  if (nuls[0]! > 0.3 * half && nuls[1]! < 0.05 * half) return "utf-16be";
  return isUtf8(isWhole ? head : withoutCut(head)) ? "utf-8" : "windows-1252";
}

export const headText = (head: Buffer, encoding: string): string =>
  decodeBytes(head, charsetOf(encoding) ?? "utf-8").replace(/^\ufeff/, "");

const delimiters = [",", ";", "\t", "|"] as const;
/** Rows that are looked at. */
const mostRows = 500;

/** Cells of rows, the last of which may be cut; undefined where these are no rows parted so. */
async function rowsBy(text: string, delimiter: string): Promise<string[][] | undefined> {
  const { parse } = await import("csv-parse/sync");
  try {
    return parse(text, { delimiter, relax_column_count: true, relax_quotes: true, to: mostRows, skip_empty_lines: true });
  } catch {
    return undefined;
  }
}

/** What parts the columns: that by which most rows have as many cells as the first, and more than one; then by the number of columns. */
export async function delimiterOf(text: string): Promise<{ readonly delimiter: string; readonly rows: readonly string[][] }> {
  const tried = await Promise.all(
    delimiters.map(async delimiter => {
      const rows = (await rowsBy(text, delimiter)) ?? [];
      const columns = rows[0]?.length ?? 0;
      const alike = rows.filter(r => r.length === columns).length / Math.max(1, rows.length);
      return { delimiter, rows, score: columns > 1 ? alike * 100 + Math.min(columns, 50) / 100 : 0 };
    }),
  );
  const best = tried.reduce((a, b) => (b.score > a.score ? b : a));
  return { delimiter: best.delimiter, rows: best.rows };
}
