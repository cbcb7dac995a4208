/**
 * PDF in the guarded process (pdf.js, its build for old engines, which needs no canvas for text): what the file says of itself, then each
 * page's runs of text with their places. Nothing is drawn, no script or picture is touched. The built package carries the 4 MB of
 * `pdfjs-dist` that this needs (scripts/parts/pdfjs.js); the package itself, with its canvas, takes 70 MB.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const carried = fileURLToPath(new URL("./pdfjs/", import.meta.url));
const home = existsSync(carried) ? carried : join(dirname(fileURLToPath(import.meta.resolve("pdfjs-dist/package.json"))), "/");

// pdf.js takes these from a canvas for drawing; without one it needs the names when it loads, and never for text.
for (const name of ["DOMMatrix", "ImageData", "Path2D"]) globalThis[name] ??= class {};

/** @type {typeof import("pdfjs-dist/legacy/build/pdf.mjs")} */
const { getDocument } = await import(pathToFileURL(join(home, "legacy/build/pdf.mjs")).href);

/** Read at once. */
const pieceBytes = 2 ** 20;
/** Numbers of a run: x, y, width, then the matrix's first two, which are size and direction, and 1 where it is read from right to left. */
const width = 6;

const bad = (reason, message) => Object.assign(new Error(message), { reason });

const textOf = value => (typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 1000) : undefined);

export async function* job(file, { maxPages, maxPageRuns }) {
  const data = new Uint8Array(file.sizeBytes);
  for (let at = 0; at < data.length; ) {
    const bytes = await file.read(at, Math.min(data.length, at + pieceBytes));
    if (bytes.length === 0) throw bad("damaged", "it ends early");
    data.set(bytes, at);
    at += bytes.length;
  }
  const task = getDocument({
    data,
    verbosity: 0,
    isEvalSupported: false,
    useSystemFonts: false,
    disableFontFace: true,
    useWorkerFetch: false,
    stopAtErrors: false,
    enableXfa: false,
    cMapUrl: join(home, "cmaps/"),
    cMapPacked: true,
    standardFontDataUrl: join(home, "standard_fonts/"),
  });
  try {
    let document;
    try {
      document = await task.promise;
    } catch (error) {
      if (error?.name === "PasswordException") throw bad("encrypted", "it opens with a password only");
      throw bad("pdf", error?.message ?? String(error));
    }
    if (document.numPages > maxPages) throw bad("too-long", `${document.numPages} pages`);
    const { info } = await document.getMetadata().catch(() => ({ info: {} }));
    yield { pages: document.numPages, title: textOf(info?.Title), author: textOf(info?.Author), language: textOf(info?.Language) };
    for (let number = 1; number <= document.numPages; number++) {
      let page;
      const texts = [];
      const numbers = [];
      try {
        page = await document.getPage(number);
        const reader = page.streamTextContent().getReader();
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          for (const { str, transform, width, dir } of value.items) {
            if (str === undefined || str === "") continue;
            texts.push(str);
            numbers.push(transform[4], transform[5], width, transform[0], transform[1], dir === "rtl" ? 1 : 0);
          }
          if (texts.length > maxPageRuns) throw bad("too-long", `page ${number}: more than ${maxPageRuns} runs of text`);
        }
        page.cleanup();
      } catch (error) {
        if (error?.reason) throw error;
        yield { page: number, failure: String(error?.message ?? error) };
        continue;
      }
      yield { page: number, texts, numbers: Float64Array.from(numbers), width };
    }
  } finally {
    await task.destroy().catch(() => {});
  }
}
