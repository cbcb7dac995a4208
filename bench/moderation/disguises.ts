/**
 * Ways in which people disguise a word, each a family with its own choices: what detectors are tested and measured with. Made from Unicode's tables and the
 * encodings' definitions, not from the normaliser.
 */
import type { random } from "../../src/base/index.ts";

export type Draw = ReturnType<typeof random>;
/** A word of small letters of ASCII, four or more, as somebody writes it who hides it. */
export type Disguise = (word: string, draw: Draw) => string;

const pick = <T>(draw: Draw, from: readonly T[]): T => from[draw.below(from.length)]!;
/** Each letter by a rule; at least one is changed where the rule can change one. */
const letters =
  (rule: (c: string, draw: Draw) => string, share = 0.6): Disguise =>
  (word, draw) => {
    const all = [...word];
    const must = draw.below(all.length);
    return all.map((c, i) => (i === must || draw.below(1000) < 1000 * share ? rule(c, draw) : c)).join("");
  };
const between =
  (marks: readonly string[], everywhere = true): Disguise =>
  (word, draw) => {
    const mark = pick(draw, marks);
    const at = 1 + draw.below(word.length - 1);
    return [...word].map((c, i) => (i > 0 && (everywhere || i === at) ? mark : "") + c).join("");
  };
const table =
  (rows: Readonly<Record<string, string>>): ((c: string, draw: Draw) => string) =>
  (c, draw) =>
    rows[c] ? pick(draw, [...rows[c]]) : c;
const shifted = (first: number) => (c: string) => String.fromCodePoint(first + c.charCodeAt(0) - 97);
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const hex = (text: string): string => Buffer.from(text).toString("hex");
const percent = (text: string): string => [...text].map(c => `%${c.charCodeAt(0).toString(16)}`).join("");
const sentence = (word: string): string => `you are a ${word} and everybody knows`;

const homoglyphs = table({
  a: "аα",
  c: "сϲ",
  e: "еҽ",
  i: "іι",
  j: "ј",
  k: "кκ",
  m: "м",
  o: "оοօ",
  p: "рρ",
  s: "ѕ",
  u: "υս",
  v: "ν",
  x: "хχ",
  y: "у",
  w: "ԝ",
  h: "һ",
  n: "ո",
  t: "τт",
});

export const disguises: Readonly<Record<string, Disguise>> = {
  homoglyphs: letters(homoglyphs),
  "mixed scripts": letters((c, draw) =>
    pick(draw, [
      homoglyphs,
      table({ a: "ᴀ", b: "ʙ", d: "ᴅ", e: "ᴇ", h: "ʜ", i: "ɪ", k: "ᴋ", l: "ʟ", m: "ᴍ", n: "ɴ", o: "ᴏ", r: "ʀ", t: "ᴛ" }),
    ])(c, draw),
  ),
  fullwidth: letters(shifted(0xff41), 1),
  mathematical: (word, draw) => letters(shifted(pick(draw, [0x1d41a, 0x1d482, 0x1d4ea, 0x1d586, 0x1d5ba, 0x1d68a])), 1)(word, draw),
  leet: letters(table({ a: "4@", b: "8", e: "3", i: "1!", l: "1|", o: "0", s: "5$", t: "7+" }), 0.5),
  "zero width": between(["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"]),
  "soft hyphen": between(["\u00ad"], false),
  "bidi controls": (word, draw) =>
    `${pick(draw, ["\u202a", "\u202d", "\u2066"])}${between(["\u200e", "\u200f", "\u202c"])(word, draw)}\u202c`,
  "bidi override": word => `\u202e${[...word].reverse().join("")}\u202c`,
  "combining marks": letters((c, draw) => c + String.fromCodePoint(0x300 + draw.below(0x70)).repeat(1 + draw.below(3))),
  accents: letters(table({ a: "áàâäå", c: "ç", e: "éèêë", i: "íìîï", n: "ñ", o: "óòôö", u: "úùûü", y: "ý", s: "š", z: "ž" })),
  separators: between([".", "-", "_", "*", " ", "/", "~", " . ", "--", "·"]),
  "line breaks": between(["\n", "\r\n", " \n"]),
  "repeated letters": letters((c, draw) => c.repeat(3 + draw.below(5)), 0.3),
  "doubled letters": word => [...word].map(c => c + c).join(""),
  stars: (word, draw) => {
    const at = 1 + draw.below(word.length - 1);
    return `${word.slice(0, at)}*${word.slice(at + 1)}`;
  },
  base64: (word, draw) => base64(draw.below(2) === 0 ? word : sentence(word)),
  hexadecimal: (word, draw) => hex(draw.below(2) === 0 ? word : sentence(word)),
  "URL encoding": percent,
  ROT13: word => word.replace(/[a-z]/g, c => String.fromCharCode(((c.charCodeAt(0) - 97 + 13) % 26) + 97)),
  "HTML entities": letters((c, draw) => pick(draw, [`&#${c.charCodeAt(0)};`, `&#x${c.charCodeAt(0).toString(16)};`]), 1),
  markup: between(["<b></b>", "<!-- -->", "<span class=x>", "</i>", "<wbr>"], false),
  "regional indicators": word => [...word].map(shifted(0x1f1e6)).join("\u200b"),
  "enclosed letters": (word, draw) => [...word].map(shifted(pick(draw, [0x24d0, 0x1f130, 0x1f150, 0x1f170]))).join(""),
  "tag characters": word => `hi${[...word].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("")}`,
  "nested encodings": (word, draw) =>
    pick(draw, [
      (w: string) => base64(base64(w)),
      (w: string) => percent(base64(w)),
      (w: string) => base64(percent(w)),
      (w: string) => hex(base64(w)),
    ])(word),
};
export const disguiseNames = Object.keys(disguises);
