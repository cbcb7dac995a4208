import fc from "fast-check";
import { expect, test } from "vitest";
import { wordsApart } from "./apart.ts";
import { foldText, isInvisible } from "./fold.ts";
import { type HiddenText, hiddenReader, hiddenTexts } from "./hidden.ts";
import { foldedText, type Normalised, visibleText } from "./normalise.ts";
import { fitsStars, isDisguised, mostReadings, readingsOf } from "./readings.ts";

const unit = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map(c => String.fromCharCode(c)),
  fc.integer({ min: 0, max: 0x10ffff }).map(c => String.fromCodePoint(c)),
  fc.constantFrom("a", "B", "1", "é", "ﬁ", "ｂ", "о", "\u200b", "\u00ad", "\u{e0061}", "\ufe0f", "\u202e", "𝐛", "ß", " ", "%61", "YWJj"),
);
/** UTF-16 as it may come, halves of characters too. */
const anyText = fc.array(unit, { maxLength: 30 }).map(parts => parts.join(""));
const wordOf = (text: string) => [...text].map(c => c.codePointAt(0)!);
const read = (word: string) => readingsOf(wordOf(word)).map(r => String.fromCodePoint(...r.units));

test.each<[string, (text: string) => Normalised]>([
  ["foldedText", foldedText],
  ["visibleText", visibleText],
])("%s: the map of offsets never falls and lies in the text, whatever the UTF-16", (_, normalise) => {
  fc.assert(
    fc.property(anyText, text => {
      const normal = normalise(text);
      let last = 0;
      for (let i = 0; i < normal.text.length; i++) {
        const [start, end] = [normal.startOf(i), normal.endOf(i)];
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThan(start);
        expect(end).toBeLessThanOrEqual(text.length);
        last = start;
      }
      expect(normal.text.length).toBeLessThanOrEqual(18 * text.length);
      // what lies between is left out: nothing of it can be seen
      const covered = new Set(Array.from({ length: normal.text.length }, (_, i) => normal.startOf(i)));
      for (let i = 0; i < text.length; i++) {
        const codePoint = text.codePointAt(i)!;
        if (!covered.has(i) && foldText(String.fromCodePoint(codePoint)).length > 0) expect(isInvisible(codePoint)).toBe(true);
        if (codePoint > 0xffff) i++;
      }
    }),
    { numRuns: 500 },
  );
});

test("normalising twice is normalising once, and small ASCII is its own form", () => {
  fc.assert(
    fc.property(anyText, text => {
      for (const normalise of [foldedText, visibleText]) {
        const once = normalise(text).text;
        expect(normalise(once).text).toBe(once);
      }
    }),
    { numRuns: 1000 },
  );
  const plain = "small letters, 12 digits\nand (signs).";
  expect(foldedText(plain).text).toBe(plain);
  expect(visibleText("Capitals stay").text).toBe("Capitals stay");
});

test.each([
  ["Ｂｏｍｂ", "bomb"],
  ["𝓫𝓸𝓶𝓫", "bomb"],
  ["bоmь", "bomb"],
  ["ВОМВ in Cyrillic capitals", "bomb in cyrillic capitals"],
  ["b\u200bo\u00adm\u202eb", "bomb"],
  ["b\u{e0061}omb\ufe0f", "bomb"],
  ["bómb\u0302", "bomb"],
  ["ﬁre", "fire"],
  ["Straße", "strasse"],
  ["काल", "काल"],
])("%s folds to %s", (text, folded) => expect(foldedText(text).text).toBe(folded));

test("what can be seen stays as it is written, and digits of any width are digits", () => {
  expect(visibleText("４５\u200b５６ Ünïted 漢字 А").text).toBe("4556 Ünïted 漢字 А");
});

test("digits, signs, drawn-out letters and marks between letters have readings; plain words and numbers have none", () => {
  expect(read("b0mb")).toEqual(["bomb"]);
  expect(read("b1ll")).toEqual(["bill", "blll", "bl", "bll"].slice(0, read("b1ll").length));
  expect(read("a$$hole!!!")).toContain("asshole");
  expect(read("boooomb")).toEqual(["bomb", "boomb"]);
  expect(read("b*o*m*b")).toContain("bomb");
  expect(read("b_0_m_b")).toContain("bomb");
  for (const plain of ["bomb", "boomb", "classic", "", "455", "a55"]) expect(read(plain)).toEqual([]);
});

test("readings are few, no longer than the word, and map to places in it", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(..."ab10$!*_|+€x"), { maxLength: 40 }), letters => {
      const word = letters.map(c => c.codePointAt(0)!);
      const readings = readingsOf(word);
      expect(readings.length).toBeLessThanOrEqual(mostReadings);
      if (readings.length > 0) expect(isDisguised(word)).toBe(true);
      for (const { units, at, ends } of readings) {
        expect([at.length, ends.length]).toEqual([units.length, units.length]);
        for (const [i, place] of at.entries()) {
          expect(ends[i]).toBeGreaterThan(place);
          expect(place).toBeGreaterThanOrEqual(i === 0 ? 0 : ends[i - 1]!);
        }
        expect(ends.at(-1)).toBeLessThanOrEqual(word.length);
      }
    }),
    { numRuns: 500 },
  );
});

test("stars stand for letters of a word as long", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z*]{0,8}$/), fc.stringMatching(/^[a-z]{0,8}$/), (word, other) => {
      if (fitsStars(wordOf(word), wordOf(other))) expect(new RegExp(`^${word.replaceAll("*", "[a-z]")}$`).test(other)).toBe(true);
    }),
  );
  expect(fitsStars(wordOf("b**b"), wordOf("bomb"))).toBe(true);
  expect(fitsStars(wordOf("b***"), wordOf("bomb"))).toBe(false);
});

test("letters set apart are a word together, and by the mark between them", () => {
  const apart = (text: string) =>
    wordsApart(
      [...text.matchAll(/([^a-z]*)([a-z])/g)].map(([, gap = "", c = ""], i) => ({ unit: c.charCodeAt(0), start: i, end: i + 1, gap })),
    ).map(w => String.fromCharCode(...w.map(l => l.unit)));
  expect(apart("b.o.m.b")).toEqual(["bomb"]);
  expect(apart("a b.o.m.b")).toContain("bomb");
  expect(apart("b o-m.b")).toContain("bomb");
  expect(apart("a b o m b")).toContain("bomb");
  expect(apart("b.o")).toEqual([]);
});

const textsIn = (text: string) => hiddenTexts(text).map(h => h.text);

test("encoded ASCII texts are decoded, with their places", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]{6,60}$/), hidden => {
      const base64 = Buffer.from(hidden).toString("base64");
      const url = Buffer.from(hidden).toString("base64url");
      const hex = Buffer.from(hidden).toString("hex");
      const percent = [...hidden].map(c => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
      const tags = [...hidden].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("");
      const selectors = [...Buffer.from(hidden)].map(b => String.fromCodePoint(b < 16 ? 0xfe00 + b : 0xe0100 + b - 16)).join("");
      for (const code of [base64, url, hex, percent, tags, selectors]) {
        const found = hiddenTexts(`see: ${code} .`).find(h => h.text === hidden);
        expect([code, found?.text]).toEqual([code, hidden]);
        expect(found!.starts[0]).toBe(5);
        expect(found!.starts.at(-1)).toBe(5 + code.length);
        expect(found!.starts.length).toBe(hidden.length + 1);
      }
    }),
    { numRuns: 200 },
  );
  expect(textsIn("b%6fmb%20now")).toEqual(["bomb now"]);
  expect(textsIn("%D0%B1%D0%BE%D0%BC")).toEqual(["бом"]);
});

test("ordinary text hides nothing, and hiding is read the same character by character", () => {
  expect(textsIn("The United States of America has internationalisation; 100 % of it ❤️ and 🏳️‍🌈.")).toEqual([]);
  fc.assert(
    fc.property(anyText, text => {
      const one: HiddenText[] = [];
      const reader = hiddenReader(h => one.push(h));
      for (let i = 0; i < text.length; ) {
        const codePoint = text.codePointAt(i)!;
        const end = i + (codePoint > 0xffff ? 2 : 1);
        reader.take(codePoint, i, end);
        i = end;
      }
      reader.end();
      const sorted = (all: HiddenText[]) => all.map(h => JSON.stringify(h)).sort();
      expect(sorted(hiddenTexts(text))).toEqual(sorted(one));
      for (const { text: hidden, starts } of one) {
        expect(starts.length).toBe(hidden.length + 1);
        expect([...starts].sort((a, b) => a - b)).toEqual(starts);
      }
    }),
    { numRuns: 500 },
  );
});

test("encoded texts among words are found as they are character by character", () => {
  const hidden = fc.stringMatching(/^[ -~]{1,20}$/);
  const piece = fc.oneof(
    hidden,
    hidden.map(text => Buffer.from(text).toString("base64")),
    hidden.map(text => Buffer.from(text).toString("hex")),
    hidden.map(text => `x-${Buffer.from(text).toString("hex").toUpperCase()}_z`),
    hidden.map(text => encodeURIComponent(text)),
    fc.constantFrom("facade", "deadbeefdeadbeef", "=", "==", " ", "/", "%", "%4", "\u3000", "é", "internationalisation"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom("", " ", "-", "\n"), (pieces, between) => {
      const text = pieces.join(between);
      const one: HiddenText[] = [];
      const reader = hiddenReader(h => one.push(h));
      for (let i = 0; i < text.length; i++) reader.take(text.charCodeAt(i), i, i + 1);
      reader.end();
      const sorted = (all: HiddenText[]) => all.map(h => JSON.stringify(h)).sort();
      expect(sorted(hiddenTexts(text))).toEqual(sorted(one));
    }),
    { numRuns: 1000 },
  );
});

test("a long hidden text is decoded in windows that overlap, none longer than a window", () => {
  const hidden = "0123456789 ".repeat(1_000);
  for (const code of [
    Buffer.from(hidden).toString("base64"),
    hidden.replace(/[ -~]/g, c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))),
  ]) {
    const parts = hiddenTexts(code);
    expect(parts.length).toBeGreaterThan(10);
    for (const part of parts) expect(part.text.length).toBeLessThanOrEqual(768);
    expect(parts.map(p => p.text.length).reduce((a, b) => a + b)).toBeLessThan(2 * hidden.length);
  }
});
