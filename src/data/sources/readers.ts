/** The readers by name. Adding one is a file and a row. What is wrong with a file as a whole is set aside here, for all of them. */
import { BadFile } from "./bad-file.ts";
import { csv } from "./csv.ts";
import { docx } from "./docx.ts";
import { emailReader } from "./email/reader.ts";
import { html } from "./html-page.ts";
import { huggingface } from "./huggingface/reader.ts";
import { jsonl } from "./json.ts";
import { markdown } from "./markdown.ts";
import type { ReaderName } from "./options.ts";
import { parquet } from "./parquet.ts";
import { pdf } from "./pdf/reader.ts";
import type { Reader } from "./source.ts";
import { textFileReader } from "./text.ts";
import { warc } from "./warc/reader.ts";
import { xlsx } from "./xlsx/reader.ts";

const guarded = (reader: Reader): Reader => ({
  ...reader,
  async *records(file, options) {
    try {
      yield* reader.records(file, options);
    } catch (error) {
      if (!(error instanceof BadFile)) throw error;
      yield { ok: false, place: error.place ?? file.path, reason: error.reason, message: error.message };
    }
  },
});

export const readers: { readonly [N in ReaderName]: Reader } = {
  email: guarded(emailReader),
  text: guarded(textFileReader),
  jsonl: guarded(jsonl),
  html: guarded(html),
  csv: guarded(csv),
  xlsx: guarded(xlsx),
  parquet: guarded(parquet),
  warc: guarded(warc),
  markdown: guarded(markdown),
  docx: guarded(docx),
  pdf: guarded(pdf),
  huggingface: guarded(huggingface),
};
