/** The part of `pdfjs-dist` that reads text, copied beside the module that uses it: no pictures, viewers, sources, maps or canvas. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { inRoot } from "./places.js";

const parts = ["legacy/build/pdf.mjs", "legacy/build/pdf.worker.mjs", "cmaps", "standard_fonts", "LICENSE", "package.json"];
const home = "dist/src/data/sources/guarded/pdfjs";

export function carryPdfjs() {
  rmSync(inRoot(home), { recursive: true, force: true });
  for (const part of parts) {
    const to = inRoot(home, part);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(inRoot("node_modules/pdfjs-dist", part), to, { recursive: true });
  }
}
