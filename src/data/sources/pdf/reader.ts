/**
 * The PDF reader: a file is a document, its text in reading order. Left out: pictures, drawings, forms and notes; what a scanner saw and
 * nobody turned to letters is set aside. The file is taken apart in the guarded process; order and paragraphs are made here.
 */
import type { LedgerEdit } from "../../ledger.ts";
import { BadFile } from "../bad-file.ts";
import { type ReaderLimits, readGuarded } from "../guarded/guarded.ts";
import { labelOf, withoutExtension } from "../labels.ts";
import type { Reader } from "../source.ts";
import { refuseText } from "../text.ts";
import { withoutFurniture } from "./furniture.ts";
import { type PdfLine, pdfLines } from "./lines.ts";
import { pdfParagraphs } from "./paragraphs.ts";
import { type RawPage, turned } from "./runs.ts";

/** Longer files are set aside: pdf.js holds all of it, several times over. */
const maxFileBytes = 128 * 2 ** 20;
const maxPages = 20_000;
/** A dense page has five thousand runs. */
const maxPageRuns = 200_000;
/** Letters of all pages. */
const maxLetters = 32 * 2 ** 20;

/** Pages take milliseconds, the worst honest ones (maps of a million strokes) seconds. */
export const pdfLimits: ReaderLimits = { pieceMs: 60_000, fileMs: 1_800_000, memoryBytes: 2 ** 30 };

type Item =
  | {
      readonly pages: number;
      readonly title: string | undefined;
      readonly author: string | undefined;
      readonly language: string | undefined;
    }
  | { readonly page: number; readonly failure: string }
  | ({ readonly page: number } & RawPage);

const edit = (rule: string, value: number): LedgerEdit[] => (value > 0 ? [{ rule, value }] : []);

export const pdfReader = (limits: ReaderLimits): Reader => ({
  name: "pdf",
  version: 1,
  extensions: [".pdf"],
  async *records(file, { labels }) {
    const place = file.path;
    if (file.sizeBytes === 0) throw new BadFile("empty", "no bytes");
    if (file.sizeBytes > maxFileBytes) throw new BadFile("too-long", `longer than ${maxFileBytes} bytes`);
    const access = await file.random();
    const pages: PdfLine[][] = [];
    const failures: string[] = [];
    let attributes = {};
    let [askew, wordless, letters] = [0, 0, 0];
    try {
      for await (const item of readGuarded<Item>("pdf", access, { maxPages, maxPageRuns }, limits)) {
        if ("pages" in item) {
          const { title, author, language, pages } = item;
          attributes = { ...(title ? { title } : {}), ...(author ? { author } : {}), ...(language ? { language } : {}), pages };
        } else if ("failure" in item) failures.push(`page ${item.page}: ${item.failure}`);
        else {
          const { groups, askew: n } = turned(item);
          askew += n;
          let block = 0;
          const lines = groups.flatMap(group => {
            const from = block;
            return pdfLines(group).map(line => {
              block = Math.max(block, from + line.block + 1);
              return { ...line, block: from + line.block };
            });
          });
          letters += lines.reduce((n, l) => n + l.text.length, 0);
          if (letters > maxLetters) throw new BadFile("too-long", `more than ${maxLetters} letters by page ${item.page}`);
          if (lines.length === 0) wordless++;
          pages.push(lines);
        }
      }
    } catch (error) {
      if (!(error instanceof BadFile) || error.place !== undefined) throw error;
      const isLate = error.reason === "too-slow" || error.reason === "too-large";
      throw isLate ? new BadFile(error.reason, `${error.message}, at page ${pages.length + failures.length + 1}`) : error;
    } finally {
      await access.close();
    }
    if (pages.length === 0 && failures.length > 0) throw new BadFile("pdf", failures[0]!);
    if (wordless === pages.length)
      throw new BadFile(
        "scanned",
        `${pages.length} pages without a letter: pictures of text, it seems; run a text recogniser over it first`,
      );
    const { pages: furnished, heads, numbers } = withoutFurniture(pages);
    const { text, joined } = pdfParagraphs(furnished);
    const why = refuseText(text);
    if (why) {
      yield { ok: false, place, ...why };
      return;
    }
    const edits = [
      ...edit("running-heads", heads),
      ...edit("page-numbers", numbers),
      ...edit("divided-words", joined),
      ...edit("pages-without-text", wordless),
      ...edit("askew-text", askew),
      ...(failures.length > 0 ? [{ rule: "unreadable-pages", value: `${failures.length}: ${failures[0]}` }] : []),
    ];
    yield { ok: true, place, key: withoutExtension(file.name), text, attributes: { ...labelOf(place, labels), ...attributes }, edits };
  },
});

export const pdf: Reader = pdfReader(pdfLimits);
