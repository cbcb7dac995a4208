/** The classes of characters that regular expressions name, as ECMAScript defines them in Unicode mode. */
import { type CodePoints, charactersOf, complement, union } from "./code-points.ts";

const digitClass: CodePoints = [[0x30, 0x39]];
const wordClass: CodePoints = union([...digitClass, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const lineEnds = charactersOf("\n\r\u2028\u2029");
/** WhiteSpace and LineTerminator of the standard. */
const spaceClass: CodePoints = union([...charactersOf("\t\v\f \u00a0\ufeff\u1680\u202f\u205f\u3000"), ...lineEnds, [0x2000, 0x200a]]);
/** What `.` stands for. */
export const notLineEnds: CodePoints = complement(lineEnds);

export const classEscapes: Readonly<Record<string, CodePoints>> = {
  d: digitClass,
  D: complement(digitClass),
  w: wordClass,
  W: complement(wordClass),
  s: spaceClass,
  S: complement(spaceClass),
};

const kept = new Map<string, CodePoints>();

/** The characters of `\p{name}`; undefined where this Node knows no such property. Asks the engine about every character once a property. */
export function propertyClass(name: string): CodePoints | undefined {
  const known = kept.get(name);
  if (known) return known;
  if (!/^[A-Za-z_]{1,40}(=[A-Za-z_]{1,40})?$/.test(name)) return undefined;
  let isIn: RegExp;
  try {
    isIn = new RegExp(`^\\p{${name}}$`, "u");
  } catch {
    return undefined;
  }
  const out: [number, number][] = [];
  for (let c = 0; c <= 0x10ffff; c++) {
    if (c === 0xd800) c = 0xe000;
    if (!isIn.test(String.fromCodePoint(c))) continue;
    const last = out.at(-1);
    if (last && last[1] === c - 1) last[1] = c;
    else out.push([c, c]);
  }
  kept.set(name, out);
  return out;
}
