/** Files that were made to hang or to fill the memory: they cost themselves. Each also shows that the next file is read. */
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { sourceOptions } from "../options.ts";
import { readBytes } from "../read-bytes.laws.ts";
import { readers } from "../readers.ts";
import { drawing, type PdfObject, pdfFile, pdfOf } from "./pdf-writer.laws.ts";
import { pdfLimits, pdfReader } from "./reader.ts";

const options = sourceOptions.parse({ folder: ".", reader: "pdf" });
const read = async (bytes: Buffer, reader = readers.pdf) => (await readBytes("a/x.pdf", bytes, options, reader))[0]!;
const good = pdfOf([[{ text: "One fox runs.", x: 72, y: 700 }]]);
const readsOn = async () => expect(await read(good)).toMatchObject({ ok: true, text: "One fox runs." });

/** A page whose content is what `stream` says, and objects from the fifth on. */
const pageWith = (dictionary: string, stream: Buffer, resources = "", more: readonly PdfObject[] = []) =>
  pdfFile([
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << ${resources} >> /Contents 4 0 R >>`,
    { dictionary, stream },
    ...more,
  ]);

test("a page that draws its letters again and again without end is set aside, and the next file is read", async () => {
  // Each form draws the next ten times: ten to the twelfth letters.
  const form = (next: number): PdfObject => ({
    dictionary: `/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /N ${next} 0 R >> >>`,
    stream: Buffer.from("/N Do ".repeat(10)),
  });
  const forms = Array.from({ length: 12 }, (_, i) => form(6 + i));
  const font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >>";
  const last: PdfObject = {
    dictionary: `/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << ${font} >>`,
    stream: drawing([{ text: "a", x: 0, y: 0 }]),
  };
  const bytes = pageWith("", Buffer.from("/N Do"), "/XObject << /N 5 0 R >>", [...forms, last]);
  expect(await read(bytes, pdfReader({ ...pdfLimits, pieceMs: 2500 }))).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/too-(slow|long)/),
  });
  await readsOn();
});

test("a page that takes too long is set aside when its time is over, and the next file is read", async () => {
  const once = deflateSync(Buffer.alloc(2 ** 28, "q Q "), { level: 1 });
  const bytes = pageWith("/Filter [/FlateDecode /FlateDecode]", deflateSync(once));
  const r = await read(bytes, pdfReader({ ...pdfLimits, memoryBytes: 2 ** 31, pieceMs: 700 }));
  expect(r).toMatchObject({ ok: false, reason: "too-slow", message: expect.stringContaining("page 1") });
  await readsOn();
});

test("a bomb in a stream is set aside before it fills the memory, and the next file is read", async () => {
  // Packed twice: 512 MB of blanks in a few hundred bytes.
  const once = deflateSync(Buffer.alloc(2 ** 29, 32), { level: 1 });
  const bytes = pageWith("/Filter [/FlateDecode /FlateDecode]", deflateSync(once));
  expect(bytes.length).toBeLessThan(50_000);
  const r = await read(bytes, pdfReader({ ...pdfLimits, memoryBytes: 300 * 2 ** 20 }));
  expect(r).toMatchObject({ ok: false, reason: "too-large", message: expect.stringContaining("page 1") });
  await readsOn();
});
