/**
 * Where in a whole text an encoded text can be at all, so that the readers of `hidden.ts`, which go character by character, need not look at ordinary
 * words: runs of digits of base64 whose first bytes are those of a text, or with enough digits of hexadecimal; and runs around a percent-encoded byte.
 */

interface HiddenTextRun {
  readonly from: number;
  readonly to: number;
}

const ascii = (form: RegExp): Uint8Array => Uint8Array.from({ length: 128 }, (_, c) => (form.test(String.fromCharCode(c)) ? 1 : 0));
const isDigit = ascii(/[A-Za-z0-9+/_-]/);
/** Digits of a text of four bytes, the shortest that is looked at. */
const leastDigits = 6;
const leastHexDigits = 8;
const isHexDigit = ascii(/[0-9A-Fa-f]/);

/** Whether ASCII from `from` to `to` has enough digits of hexadecimal in a row: every such row has one at a multiple of its least length. */
function hasHexRow(text: string, from: number, to: number): boolean {
  const isHex = (i: number): boolean => isHexDigit[text.charCodeAt(i)] === 1;
  for (let at = from + leastHexDigits - 1; at < to; at += leastHexDigits) {
    if (!isHex(at)) continue;
    let first = at;
    while (first > from && isHex(first - 1)) first--;
    let end = at + 1;
    while (end < to && end - first < leastHexDigits && isHex(end)) end++;
    if (end - first >= leastHexDigits) return true;
  }
  return false;
}
const padding = 61;
const mostPadding = 2;

/** By two digits of base64, which of the three bytes that a group of four stands for is meant by them: whether it is a text's. */
type BytePairs = (byte: 0 | 1 | 2, first: number, second: number) => boolean;

/** Runs of six digits or more, with their padding, in which the first four bytes can be a text's or which have eight digits of hexadecimal in a row. */
export function digitRuns(text: string, canBe: BytePairs): HiddenTextRun[] {
  const runs: HiddenTextRun[] = [];
  for (let i = 0; i < text.length; i++) {
    const from = i;
    for (let c = text.charCodeAt(i); c < 128 && isDigit[c] === 1; c = text.charCodeAt(i)) i++;
    if (i - from < leastDigits) continue;
    const at = (k: number): number => text.charCodeAt(from + k);
    const isText = canBe(0, at(0), at(1)) && canBe(1, at(1), at(2)) && canBe(2, at(2), at(3)) && canBe(0, at(4), at(5));
    if (!isText && !hasHexRow(text, from, i)) continue;
    let to = i;
    while (to < i + mostPadding && text.charCodeAt(to) === padding) to++;
    runs.push({ from, to });
  }
  return runs;
}

const escaped = /%[0-9A-Fa-f]{2}/g;

/** Runs without a border that hold a percent-encoded byte; `isBorder` of UTF-16 units and of code points. */
export function percentRuns(text: string, isBorder: (codePoint: number) => boolean): HiddenTextRun[] {
  const runs: HiddenTextRun[] = [];
  escaped.lastIndex = 0;
  for (let match = escaped.exec(text); match; match = escaped.exec(text)) {
    let from = match.index;
    const least = runs.at(-1)?.to ?? 0;
    while (from > least && !isBorder(text.charCodeAt(from - 1))) from--;
    let to = match.index + match[0].length;
    while (to < text.length && !isBorder(text.charCodeAt(to))) to++;
    runs.push({ from, to });
    escaped.lastIndex = to;
  }
  return runs;
}
