/**
 * Running heads, feet and page numbers: lines at the top or bottom of pages that come again on others in the same size, whatever number
 * they hold, or that begin or end with a number which counts with the pages.
 */
import type { PdfLine } from "./lines.ts";

/** Rows from the top and from the bottom that may be furniture. */
const edgeRows = 2;
/** Pages on which a line must stand. */
const minPages = 3;

/** A line without what changes from page to page. */
const shapeOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\d+/g, "#")
    .replace(/(?<![\p{L}\p{N}])[ivxlc]{1,7}(?![\p{L}\p{N}])/gu, "#")
    .replace(/\s+/g, " ");

/** By how much a number at a line's beginning or end is ahead of its page. */
function aheadOf(text: string, page: number): number[] {
  const numbers = [/^\d{1,5}(?=\s|$)/.exec(text)?.[0], /(?<=^|\s)\d{1,5}$/.exec(text)?.[0]];
  return [...new Set(numbers.flatMap(n => (n === undefined ? [] : [Number(n) - page])))];
}

/** The lines of the first rows from one end. */
function edge(lines: readonly PdfLine[], from: "top" | "bottom"): PdfLine[] {
  const sorted = [...lines].sort((a, b) => (from === "top" ? a.y - b.y : b.y - a.y));
  const out: PdfLine[] = [];
  let rows = 0;
  for (const line of sorted) {
    const last = out.at(-1);
    if (!last || Math.abs(line.y - last.y) > line.size / 2) rows++;
    if (rows > edgeRows) break;
    out.push(line);
  }
  return out;
}

interface Furnished {
  readonly pages: readonly (readonly PdfLine[])[];
  /** Lines that were taken out. */
  readonly heads: number;
  readonly numbers: number;
}

/** Pages without their furniture. */
export function withoutFurniture(pages: readonly (readonly PdfLine[])[]): Furnished {
  const edges = pages.map(lines => ({ top: edge(lines, "top"), bottom: edge(lines, "bottom") }));
  const seen = new Map<string, Set<number>>();
  const see = (shape: string, page: number) => {
    const on = seen.get(shape);
    if (on) on.add(page);
    else seen.set(shape, new Set([page]));
  };
  const shapes = (line: PdfLine, end: "top" | "bottom", page: number): string[] => [
    `${end} ${Math.round(line.size)} ${shapeOf(line.text)}`,
    ...aheadOf(line.text, page).map(n => `${end} ahead ${n}`),
  ];
  for (const [page, ends] of edges.entries())
    for (const end of ["top", "bottom"] as const)
      for (const line of ends[end]) for (const shape of shapes(line, end, page)) see(shape, page);
  const gone = pages.map((_, page) => {
    const found = { heads: new Set<PdfLine>(), numbers: new Set<PdfLine>() };
    for (const end of ["top", "bottom"] as const)
      for (const line of edges[page]![end]) {
        const isNumber = /^(?:page )?[-–— ]*#[-–— ]*(?:(?:of|\/) ?#)?$/.test(shapeOf(line.text));
        const isRepeated = shapes(line, end, page).some(shape => seen.get(shape)!.size >= minPages);
        // In a short paper nothing comes three times, but a page that ends in its own number is numbered.
        const isOwnNumber = isNumber && Number.parseInt(/\d+/.exec(line.text)?.[0] ?? "", 10) === page + 1;
        if (isRepeated || isOwnNumber) found[isNumber ? "numbers" : "heads"].add(line);
      }
    return found;
  });
  // Pages that say little and all the same (forms, slides) have heads for their text.
  const emptied = pages.filter((lines, i) => lines.length > 0 && gone[i]!.heads.size + gone[i]!.numbers.size === lines.length).length;
  if (2 * emptied > pages.filter(lines => lines.length > 0).length) for (const found of gone) found.heads.clear();
  const count = (of: "heads" | "numbers") => gone.reduce((n, found) => n + found[of].size, 0);
  return {
    pages: pages.map((lines, i) => lines.filter(line => !gone[i]!.heads.has(line) && !gone[i]!.numbers.has(line))),
    heads: count("heads"),
    numbers: count("numbers"),
  };
}
