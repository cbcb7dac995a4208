/** Markup in a run of characters without white space: tags and comments are left out, references become what they stand for. A browser's reader sees that text. */
import { isSpaceUnit } from "./fold.ts";
import type { HiddenRun, HiddenText } from "./hidden.ts";

const ascii = (form: RegExp): Uint8Array => Uint8Array.from({ length: 128 }, (_, c) => (form.test(String.fromCharCode(c)) ? 1 : 0));
const [ampersand, semicolon, less, greater] = [38, 59, 60, 62] as const;
const referenceForm = /^(?:#(?:\d{1,7}|[xX][0-9A-Fa-f]{1,6})|[A-Za-z]{2,8})$/;
const isReferenceCharacter = ascii(/[#A-Za-z0-9]/);
const mostReference = 8;
const namedReferences: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  shy: "\u00ad",
  zwj: "\u200d",
  zwnj: "\u200c",
  period: ".",
  lowbar: "_",
  ast: "*",
  dollar: "$",
  commat: "@",
};
/** What begins a tag or a comment behind its sign. */
const beginsTag = ascii(/[A-Za-z/!?]/);
/** Longer tags stay as they are written. */
const mostTag = 128;

/** The character that a reference stands for (`#98`, `#x62`, `amp`); undefined where it is none. */
function referred(written: string): number | undefined {
  if (!referenceForm.test(written)) return undefined;
  if (written[0] !== "#") return namedReferences[written]?.codePointAt(0);
  const code = /^#[xX]/.test(written) ? Number.parseInt(written.slice(2), 16) : Number(written.slice(1));
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? code : undefined;
}

/** Characters with their places. */
interface Placed {
  codes: number[];
  starts: number[];
}

/** `window`: characters that are decoded together, and how many of them the next ones see again. */
export class MarkupRun implements HiddenRun {
  readonly #window: { readonly most: number; readonly overlap: number };
  readonly #heldBefore: () => number | undefined;
  #plain: Placed = { codes: [], starts: [] };
  #lastEnd = 0;
  #hold: number | undefined;
  #undone = 0;
  /** Where the first tag or reference of the run began. */
  #firstUndone = 0;
  /** Behind a sign: what has come of a tag or a reference. */
  #open: (Placed & { readonly kind: "tag" | "reference" }) | undefined;

  constructor(window: { readonly most: number; readonly overlap: number }, heldBefore: () => number | undefined) {
    this.#window = window;
    this.#heldBefore = heldBefore;
  }

  get hold(): number | undefined {
    return this.#hold;
  }

  get isIdle(): boolean {
    return this.#plain.codes.length === 0 && this.#open === undefined;
  }

  #push(code: number, start: number): void {
    this.#plain.codes.push(code);
    this.#plain.starts.push(start);
  }

  /** What is open was none. */
  #asWritten(): void {
    for (const [i, code] of (this.#open?.codes ?? []).entries()) this.#push(code, this.#open!.starts[i]!);
    this.#open = undefined;
  }

  #emit(found: (hidden: HiddenText) => void): void {
    const { codes, starts } = this.#plain;
    if (this.#undone === 0 || codes.length === 0) return;
    let text = "";
    const places: number[] = [];
    for (const [i, code] of codes.entries()) {
      const c = String.fromCodePoint(code);
      for (let k = 0; k < c.length; k++) places.push(starts[i]!);
      text += c;
    }
    found({ text, starts: [...places, this.#lastEnd], isDivisible: true, decodedFrom: this.#firstUndone });
  }

  end(found: (hidden: HiddenText) => void): void {
    this.#asWritten();
    this.#emit(found);
    this.#plain = { codes: [], starts: [] };
    this.#hold = undefined;
    this.#undone = 0;
  }

  #close(): true {
    if (this.#undone++ === 0) this.#firstUndone = this.#open!.starts[0]!;
    this.#open = undefined;
    return true;
  }

  /** Whether a character goes on with what is open. */
  #goesOn(codePoint: number, start: number): boolean {
    const own = this.#open!;
    const isAscii = codePoint < 128;
    if (own.kind === "reference") {
      if (codePoint === semicolon) {
        const code = referred(String.fromCodePoint(...own.codes.slice(1)));
        if (code === undefined) return false;
        this.#push(code, own.starts[0]!);
        return this.#close();
      }
      if (!isAscii || isReferenceCharacter[codePoint] !== 1 || own.codes.length > mostReference) return false;
    } else {
      if (codePoint === greater && own.codes.length > 1) return this.#close();
      if (own.codes.length > mostTag || (own.codes.length === 1 && !(isAscii && beginsTag[codePoint] === 1))) return false;
    }
    own.codes.push(codePoint);
    own.starts.push(start);
    return true;
  }

  take(codePoint: number, start: number, end: number, found: (hidden: HiddenText) => void): void {
    if (this.#open) {
      if (this.#goesOn(codePoint, start)) {
        this.#lastEnd = end;
        return;
      }
      this.#asWritten();
    }
    if (isSpaceUnit(codePoint)) {
      this.end(found);
      return;
    }
    if (codePoint === ampersand || codePoint === less) {
      this.#hold ??= Math.min(start, this.#heldBefore() ?? start);
      this.#open = { kind: codePoint === less ? "tag" : "reference", codes: [codePoint], starts: [start] };
    } else this.#push(codePoint, start);
    this.#lastEnd = end;
    const { most, overlap } = this.#window;
    if (this.#plain.codes.length < most) return;
    this.#emit(found);
    this.#plain = { codes: this.#plain.codes.slice(-overlap), starts: this.#plain.starts.slice(-overlap) };
    if (this.#hold !== undefined) this.#hold = this.#undone > 0 || this.#open ? this.#plain.starts[0]! : undefined;
  }
}
