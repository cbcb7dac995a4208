/**
 * Whole texts normalised, with a map of offsets: every unit of the result knows where in the original it begins and ends, so that a finding can be
 * replaced there. Linear in the text, at most 18 units a character (the longest decomposition of Unicode); a text of printable ASCII in small letters is its own form.
 */
import { foldOf, isInvisible } from "./fold.ts";

export interface Normalised {
  readonly text: string;
  /** Of the UTF-16 unit `i` of `text`: where its original begins. Never falls. */
  startOf(i: number): number;
  /** Of the last unit of a passage: where its original ends. */
  endOf(i: number): number;
}

const itself = (text: string): Normalised => ({ text, startOf: i => i, endOf: i => i + 1 });

function mapped(text: string, formOf: (codePoint: number) => string): Normalised {
  let out = "";
  let room = text.length + 16;
  let starts = new Uint32Array(room);
  let ends = new Uint32Array(room);
  let size = 0;
  for (let i = 0; i < text.length; ) {
    const codePoint = text.codePointAt(i)!;
    const end = i + (codePoint > 0xffff ? 2 : 1);
    const form = formOf(codePoint);
    if (size + form.length > room) {
      room = room * 2 + form.length;
      const grown = (a: Uint32Array): Uint32Array<ArrayBuffer> => {
        const more = new Uint32Array(room);
        more.set(a);
        return more;
      };
      starts = grown(starts);
      ends = grown(ends);
    }
    for (let k = 0; k < form.length; k++) {
      starts[size] = i;
      ends[size++] = end;
    }
    out += form;
    i = end;
  }
  return { text: out, startOf: i => starts[i]!, endOf: i => ends[i]! };
}

const printableAscii = /^[\t\n\v\f\r\x20-\x7e]*$/;
const foldsKept = new Map<number, string>();
const mostKept = 20_000;

function foldedForm(codePoint: number): string {
  let form = foldsKept.get(codePoint);
  if (form === undefined) {
    if (foldsKept.size >= mostKept) foldsKept.clear();
    form = String.fromCodePoint(...foldOf(codePoint));
    foldsKept.set(codePoint, form);
  }
  return form;
}

/** Folded for finding words: small letters, without accents, look-alikes and invisible characters. */
export function foldedText(text: string): Normalised {
  if (printableAscii.test(text)) return itself(text.toLowerCase());
  return mapped(text, foldedForm);
}

const other = /[^\t\n\v\f\r\x20-\x7e]/gu;

/** The same without places. */
export function foldedString(text: string): string {
  let out = "";
  let last = 0;
  other.lastIndex = 0;
  for (let match = other.exec(text); match; match = other.exec(text)) {
    out += text.slice(last, match.index).toLowerCase() + foldedForm(match[0].codePointAt(0)!);
    last = match.index + match[0].length;
  }
  return last === 0 ? text.toLowerCase() : out + text.slice(last).toLowerCase();
}

function visible(codePoint: number): string {
  if (isInvisible(codePoint)) return "";
  const c = String.fromCodePoint(codePoint);
  if (codePoint < 128) return c;
  // forms of ASCII are ASCII: full-width digits, mathematical letters
  const form = c.normalize("NFKC");
  return form.length === 1 && form.charCodeAt(0) < 128 ? form : c;
}
const visibleKept = new Map<number, string>();

/** As it is seen, for finding numbers and addresses: invisible characters are gone, forms of ASCII are ASCII; case, accents and scripts stay. */
export function visibleText(text: string): Normalised {
  if (printableAscii.test(text)) return itself(text);
  return mapped(text, codePoint => {
    let form = visibleKept.get(codePoint);
    if (form === undefined) {
      if (visibleKept.size >= mostKept) visibleKept.clear();
      form = visible(codePoint);
      visibleKept.set(codePoint, form);
    }
    return form;
  });
}
