/**
 * The WARC reader: every page that a crawl got (HTTP 2xx, HTML or plain text; `conversion` records of WET files too) is a document. Other
 * records (requests, pictures, errors) are passed over: they are not bad, only no text.
 */
import { sha256 } from "../../../base/index.ts";
import { charsetOf } from "../email/charset.ts";
import { pageDocument } from "../html-page.ts";
import { labelOf } from "../labels.ts";
import type { SourceOptions } from "../options.ts";
import type { Reader, ReadRecord } from "../source.ts";
import { decodeText } from "../text.ts";
import { httpResponse } from "./http.ts";
import { type WarcRecord, warcRecords } from "./records.ts";

function document(record: Extract<WarcRecord, { ok: true }>, path: string, options: SourceOptions): ReadRecord | undefined {
  const { headers, offset } = record;
  const place = `${path}@${offset}`;
  const type = headers.get("warc-type");
  let contentType = headers.get("content-type") ?? "";
  let body = record.content;
  if (type === "response") {
    let response: ReturnType<typeof httpResponse>;
    try {
      response = httpResponse(body);
    } catch (error) {
      const isBomb = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      return { ok: false, place, reason: isBomb ? "bomb" : "damaged", message: `body: ${(error as Error).message}` };
    }
    if (!response || response.status < 200 || response.status > 299) return undefined;
    contentType = response.headers.get("content-type") ?? "";
    body = response.body;
  } else if (type !== "conversion" && type !== "resource") return undefined;

  const label = /charset\s*=\s*["']?([\w.:-]{2,40})/i.exec(contentType)?.[1];
  const isHtml = /^\s*(?:text\/html|application\/xhtml)/i.test(contentType);
  if (!isHtml && !/^\s*text\/plain/i.test(contentType)) return undefined;
  const charset = label && charsetOf(label) ? label : options.encoding;
  const plain = () => {
    const decoded = decodeText(body, charset);
    return "reason" in decoded ? decoded : { ...decoded, attributes: {}, edits: [] };
  };
  const decoded = isHtml ? pageDocument(body, options.extract, label) : plain();
  if ("reason" in decoded) return { ok: false, place, ...decoded };
  const url = headers.get("warc-target-uri")?.replace(/^<|>$/g, "");
  const date = headers.get("warc-date");
  const id = /urn:uuid:([0-9a-f-]{36})/i.exec(headers.get("warc-record-id") ?? "")?.[1] ?? sha256(decoded.text).slice(0, 12);
  return {
    ok: true,
    place,
    key: `${path}#${id}`,
    text: decoded.text,
    attributes: { ...labelOf(path, options.labels), ...(url ? { url } : {}), ...(date ? { date } : {}), ...decoded.attributes },
    edits: decoded.edits,
  };
}

export const warc: Reader = {
  name: "warc",
  version: 2,
  extensions: [".warc", ".wet"],
  async *records(file, options) {
    const { path } = file;
    for await (const record of warcRecords(file.pieces())) {
      if (!record.ok) {
        const { offset, reason, message } = record;
        yield { ok: false, place: `${path}@${offset}`, reason, message };
        continue;
      }
      const read = document(record, path, options);
      if (read) yield read;
    }
  },
};
