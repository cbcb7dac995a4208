/**
 * Runs to lines in reading order. Runs that follow each other in the file and on the page are one segment (raised and lowered letters with
 * it); segments stand in columns where a gutter parts them: a strip that few lines cross, with several lines of text on both sides. Lines
 * across the gutter (titles, wide tables) part what is above from what is below. After the idea of recursive X-Y cuts (Nagy, Seth 1984),
 * with the gutter found by counting what covers each strip.
 */
import type { PdfRun } from "./runs.ts";

export interface PdfLine {
  readonly text: string;
  readonly x0: number;
  readonly x1: number;
  /** Baseline, downward. */
  readonly y: number;
  readonly size: number;
  /** Lines of one column between two that cross it. */
  readonly block: number;
}

type Segment = { -readonly [K in keyof Omit<PdfLine, "block">]: PdfLine[K] } & { isRightToLeft: boolean; letters: number };

/** In sizes of the font: what still belongs to the segment before it, along the line and across. */
const maxGap = 1.5;
const maxOverlap = 1.5;
const maxRaise = 0.6;
/** A gap this wide is a space, said or not. */
const spaceGap = 0.2;
/** The same letters so near again are one. */
const maxShadow = 0.15;
/** Baselines this near are one row. */
const rowSlack = 0.35;

/** Lines on either side of a gutter, and letters in an average one: less is a table or a list of numbers. */
const minColumnLines = 3;
const minColumnLetters = 12;
/** Columns in columns in columns. */
const maxDepth = 6;

function segmentsOf(runs: readonly PdfRun[]): Segment[] {
  const out: Segment[] = [];
  let open: Segment | undefined;
  /** Blanks that were drawn and wait for what follows. */
  let blank = false;
  let last: PdfRun | undefined;
  for (const run of runs) {
    // Bold letters and shadows may be drawn twice, a hair apart.
    const isAgain = last?.text === run.text && Math.hypot(last.x - run.x, last.y - run.y) < maxShadow * run.size;
    last = run;
    if (isAgain) continue;
    if (run.text.trim() === "") {
      blank = true;
      continue;
    }
    const size = run.size || open?.size || 1;
    const end = run.x + run.width;
    const em = Math.max(size, open?.size ?? 0);
    const gap = open === undefined ? 0 : open.isRightToLeft ? open.x0 - end : run.x - open.x1;
    if (
      open &&
      Math.abs(run.y - open.y) <= maxRaise * em &&
      gap <= maxGap * em &&
      gap >= -maxOverlap * em &&
      open.isRightToLeft === run.isRightToLeft
    ) {
      const isSpace = blank || gap > spaceGap * em;
      open.text += (isSpace && !/\s$/.test(open.text) && !/^\s/.test(run.text) ? " " : "") + run.text;
      open.x0 = Math.min(open.x0, run.x);
      open.x1 = Math.max(open.x1, end);
      // The line stands where its most letters stand; a raised number does not move it.
      if (run.text.length > open.letters) [open.y, open.size, open.letters] = [run.y, size, run.text.length];
    } else {
      open = { text: run.text, x0: run.x, x1: end, y: run.y, size, isRightToLeft: run.isRightToLeft, letters: run.text.length };
      out.push(open);
    }
    blank = false;
  }
  return out;
}

const down = (a: Segment, b: Segment) => a.y - b.y || a.x0 - b.x0;

/** Segments on the same baseline, from top to bottom. */
function rowsOf(segments: readonly Segment[]): Segment[][] {
  const rows: Segment[][] = [];
  for (const s of [...segments].sort(down)) {
    const row = rows.at(-1);
    const last = row?.at(-1);
    if (row && last && s.y - row[0]!.y <= rowSlack * Math.max(s.size, last.size)) row.push(s);
    else rows.push([s]);
  }
  return rows;
}

/** x of the strip that parts columns, if there is one. */
function gutterOf(segments: readonly Segment[]): number | undefined {
  let [left, right, em] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const s of segments) [left, right, em] = [Math.min(left, s.x0), Math.max(right, s.x1), em + s.size];
  em /= segments.length;
  const bins = Math.min(2000, Math.floor((right - left) / (em / 4)));
  if (!(bins >= 80)) return undefined;
  const binOf = (x: number) => Math.max(0, Math.min(bins, Math.round(((x - left) / (right - left)) * bins)));
  const change = new Int32Array(bins + 2);
  for (const s of segments) {
    change[binOf(s.x0)]! += 1;
    change[Math.max(binOf(s.x0) + 1, binOf(s.x1))]! -= 1;
  }
  const cover = change.slice(0, bins);
  for (let i = 1; i < bins; i++) cover[i]! += cover[i - 1]!;
  // Runs of strips that nothing near them is less covered than.
  const candidates: { readonly x: number; readonly cover: number }[] = [];
  for (let i = Math.floor(bins * 0.1); i < bins * 0.9; ) {
    let j = i + 1;
    while (j < bins && cover[j] === cover[i]) j++;
    if (cover[i]! < (cover[i - 1] ?? 0) && cover[i]! < (cover[j] ?? 0))
      candidates.push({ x: left + ((i + j) / 2 / bins) * (right - left), cover: cover[i]! });
    i = j;
  }
  let best: { readonly x: number; readonly score: number } | undefined;
  for (const { x } of candidates.sort((a, b) => a.cover - b.cover).slice(0, 12)) {
    const side = () => ({ letters: 0, rows: new Set<number>(), top: Number.POSITIVE_INFINITY, bottom: Number.NEGATIVE_INFINITY });
    const [a, b] = [side(), side()];
    let crossing = 0;
    for (const s of segments) {
      if (s.x0 < x - em / 4 && s.x1 > x + em / 4) {
        crossing += s.text.length;
        continue;
      }
      const own = (s.x0 + s.x1) / 2 < x ? a : b;
      own.letters += s.text.length;
      own.rows.add(Math.round(s.y / (em / 2)));
      own.top = Math.min(own.top, s.y);
      own.bottom = Math.max(own.bottom, s.y);
    }
    const isText = [a, b].every(s => s.rows.size >= minColumnLines && s.letters / s.rows.size >= minColumnLetters);
    const isBeside = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > em;
    const score = Math.min(a.letters, b.letters) - crossing / 4;
    if (isText && isBeside && score > 0 && score > (best?.score ?? 0)) best = { x, score };
  }
  return best?.x;
}

/** Rows of segments in reading order, block by block. */
function inOrder(segments: readonly Segment[], depth = 0): Segment[][][] {
  if (segments.length === 0) return [];
  const gutter = depth < maxDepth && segments.length >= 2 * minColumnLines ? gutterOf(segments) : undefined;
  if (gutter === undefined) return [rowsOf(segments)];
  const blocks: Segment[][][] = [];
  let [left, right, across]: [Segment[], Segment[], Segment[]] = [[], [], []];
  const flush = () => {
    blocks.push(...inOrder(left, depth + 1), ...inOrder(right, depth + 1));
    [left, right] = [[], []];
  };
  const flushAcross = () => {
    if (across.length > 0) blocks.push(rowsOf(across));
    across = [];
  };
  for (const s of [...segments].sort(down)) {
    if (s.x0 < gutter - s.size / 4 && s.x1 > gutter + s.size / 4) {
      flush();
      across.push(s);
    } else {
      flushAcross();
      ((s.x0 + s.x1) / 2 < gutter ? left : right).push(s);
    }
  }
  flush();
  flushAcross();
  return blocks;
}

/** Segments of one row as one line. */
function joined(row: readonly Segment[], block: number): PdfLine {
  const letters = row.reduce((n, s) => n + s.letters, 0);
  const isRightToLeft = 2 * row.filter(s => s.isRightToLeft).reduce((n, s) => n + s.letters, 0) > letters;
  const parts = [...row].sort((a, b) => (isRightToLeft ? b.x1 - a.x1 : a.x0 - b.x0));
  let text = "";
  let end = 0;
  for (const s of parts) {
    const gap = isRightToLeft ? end - s.x1 : s.x0 - end;
    text += (text !== "" && gap > spaceGap * s.size ? " " : "") + s.text;
    end = isRightToLeft ? s.x0 : s.x1;
  }
  const widest = row.reduce((a, b) => (b.letters > a.letters ? b : a));
  const [x0, x1] = [Math.min(...row.map(s => s.x0)), Math.max(...row.map(s => s.x1))];
  return { text: text.replace(/\s+/g, " ").trim(), x0, x1, y: widest.y, size: widest.size, block };
}

/** Lines of a group of runs in the order in which they are read. */
export const pdfLines = (runs: readonly PdfRun[]): PdfLine[] =>
  inOrder(segmentsOf(runs)).flatMap((rows, block) => rows.map(row => joined(row, block)).filter(line => line.text !== ""));
