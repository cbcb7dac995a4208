/** The mail reader: single messages (.eml, .txt), mailboxes (.mbox), and JSON whose field holds a raw message. Text = subject, empty line, body. */
import { sha256 } from "../../../base/index.ts";
import { fieldOf } from "../fields.ts";
import { maxRecordBytes, type SourceFile } from "../file.ts";
import { jsonRecords } from "../json.ts";
import { labelOf, withoutExtension } from "../labels.ts";
import type { SourceOptions } from "../options.ts";
import type { Reader, ReadRecord } from "../source.ts";
import { isBinary } from "../text.ts";
import { decodeMail } from "./decode.ts";
import { mboxMails } from "./mbox.ts";

/** How mail collections name their folders: SpamAssassin's `easy_ham`, Enron-Spam's `ham` and `spam`. */
const usualLabels = { spam: ["**/*spam*/**/*"], ham: ["**/*ham*/**/*"] };

async function record(
  raw: Uint8Array | undefined,
  isText: boolean,
  at: { place: string; key: string; path: string },
  options: SourceOptions,
): Promise<ReadRecord> {
  const bad = (reason: string, message: string): ReadRecord => ({ ok: false, place: at.place, reason, message });
  if (raw === undefined) return bad("too-long", `longer than ${maxRecordBytes} bytes`);
  if (raw.length === 0) return bad("empty", "no bytes");
  try {
    const mail = await decodeMail(raw, isText);
    const text = [mail.subject, mail.body].filter(t => t.trim() !== "").join("\n\n");
    if (text === "") return bad("empty", "neither a subject nor a text part");
    if (isBinary(text)) return bad("binary", "control characters instead of text");
    return {
      ok: true,
      ...at,
      text,
      attributes: { ...labelOf(at.path, options.labels ?? usualLabels), ...mail.attributes },
      edits: mail.edits,
    };
  } catch (error) {
    return bad("mime", (error as Error).message);
  }
}

export const emailReader: Reader = {
  name: "email",
  version: 2,
  extensions: [".eml", ".txt", ".mbox"],
  async *records(file: SourceFile, options: SourceOptions) {
    const { path, name } = file;
    if (/(?:^|\/|\.)mbox$/.test(name)) {
      for await (const { line, bytes } of mboxMails(file.lines())) {
        const key = `${path}#${bytes ? sha256(bytes).slice(0, 12) : line}`;
        yield await record(bytes, false, { place: `${path}:${line}`, key, path }, options);
      }
    } else if (/\.jsonl?$/.test(name)) {
      for await (const r of jsonRecords(file, fieldOf(options))) {
        yield r.ok ? await record(Buffer.from(r.text), true, { place: r.place, key: r.key, path }, options) : r;
      }
    } else {
      const at = { place: path, key: withoutExtension(name), path };
      yield await record(file.sizeBytes > maxRecordBytes ? undefined : await file.bytes(), false, at, options);
    }
  },
};
