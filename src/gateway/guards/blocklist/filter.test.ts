import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findersOf, longestMatch, parsePattern, unitsOf } from "../../../text/index.ts";
import type { FilteredPiece, TextFilter, TextForm } from "../contract.ts";
import { type ListAction, listFilter } from "./filter.ts";

interface List {
  readonly words?: readonly string[];
  readonly patterns?: readonly string[];
  readonly wholeWords?: boolean;
}

function filterOf({ words = [], patterns = [], wholeWords = true }: List, action: ListAction, form: TextForm = "text"): TextFilter {
  const finders = findersOf({ words: words.map(unitsOf), trees: patterns.map(parsePattern), wholeWords });
  return listFilter({ finders, action, mask: "#", form });
}

interface Outcome {
  readonly text: string;
  readonly isBlocked: boolean;
  readonly did: boolean;
}
function run(filter: TextFilter, pieces: readonly string[]): Outcome {
  let text = "";
  let did = false;
  for (const piece of [...pieces.map(p => () => filter.push(p)), () => filter.end()]) {
    const got = piece() as FilteredPiece;
    text += got.text;
    did ||= got.did !== undefined;
    if (got.isBlocked) return { text, isBlocked: true, did };
  }
  return { text, isBlocked: false, did };
}
const masked = (list: List, text: string, form: TextForm = "text") => run(filterOf(list, "mask", form), [text]).text;
const isFound = (list: List, text: string) => run(filterOf(list, "block"), [text]).isBlocked;

const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const at = [0, ...cuts.map(c => c % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((to, i) => text.slice(at[i], to));
};

/** Few letters, so that words are met; look-alikes, accents, spaces, a pair of surrogates. */
const letter = fc.constantFrom(
  "a",
  "b",
  "c",
  "A",
  "а",
  "á",
  " ",
  "  ",
  "\n",
  "-",
  "𝐛",
  "ﬁ",
  "1",
  "\u200b",
  ".",
  "*",
  "4",
  "8",
  "%61",
  "<b>",
  "<",
  "&#98;",
  "&",
  ";",
  "🅱",
  "YWJj",
  "\u{e0061}",
);
const text = fc.array(letter, { maxLength: 40 }).map(l => l.join(""));
const word = fc
  .array(fc.constantFrom("a", "b", "c", " ", "fi"), { minLength: 1, maxLength: 5 })
  .map(l => l.join(""))
  .filter(w => unitsOf(w).length > 0);
const pattern = fc.constantFrom("a+b", "ab|bc?a", "\\ba[^b]{1,3}c", "(?:ab){2}", "a.*c", "b$", "^a", "[a-b]+\\b", "\\d", "f\\s*i");
const lists = fc.record({
  words: fc.array(word, { maxLength: 4 }),
  patterns: fc.array(pattern, { maxLength: 3 }),
  wholeWords: fc.boolean(),
});
const cuts = fc.array(fc.nat({ max: 100 }), { maxLength: 8 });
const actions = fc.constantFrom<ListAction>("block", "mask", "flag");

describe("however a text is cut", () => {
  test("the same of it leaves, and the same is said of it", () => {
    fc.assert(
      fc.property(lists, actions, text, cuts, (list, action, whole, at) => {
        expect(run(filterOf(list, action), cutAt(whole, at))).toEqual(run(filterOf(list, action), [whole]));
      }),
      { numRuns: 2000 },
    );
  });

  test("JSON too, with its escapes", () => {
    fc.assert(
      fc.property(lists, actions, text, cuts, fc.boolean(), (list, action, value, at, isAscii) => {
        const written = JSON.stringify({ value });
        const whole = isAscii ? written.replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`) : written;
        expect(run(filterOf(list, action, "json"), cutAt(whole, at))).toEqual(run(filterOf(list, action, "json"), [whole]));
      }),
      { numRuns: 1000 },
    );
  });

  test("base64 that goes on with a percent-encoded character is held back with it", () => {
    const whole = "YWJj%61a";
    const list = { patterns: ["a+b"], wholeWords: false };
    for (let at = 0; at <= whole.length; at++)
      expect(run(filterOf(list, "block"), [whole.slice(0, at), whole.slice(at)])).toEqual(run(filterOf(list, "block"), [whole]));
  });

  test("nothing of a blocked passage leaves", () => {
    fc.assert(
      fc.property(text, text, cuts, (before, after, at) => {
        const passage = "zq forbidden zq";
        const whole = `${before} ${passage} ${after}`;
        const { text: left, isBlocked } = run(filterOf({ words: [passage], patterns: ["zq.*zq"] }, "block"), cutAt(whole, at));
        expect(isBlocked).toBe(true);
        expect(left).not.toContain("z");
        expect(`${before} `).toContain(left);
      }),
      { numRuns: 500 },
    );
  });

  test("a mask leaves nothing that the list would find, where the mask itself is none", () => {
    fc.assert(
      fc.property(lists, text, (list, whole) => {
        const clean = masked(list, whole).split("#");
        // what stands between two masks was looked at with its neighbours; on its own a $ or a whole word may begin there
        if ((list.patterns ?? []).some(p => /[\^$]|\\b/.test(p)) || list.wholeWords) return;
        for (const part of clean) expect(isFound({ ...list }, part)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

test("patterns find where JavaScript's find", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c", " ", "\n", "1"), { maxLength: 30 }).map(l => l.join("")),
      fc.constantFrom(
        "a+b",
        "ab|bc?a",
        "\\ba[^b]{1,3}c",
        "(?:ab){2}",
        "a.*c",
        "b$",
        "^a",
        "[a-b]+\\b",
        "\\d{2,}",
        "a\\B",
        "(a|b)*c1",
        "c{2,3}\\s",
      ),
      (whole, source) => {
        expect(isFound({ patterns: [source] }, whole)).toBe(new RegExp(source, "iu").test(whole));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a mask takes the whole of a finding", () => {
  expect(masked({ patterns: ["\\w+@corp\\.example"] }, "to joe.doe@corp.example now")).toBe("to joe.# now");
  expect(masked({ patterns: ["\\d+"] }, "12 and 345")).toBe("# and #");
  expect(masked({ words: ["red", "red fox"] }, "a red  fox, a red hen")).toBe("a #, a # hen");
});

test("whole words are not found in longer ones, parts are where they are asked for", () => {
  expect(isFound({ words: ["ass"] }, "a classic assay")).toBe(false);
  expect(isFound({ words: ["ass"] }, "what an ass!")).toBe(true);
  expect(isFound({ words: ["ass"], wholeWords: false }, "a classic")).toBe(true);
  expect(isFound({ words: ["c++"] }, "use C++.")).toBe(true);
});

test.each([
  ["case", "BoMb"],
  ["Cyrillic", "bоmb"],
  ["Greek and Cyrillic", "ьοмь"],
  ["full width", "ｂｏｍｂ"],
  ["mathematical letters", "𝓫𝓸𝓶𝓫"],
  ["accents", "bómb\u0302"],
  ["invisible characters", "b\u200bo\u00adm\u2060b"],
])("%s do not hide a word", (_, hidden) => {
  expect(isFound({ words: ["bomb"] }, `a ${hidden}.`)).toBe(true);
  expect(isFound({ patterns: ["\\bbom[b]\\b"] }, `a ${hidden}.`)).toBe(true);
  expect(masked({ words: ["bomb"] }, `a ${hidden}.`)).toBe("a #.");
});

test.each([
  "b.o.m.b",
  "b o m b",
  "b-o-m-b",
  "b_o_m_b",
  "b . o . m . b",
  "boooomb",
  "BOOOMMMB",
  "b*mb",
  "b**b",
  "b*o*m*b",
  "b0mb",
  "8omb",
  "b0oo0mb",
  "Ym9tYg==",
  "bWFrZSBhIGJvbWIgbm93",
  "626f6d62",
  "b%6Fmb",
  "%62%6f%6d%62",
  "WW05dFlnPT0=",
  [..."make a bomb"].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join(""),
  [...Buffer.from("a bomb")].map(b => String.fromCodePoint(0xe0100 + b - 16)).join(""),
])("b.o.m.b, boooomb, b*mb and b0mb do not pass the blocklist: %s", hidden => {
  for (const wholeWords of [true, false]) {
    expect(isFound({ words: ["bomb"], wholeWords }, `make a ${hidden}, now`)).toBe(true);
    expect(isFound({ words: ["bomb"], wholeWords }, hidden)).toBe(true);
  }
  const left = masked({ words: ["bomb"] }, `make a ${hidden}, now`);
  expect(left.startsWith("make a ")).toBe(true);
  expect(left.endsWith("#, now")).toBe(true);
});

test.each([
  "w1re transfer",
  "wire tr4nsfer",
  "w1r3-transferrrr",
  "wiiire\ntransfer",
  "w*re transfer",
  "w%69re%20transfer",
  "w.i.r.e t.r.a.n.s.f.e.r",
])("a phrase is found however its words are dressed: %s", hidden => {
  expect(masked({ words: ["wire transfer"] }, `a ${hidden}.`)).toBe("a #.");
});

test.each([
  "classic",
  "a55 road",
  "455",
  "the assay",
  "A. S. Smith",
  "bo mb",
  "bom.b",
  "b*b",
  "*bom*",
  "comb 0f",
  "a s s e t",
  "boomb",
  "100% sure",
  "face deed 2026",
])("what only looks a little like a word is none: %s", plain => {
  expect(isFound({ words: ["bomb", "ass"] }, `so ${plain} then`)).toBe(false);
});

test("words of other scripts are found as they are", () => {
  expect(isFound({ words: ["запрет"] }, "Это ЗАПРЕТ!")).toBe(true);
  expect(isFound({ words: ["禁止"], wholeWords: false }, "这里禁止吸烟")).toBe(true);
  expect(isFound({ words: ["straße"] }, "STRASSE 4")).toBe(true);
  // a vowel sign is a letter: another word
  expect(isFound({ words: ["कल"] }, "काल")).toBe(false);
});

test("escapes of JSON do not hide a word, and a mask leaves JSON", () => {
  const text = '{"q":"make a b\\u006fmb\\nnow","n":1}';
  const out = masked({ words: ["bomb now"] }, text, "json");
  expect(JSON.parse(out)).toEqual({ q: "make a #", n: 1 });
});

test("nothing is held back of a text that can become no finding", () => {
  const filter = filterOf({ words: ["zebra"], patterns: ["zone\\d+"] }, "block");
  expect((filter.push("hello there") as FilteredPiece).text).toBe("hello there");
  expect((filter.push(" zon") as FilteredPiece).text).toBe(" ");
  expect((filter.push("al") as FilteredPiece).text).toBe("zonal");
});

test("what is held back is bounded, whatever the pattern", () => {
  const filter = filterOf({ patterns: ["x.*y"] }, "block");
  let out = "";
  for (let i = 0; i < 20; i++) out += (filter.push("x".repeat(200)) as FilteredPiece).text;
  expect(out.length).toBeGreaterThanOrEqual(4000 - longestMatch - 1);
});

test("a way that has become too long does not hide a shorter one that it met", () => {
  expect(isFound({ patterns: ["x[^y]*y"] }, `x${"-".repeat(longestMatch)}x--y`)).toBe(true);
  expect(isFound({ patterns: ["x[^y]*y"] }, `x${"-".repeat(longestMatch)}y`)).toBe(false);
});
