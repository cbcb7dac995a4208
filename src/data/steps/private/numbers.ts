/**
 * Where the scan meets a digit: reads the word or the run of digit groups it belongs to and hands windows of it to those who know numbers
 * of that many digits. A run is read once; windows are bounded (8 groups, 19 digits), so the work is linear.
 */
import { card } from "./card.ts";
import { code, hangsAfter, hangsBefore, isBlank, isDigit, isHyphen, isLetter, isOtherLetter, isWord } from "./chars.ts";
import { iban } from "./iban.ts";
import { ipv4 } from "./ip.ts";
import { hyphenedSpanishId, nationalNumber, nationalNumberLengths, nationalWord, spacedNino } from "./national-ids.ts";
import { phones } from "./phone.ts";
import type { PrivateScanner, Scan } from "./scan.ts";

/** Groups read at a time; a longer run goes on `maxGroups - window` groups later. */
const maxGroups = 32;
const window = 8;
/** Of the longest number looked for (cards). */
const maxDigits = 19;
/** Letters before a first digit that any looked-for word has (the fiscal code has six). */
const maxLead = 8;

const starts = new Int32Array(maxGroups);
const ends = new Int32Array(maxGroups);

export const scanNumbers: PrivateScanner = (scan, at) => {
  const { text } = scan;
  let start = at;
  while (at - start <= maxLead && isWord(code(text, start - 1))) start--;
  let end = at;
  let mixed = start < at;
  for (let c = code(text, end); isWord(c); c = code(text, ++end)) if (!isDigit(c)) mixed = true;
  scan.steps += end - start;
  if (!mixed) return run(scan, at);
  if (at - start <= maxLead && end - start >= 4) {
    if (end - start >= 9 && end - start <= 16) nationalWord(scan, start, end);
    if (isLetter(code(text, start)) && isLetter(code(text, start + 1)) && isDigit(code(text, start + 2)) && isDigit(code(text, start + 3)))
      iban(scan, start, end);
    // X1234567-L
    if (end - start === 8 && at === start + 1) hyphenedSpanishId(scan, at, end);
  }
  return end;
};

/** Length of what may stand between two groups of one number at `at`: one blank, hyphen, dot or slash, and brackets; 0 where nothing does. */
function separator(text: string, at: number): number {
  let i = at;
  let c = code(text, i);
  if (c === 41) {
    c = code(text, ++i);
    if (isBlank(c) || isHyphen(c)) i++;
    return isDigit(code(text, i)) ? i - at : code(text, i) === 40 && isDigit(code(text, i + 1)) ? i + 1 - at : 0;
  }
  if (isBlank(c) || isHyphen(c) || c === 46 || c === 47) {
    const slash = c === 47 || (isBlank(c) && code(text, i + 1) === 47 && isBlank(code(text, i + 2)));
    i += slash && c !== 47 ? 3 : 1;
    if ((isBlank(c) || isHyphen(c)) && code(text, i) === 40) i++;
  } else if (c === 40) i++;
  else return 0;
  return isDigit(code(text, i)) ? i - at : 0;
}

function run(scan: Scan, at: number): number {
  const { text } = scan;
  let count = 0;
  let i = at;
  let next = at;
  for (;;) {
    const start = i;
    while (isDigit(code(text, i))) i++;
    const c = code(text, i);
    // A group that runs into letters is a word of its own, the scan comes to it next; but `x12` may be an extension.
    if (count > 0 && (isLetter(c) || isOtherLetter(c)) && !((c | 32) === 120 && isDigit(code(text, i + 1)))) break;
    starts[count] = start;
    ends[count++] = i;
    next = i;
    const gap = separator(text, i);
    if (gap === 0) break;
    i += gap;
    if (count === maxGroups) {
      next = starts[maxGroups - window]!;
      break;
    }
  }
  scan.steps += i - at;
  const digits = ends[count - 1]! - at;
  if (count >= 4) dotted(scan, count);
  if (digits < 6) return next;
  windows(scan, count);
  if (digits >= 7) phones(scan, { starts, ends, count });
  return next;
}

/** Runs of exactly four groups joined by dots. */
function dotted(scan: Scan, count: number): void {
  const { text } = scan;
  for (let from = 0; from < count; ) {
    let to = from + 1;
    while (to < count && starts[to]! - ends[to - 1]! === 1 && code(text, ends[to - 1]!) === 46) to++;
    if (to - from === 4 && ends[to - 1]! - starts[from]! <= 15) ipv4(scan, starts[from]!, ends[to - 1]!);
    from = to;
  }
}

function windows(scan: Scan, count: number): void {
  const { text } = scan;
  for (let k = 0; k < count; k++) {
    const start = starts[k]!;
    let total = 0;
    for (let m = k; m < count && m - k < window; m++) {
      const end = ends[m]!;
      total += end - starts[m]!;
      if (total > maxDigits) break;
      scan.steps += end - starts[m]! + 1;
      if (total === 6 && (m === k || m === k + 2)) spacedNino(scan, start, end, joined(text, k, m));
      else if ((total === 7 || total === 8) && m === k) hyphenedSpanishId(scan, start, end);
      else if (total >= 9) {
        const known = nationalNumberLengths[total] === true;
        if ((!known && total < 13) || hangsBefore(text, start) || hangsAfter(text, end) || longer(scan, k, m, count)) continue;
        const value = joined(text, k, m);
        const shape = shapeOf(text, k, m);
        if (known) nationalNumber(scan, start, end, value, shape);
        if (total >= 13) card(scan, start, end, value, shape);
      }
    }
  }
}

/** The digits of groups `k` to `m`. */
function joined(text: string, k: number, m: number): string {
  let value = "";
  for (let i = k; i <= m; i++) value += text.slice(starts[i]!, ends[i]!);
  return value;
}

/** Sizes of groups `k` to `m` with what stands between them: `4 4 4 4`, `3-2-4`; `?` for more than one character. */
function shapeOf(text: string, k: number, m: number): string {
  let shape = String(ends[k]! - starts[k]!);
  for (let i = k + 1; i <= m; i++) {
    const c = code(text, ends[i - 1]!);
    const joint = starts[i]! - ends[i - 1]! !== 1 ? "?" : isBlank(c) ? " " : isHyphen(c) ? "-" : text[ends[i - 1]!]!;
    shape += joint + (ends[i]! - starts[i]!);
  }
  return shape;
}

/** Whether groups of four go on with another group of four: then they are the middle of a longer number. */
function longer(scan: Scan, k: number, m: number, count: number): boolean {
  const { text } = scan;
  const four = (i: number) => ends[i]! - starts[i]! === 4;
  if (m - k < 2 || !four(k) || !four(k + 1)) return false;
  return (
    (k > 0 && four(k - 1) && isBlank(code(text, starts[k]! - 1)) && starts[k]! - ends[k - 1]! === 1) ||
    (m + 1 < count && four(m + 1) && starts[m + 1]! - ends[m]! === 1)
  );
}
