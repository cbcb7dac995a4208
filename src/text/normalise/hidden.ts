/**
 * Texts inside of a text that a model reads and a reader does not: base64, hexadecimal, percent-encoding, markup, tag characters and variation selectors.
 * Characters come one by one; a run that cannot be an encoded ASCII text is given up at its first impossible character, so ordinary words are let
 * go at once. Windows bound what is kept; each decoded text has a map to the places it came from. Left out: encrypted and compressed bytes.
 */
import { isSpaceUnit } from "./fold.ts";
import { digitRuns, percentRuns } from "./hidden-runs.ts";
import { MarkupRun } from "./markup.ts";

export interface HiddenText {
  readonly text: string;
  /** For each UTF-16 unit of `text` where its source begins, and at the end where the source of the last one ends. */
  readonly starts: readonly number[];
  /** Whether a part of it can be replaced by itself; else it is replaced as a whole. */
  readonly isDivisible: boolean;
  /** Of a divisible one: where the source of the first decoded character begins; what lies before it stands in the text as it is. */
  readonly decodedFrom?: number;
}

/** Takes code points in order, with their places. */
export interface HiddenRun {
  take(codePoint: number, start: number, end: number, found: (hidden: HiddenText) => void): void;
  end(found: (hidden: HiddenText) => void): void;
  /** Where the source of what may still be decoded begins. */
  readonly hold: number | undefined;
  /** Outside of any run: what was taken does not matter to what follows. */
  readonly isIdle: boolean;
}

/** Bytes of a window, and how many of them the next one sees again. */
const windowBytes = 768;
const overlapBytes = 192;
const window = { most: windowBytes, overlap: overlapBytes };
/** Shorter ones are no words. */
const leastBytes = 4;

const isTextByte = (b: number): boolean => (b >= 32 && b < 127) || b === 9 || b === 10 || b === 13;
/** By number of bits: whether a byte of a text begins with them. */
const canBegin: readonly Uint8Array[] = Array.from({ length: 9 }, (_, bits) => {
  const table = new Uint8Array(1 << bits);
  for (let b = 0; b < 256; b++) if (isTextByte(b)) table[b >> (8 - bits)] = 1;
  return table;
});

const outside = 255;
function digits(alphabets: readonly string[]): Uint8Array {
  const table = new Uint8Array(128).fill(outside);
  for (const alphabet of alphabets) for (const [i, c] of [...alphabet].entries()) table[c.charCodeAt(0)] = i;
  return table;
}
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const alphanumeric = `${letters}${letters.toLowerCase()}0123456789`;
const base64 = digits([`${alphanumeric}+/`, `${alphanumeric}-_`]);
const hexadecimal = digits(["0123456789abcdef", "0123456789ABCDEF"]);

const padding = 61;
const mostPadding = 2;

/** Base64 or hexadecimal, by its digits and their bits. */
function digitRun(table: Uint8Array, width: number): HiddenRun {
  let bytes: number[] = [];
  let starts: number[] = [];
  let lastEnd = 0;
  let value = 0;
  let bits = 0;
  let byteStart = 0;
  let isInside = false;
  let isAlive = false;
  let padded = 0;
  const emit = (found: (hidden: HiddenText) => void): void => {
    if (bytes.length < leastBytes) return;
    found({ text: Buffer.from(bytes).toString("latin1"), starts: [...starts, lastEnd], isDivisible: false });
  };
  const give = (found: (hidden: HiddenText) => void): void => {
    if (isAlive) emit(found);
    isAlive = false;
  };
  return {
    take(codePoint, start, end, found) {
      const digit = codePoint < 128 ? table[codePoint]! : outside;
      if (codePoint === padding && width === 6 && isAlive && bytes.length > 0 && padded < mostPadding) {
        padded++;
        lastEnd = end;
        return;
      }
      if (digit === outside || padded > 0) {
        give(found);
        isInside = false;
        padded = 0;
        if (digit === outside) return;
      }
      if (!isInside) {
        isInside = true;
        isAlive = true;
        bytes = [];
        starts = [];
        value = 0;
        bits = 0;
      }
      if (!isAlive) return;
      if (bits === 0) byteStart = start;
      value = (value << width) | digit;
      bits += width;
      if (bits >= 8) {
        bits -= 8;
        const byte = value >> bits;
        value &= (1 << bits) - 1;
        if (!isTextByte(byte)) {
          give(found);
          return;
        }
        bytes.push(byte);
        starts.push(byteStart);
        byteStart = start;
        lastEnd = end;
      }
      if (canBegin[bits]![value] === 0) give(found);
      else if (bytes.length >= windowBytes) {
        emit(found);
        bytes = bytes.slice(-overlapBytes);
        starts = starts.slice(-overlapBytes);
      }
    },
    end(found) {
      give(found);
      isInside = false;
    },
    get hold() {
      return isAlive ? (starts[0] ?? byteStart) : undefined;
    },
    get isIdle() {
      return !isInside;
    },
  };
}

/** The UTF-8 text of bytes with the places of each; bytes that are none become U+FFFD. */
function utf8(bytes: readonly number[], starts: readonly number[], end: number, isDivisible: boolean): HiddenText {
  let text = "";
  const places: number[] = [];
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i]!;
    const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const part = Buffer.from(bytes.slice(i, i + size)).toString("utf8");
    for (let k = 0; k < part.length; k++) places.push(starts[i]!);
    text += part;
    i += size;
  }
  return { text, starts: [...places, end], isDivisible };
}

/** Bytes that stand for themselves in characters which show nothing. */
function invisibleRun(byteOf: (codePoint: number) => number | undefined, least: number, isDivisible: boolean): HiddenRun {
  let bytes: number[] = [];
  let starts: number[] = [];
  let lastEnd = 0;
  const emit = (found: (hidden: HiddenText) => void): void => {
    if (bytes.length >= least) found(utf8(bytes, starts, lastEnd, isDivisible));
  };
  const end = (found: (hidden: HiddenText) => void): void => {
    if (bytes.length === 0) return;
    emit(found);
    bytes = [];
    starts = [];
  };
  return {
    take(codePoint, start, itsEnd, found) {
      const byte = byteOf(codePoint);
      if (byte === undefined) {
        end(found);
        return;
      }
      bytes.push(byte);
      starts.push(start);
      lastEnd = itsEnd;
      if (bytes.length < windowBytes) return;
      emit(found);
      bytes = bytes.slice(-overlapBytes);
      starts = starts.slice(-overlapBytes);
    },
    end,
    get hold() {
      return starts[0];
    },
    get isIdle() {
      return bytes.length === 0;
    },
  };
}

const tagOf = (c: number): number | undefined => (c >= 0xe0020 && c <= 0xe007e ? c - 0xe0000 : undefined);
const selectorOf = (c: number): number | undefined =>
  c >= 0xfe00 && c <= 0xfe0f ? c - 0xfe00 : c >= 0xe0100 && c <= 0xe01ef ? c - 0xe0100 + 16 : undefined;

const percent = 37;
const ends = new Set([..."\"'<>`{}|\\^"].map(c => c.charCodeAt(0)));
/** Between runs of percent-encoding. */
const isBorder = (c: number): boolean => (c < 128 ? c <= 32 || ends.has(c) : isSpaceUnit(c));
const hexOf = (c: number): number => (c < 128 ? hexadecimal[c]! : outside);

/** Percent-encoding, with the characters of the same run around it. `heldBefore`: where begins what the sign found half done. */
function percentRun(heldBefore: () => number | undefined): HiddenRun {
  let codes: number[] = [];
  let starts: number[] = [];
  let isByte: boolean[] = [];
  let lastEnd = 0;
  let hold: number | undefined;
  let escapes = 0;
  /** Digits that the last sign still wants. */
  let wanted = 0;
  const keep = (count: number): void => {
    codes = count === 0 ? [] : codes.slice(-count);
    starts = count === 0 ? [] : starts.slice(-count);
    isByte = count === 0 ? [] : isByte.slice(-count);
  };
  const emit = (found: (hidden: HiddenText) => void): void => {
    if (escapes === 0) return;
    const bytes: number[] = [];
    const places: number[] = [];
    for (const [i, code] of codes.entries())
      for (const byte of isByte[i] ? [code] : Buffer.from(String.fromCodePoint(code))) {
        bytes.push(byte);
        places.push(starts[i]!);
      }
    const first = isByte.indexOf(true);
    found({ ...utf8(bytes, places, lastEnd, true), ...(first < 0 ? {} : { decodedFrom: starts[first]! }) });
  };
  const end = (found: (hidden: HiddenText) => void): void => {
    if (codes.length === 0) return;
    emit(found);
    keep(0);
    hold = undefined;
    escapes = 0;
    wanted = 0;
  };
  return {
    take(codePoint, start, itsEnd, found) {
      if (isBorder(codePoint)) {
        end(found);
        return;
      }
      if (wanted > 0) {
        const digit = hexOf(codePoint);
        if (digit !== outside) {
          const last = codes.length - 1;
          codes[last] = wanted === 2 ? digit : codes[last]! * 16 + digit;
          lastEnd = itsEnd;
          wanted--;
          if (wanted === 0) escapes++;
          return;
        }
        // no escape after all
        codes.pop();
        starts.pop();
        isByte.pop();
        wanted = 0;
      }
      if (codePoint === percent) {
        hold ??= Math.min(start, heldBefore() ?? start);
        wanted = 2;
      }
      codes.push(codePoint);
      starts.push(start);
      isByte.push(codePoint === percent);
      lastEnd = itsEnd;
      if (codes.length < windowBytes) return;
      emit(found);
      keep(hold === undefined ? 1 : overlapBytes);
      if (hold !== undefined) hold = starts[0]!;
    },
    end,
    get hold() {
      return hold;
    },
    get isIdle() {
      return codes.length === 0;
    },
  };
}

/** Finds hidden texts in characters that come one by one. */
export interface HiddenReader {
  take(codePoint: number, start: number, end: number): void;
  end(): void;
  readonly hold: number | undefined;
  /** No run is under way: another reader could begin here. */
  readonly isIdle: boolean;
}

/** `heldBefore`: of what looks at the same characters, where something begins that may still be found. */
export function hiddenReader(found: (hidden: HiddenText) => void, heldBefore: () => number | undefined = () => undefined): HiddenReader {
  const encodings = [digitRun(base64, 6), digitRun(hexadecimal, 4)];
  const least = (places: readonly (number | undefined)[]): number | undefined =>
    places.reduce((a, b) => (b !== undefined && (a === undefined || b < a) ? b : a), undefined);
  // first: what is half done before its sign is what the others have before they take it
  const halfDone = (): number | undefined => least([heldBefore(), ...encodings.map(e => e.hold)]);
  const seen = [percentRun(halfDone), new MarkupRun(window, halfDone), ...encodings];
  // one selector behind a sign chooses its picture
  const unseen = [invisibleRun(tagOf, 1, true), invisibleRun(selectorOf, leastBytes, false)];
  const runs = [...seen, ...unseen];
  let hasUnseen = false;
  return {
    take: (codePoint, start, end) => {
      for (const run of seen) run.take(codePoint, start, end, found);
      if (codePoint < 0xfe00 && !hasUnseen) return;
      for (const run of unseen) run.take(codePoint, start, end, found);
      hasUnseen = codePoint >= 0xfe00;
    },
    end: () => {
      for (const run of runs) run.end(found);
    },
    get hold() {
      let first: number | undefined;
      for (const { hold } of runs) if (hold !== undefined && (first === undefined || hold < first)) first = hold;
      return first;
    },
    get isIdle() {
      return runs.every(run => run.isIdle);
    },
  };
}

/** For `digitRuns`: six bits a digit. */
const canBeText = (byte: 0 | 1 | 2, first: number, second: number): boolean =>
  isTextByte((((base64[first]! << 6) | base64[second]!) >> (4 - 2 * byte)) & 255);
const marked = /[\ufe00-\ufe0f]|[\u{e0020}-\u{e007e}]|[\u{e0100}-\u{e01ef}]/u;

const hasMarkup = /<[A-Za-z/!?]|&[#A-Za-z]/;

/** All hidden texts of a text. */
export function hiddenTexts(text: string): HiddenText[] {
  const all: HiddenText[] = [];
  const found = (hidden: HiddenText): void => {
    all.push(hidden);
  };
  const read = (runs: readonly HiddenRun[], from: number, to: number): void => {
    for (let i = from; i < to; ) {
      const codePoint = text.codePointAt(i)!;
      const end = i + (codePoint > 0xffff ? 2 : 1);
      for (const run of runs) run.take(codePoint, i, end, found);
      i = end;
    }
    for (const run of runs) run.end(found);
  };
  const digitReaders = [digitRun(base64, 6), digitRun(hexadecimal, 4)];
  for (const { from, to } of digitRuns(text, canBeText)) read(digitReaders, from, to);
  const percents = percentRuns(text, isBorder);
  const percentReader = percents.length > 0 ? [percentRun(() => undefined)] : [];
  for (const { from, to } of percents) read(percentReader, from, to);
  if (hasMarkup.test(text)) read([new MarkupRun(window, () => undefined)], 0, text.length);
  if (marked.test(text)) read([invisibleRun(tagOf, 1, true), invisibleRun(selectorOf, leastBytes, false)], 0, text.length);
  return all;
}
