/**
 * A text's characters one by one as they come, each with its place: pairs of surrogates are put together and, where the text is JSON, escapes
 * are read, also where a piece ends inside of one.
 */

import { foldOf } from "../normalise/index.ts";

/** `json`: escapes are read as the characters that they stand for. */
export type ReadForm = "text" | "json";

/** Takes one unit. `original`: the code point that it comes of. Places in UTF-16 code units of the whole text. True: no more is wanted. */
type Sink = (unit: number, original: number, start: number, end: number) => boolean;

const simpleEscapes: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9 };
const escapeForm = /^\\(?:u[0-9a-fA-F]{0,4}|[^u])?$/;

interface UnitReader {
  push(text: string): void;
  end(): void;
  /** From here on nothing has been given to the sink. */
  readonly at: number;
}

/** Takes a code point before it is folded; one that shows nothing has no units. True: no more is wanted. */
type PointSink = (codePoint: number, start: number, end: number) => boolean;

export function readUnits(form: ReadForm, points: PointSink, sink: Sink): UnitReader {
  let rest = "";
  let at = 0;
  let isOver = false;
  /** A high surrogate that came as an escape. */
  let high: { readonly unit: number; readonly start: number } | undefined;

  const give = (codePoint: number, start: number, end: number): void => {
    if (isOver) return;
    if (points(codePoint, start, end)) {
      isOver = true;
      return;
    }
    for (const unit of foldOf(codePoint)) {
      if (isOver) return;
      if (sink(unit, codePoint, start, end)) isOver = true;
    }
  };
  const loose = (): void => {
    if (!high) return;
    const { unit, start } = high;
    high = undefined;
    give(unit, start, start + 6);
  };
  /** The code unit of an escape that is whole. */
  const codeOf = (written: string): number =>
    written[1] === "u" ? Number.parseInt(written.slice(2), 16) : (simpleEscapes[written[1]!] ?? written.charCodeAt(1));
  const given = (code: number, start: number, end: number): void => {
    if (high && code >= 0xdc00 && code <= 0xdfff) {
      const codePoint = ((high.unit - 0xd800) << 10) + (code - 0xdc00) + 0x10000;
      const from = high.start;
      high = undefined;
      give(codePoint, from, end);
      return;
    }
    loose();
    if (end - start === 6 && code >= 0xd800 && code <= 0xdbff) high = { unit: code, start };
    else give(code, start, end);
  };

  const run = (text: string, isEnd: boolean): void => {
    const all = rest + text;
    let i = 0;
    while (i < all.length && !isOver) {
      const code = all.charCodeAt(i);
      let length = 1;
      let value = code;
      if (form === "json" && code === 92) {
        const whole = all.charCodeAt(i + 1) === 117 ? 6 : 2;
        const written = all.slice(i, i + whole);
        if (written.length < whole && !isEnd && escapeForm.test(written)) break;
        if (written.length === whole && (whole === 2 || /^\\u[0-9a-fA-F]{4}$/.test(written))) {
          length = whole;
          value = codeOf(written);
        }
      } else if (code >= 0xd800 && code <= 0xdbff) {
        if (i + 1 === all.length && !isEnd) break;
        value = all.codePointAt(i)!;
        length = value > 0xffff ? 2 : 1;
      }
      given(value, at + i, at + i + length);
      i += length;
    }
    rest = all.slice(i);
    at += i;
  };
  return {
    push: text => run(text, false),
    end: () => {
      run("", true);
      loose();
    },
    get at() {
      return high ? high.start : at;
    },
  };
}
