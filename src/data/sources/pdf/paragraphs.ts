/**
 * Lines to paragraphs. A paragraph ends where the gap or the size of the letters changes, where a line is indented, and where a line is
 * left short although the next word would have fitted. What continues in the next column or on the next page is joined; words divided at
 * a line's end are put together unless the document itself writes them with the hyphen, or both halves as words.
 */
import type { PdfLine } from "./lines.ts";

/** Gaps between baselines beyond this many times the usual one part paragraphs. */
const wideGap = 1.25;
/** Sizes that differ by more are a heading's or a note's. */
const otherSize = 1.12;
/** First lines are indented by at least this, in sizes of the font. */
const indent = 0.8;
/** Where nothing else is known, baselines are this many sizes apart. */
const usualLead = 1.2;
/** A letter's width, in sizes of the font, on average. */
const letterWidth = 0.5;

const sentenceEnd = /[.!?:…。！？]["'”’»)\]]*$/u;
const bullet = /^(?:[-•‣◦▪●○■–—*·]|\(?\d{1,3}[.)]|\([a-z]\))\s/u;
/** The dots of a table of contents. */
const leader = /(?:\.\s?){4,}\s*[\divxlc]+$/;
const dividing = /(\p{L}{2,})[-\u00ad\u2010]$/u;
const firstWord = /^\p{Ll}[\p{L}'’]*/u;
const wide = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]/;

type Break = "none" | "line" | "paragraph";

const median = (values: readonly number[]): number | undefined => [...values].sort((a, b) => a - b)[values.length >> 1];

/** A line, the width of its column, and how it is parted from the line before. */
interface Placed {
  readonly line: PdfLine;
  readonly width: number;
  readonly before: Break;
}

interface Column {
  readonly left: number;
  readonly right: number;
}

function breakWithin(a: PdfLine, b: PdfLine, first: boolean, lead: number, { left, right }: Column): Break {
  const em = Math.max(a.size, b.size);
  const gap = b.y - a.y;
  if (gap > wideGap * lead * em || gap < -em || Math.max(a.size, b.size) > otherSize * Math.min(a.size, b.size)) return "paragraph";
  if (dividing.test(a.text) && firstWord.test(b.text)) return "none";
  const isListed = bullet.test(b.text);
  const fits = right - a.x1 > (b.text.split(" ", 1)[0]!.length * letterWidth + 1) * em;
  const ends = sentenceEnd.test(a.text);
  if (isListed && (/^[^\d(]/u.test(b.text) || ends || fits)) return "line";
  const shift = b.x0 - a.x0;
  // Behind a bullet the lines hang; behind a first line they come back.
  if (shift > indent * em && !bullet.test(a.text) && b.x0 > left + indent * em) return ends || !fits ? "paragraph" : "line";
  if (shift < -indent * em && !first) return "paragraph";
  if (fits || leader.test(a.text)) return ends ? "paragraph" : "line";
  return "none";
}

/** Of lines that stand in different columns or on different pages: does the sentence go on? Columns of other widths hold other text. */
const goesOn = (a: Placed, b: Placed) =>
  Math.max(a.line.size, b.line.size) <= 1.05 * Math.min(a.line.size, b.line.size) &&
  Math.max(a.width, b.width) < 1.5 * Math.min(a.width, b.width) &&
  (dividing.test(a.line.text) ? firstWord.test(b.line.text) : !sentenceEnd.test(a.line.text) && firstWord.test(b.line.text));

interface Paragraphs {
  readonly text: string;
  /** Words that were put together. */
  readonly joined: number;
}

/** The text of pages of lines in reading order. */
export function pdfParagraphs(pages: readonly (readonly PdfLine[])[]): Paragraphs {
  const leads: number[] = [];
  for (const lines of pages)
    for (let i = 1; i < lines.length; i++) {
      const [a, b] = [lines[i - 1]!, lines[i]!];
      const lead = (b.y - a.y) / Math.max(a.size, b.size);
      if (a.block === b.block && lead > 0.8 && lead < 3) leads.push(lead);
    }
  const usual = median(leads) ?? usualLead;
  const parts: Placed[] = [];
  for (const lines of pages) {
    let isFirst = true;
    for (let i = 0; i < lines.length; ) {
      let end = i;
      while (end < lines.length && lines[end]!.block === lines[i]!.block) end++;
      const block = lines.slice(i, end);
      const column = { left: Number.POSITIVE_INFINITY, right: Number.NEGATIVE_INFINITY };
      for (const { x0, x1 } of block) [column.left, column.right] = [Math.min(column.left, x0), Math.max(column.right, x1)];
      const own =
        block.length >= 6 ? median(block.slice(1).map((l, k) => (l.y - block[k]!.y) / Math.max(l.size, block[k]!.size))) : undefined;
      const lead = own !== undefined && own > 0.8 && own < 1.5 * usual ? own : usual;
      for (const [k, line] of block.entries()) {
        const last = parts.at(-1);
        const placed = { line, width: column.right - column.left };
        let before: Break = "none";
        if (last && k === 0) before = goesOn(last, { ...placed, before }) ? "none" : "paragraph";
        else if (last) before = breakWithin(last.line, line, isFirst, lead, column);
        isFirst = before !== "none";
        parts.push({ ...placed, before });
      }
      i = end;
    }
  }
  return written(parts);
}

/** Words as they stand inside lines. */
function vocabularyOf(parts: readonly Placed[]): Set<string> {
  const words = new Set<string>();
  for (const { line } of parts)
    for (const word of line.text.toLowerCase().match(/\p{L}+(?:-\p{L}+)*(?=[^\p{L}-])/gu) ?? []) words.add(word);
  return words;
}

function written(parts: readonly Placed[]): Paragraphs {
  const words = vocabularyOf(parts);
  const out: string[] = [];
  let joined = 0;
  for (const { line, before } of parts) {
    const last = out.at(-1);
    if (last === undefined || before !== "none") {
      if (last !== undefined) out.push(before === "line" ? "\n" : "\n\n");
      out.push(line.text);
      continue;
    }
    const [divided, start] = [dividing.exec(last), firstWord.exec(line.text)];
    if (divided && start) {
      const whole = (divided[1]! + start[0]).toLowerCase();
      const hyphened = `${divided[1]}-${start[0]}`.toLowerCase();
      // Two words of their own make a compound; half a word stands nowhere else.
      const isCompound = words.has(hyphened) || (words.has(divided[1]!.toLowerCase()) && words.has(start[0].toLowerCase()));
      const keeps = isCompound && !words.has(whole);
      if (!keeps) {
        out[out.length - 1] = last.slice(0, -1);
        joined++;
      } else out[out.length - 1] = `${last.slice(0, -1)}-`;
    } else if (/[-\u2010]$/.test(last) && /^\p{L}/u.test(line.text) && /\p{L}[-\u2010]$/u.test(last)) {
      // "New York-" and "Berlin": the hyphen is the word's own.
    } else if (!(wide.test(last.at(-1) ?? "") && wide.test(line.text[0] ?? ""))) out.push(" ");
    out.push(line.text);
  }
  return { text: out.join(""), joined };
}
