import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { DocumentAttributes } from "../../document.ts";
import { noResources } from "../../resources.ts";
import { htmlToText } from "../../sources/html.ts";
import type { AugmentMethod } from "../method.ts";
import type { AugmentMethodName } from "../method-parts.ts";
import { methods } from "../methods.ts";
import { blocksOf, toHtml, toMarkdown } from "./markup/markup.ts";

const prose = `Meeting on Friday

Dear Ann, please send the 1,250 forms to bob@example.org before 12:30, see http://example.org/a_b?c=1 for details.
I don't think we'll need more than 3 copies; ask the office in Zürich.

- bring the keys
- call +41 44 123 45 67`;

async function vary(
  name: AugmentMethodName,
  text: string,
  options: object = {},
  seed: number | string = 1,
  attributes: DocumentAttributes = {},
) {
  const method: AugmentMethod = methods[name];
  if (method.kind !== "plain") throw new Error("a plain method");
  const o = method.options.parse(options);
  const state = await method.prepare?.(o, noResources);
  const variant = method.vary({ id: "a", text, source: "a", attributes }, random(seed), o, state);
  return variant.rejected ?? variant.text;
}
const words = (text: string) => text.match(/\S+/g) ?? [];
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom("the", "Word", "don't", "x@y.org", "5", "\n", "\n\n", "- item", "&lt;", "<b>", "*s*", "# h", "a\u3000b"),
        fc.string({ maxLength: 8 }),
      ),
    )
    .map(a => a.join(" ")),
);

test("every plain method gives the same variant for the same seed, and others for others", async () => {
  const rows: [AugmentMethodName, object][] = [
    ["word-drop", { rate: 0.3 }],
    ["word-swap", { rate: 0.3 }],
    ["keyboard", { rate: 0.5 }],
    ["case", {}],
    ["markup", { rate: 0.3 }],
    ["synonym", { table: { send: ["mail", "post"], please: ["kindly"] }, rate: 0.5 }],
  ];
  for (const [name, options] of rows) {
    const made = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      const text = await vary(name, prose, options, seed);
      expect(await vary(name, prose, options, seed), name).toBe(text);
      made.add(text);
    }
    expect(made.size, name).toBeGreaterThan(2);
  }
});

test("numbers, addresses and paths come through the methods that change words", async () => {
  for (const name of ["word-drop", "word-swap", "keyboard", "case"] as const)
    for (let seed = 0; seed < 30; seed++) {
      const text = await vary(name, prose, name === "case" ? {} : { rate: 0.5 }, seed);
      for (const kept of ["1,250", "bob@example.org", "12:30", "http://example.org/a_b?c=1", "+41 44 123 45 67"])
        expect(text, `${name} ${seed}`).toContain(kept);
    }
});

test("word-drop leaves a part of the words in their order, about as many as asked, and never none", async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.integer(), async (text, seed) => {
      const made = await vary("word-drop", text, { rate: 0.5 }, seed);
      if (made === "unchanged") return;
      let at = 0;
      for (const c of made.replace(/\s/g, "")) {
        at = text.indexOf(c, at) + 1;
        expect(at).toBeGreaterThan(0);
      }
    }),
  );
  let left = 0;
  for (let seed = 0; seed < 50; seed++) left += words(await vary("word-drop", "word ".repeat(100).trim(), { rate: 0.2 }, seed)).length;
  expect(left / 5000).toBeCloseTo(0.8, 1);
  expect(await vary("word-drop", "alone", { rate: 0.9 })).toBe("unchanged");
});

test("word-swap keeps every word and every line's words in their line", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const made = await vary("word-swap", prose, { rate: 0.4 }, seed);
    const lines = (t: string) => t.split("\n").map(l => (l.match(/[\p{L}]+/gu) ?? []).sort());
    expect(lines(made)).toEqual(lines(prose));
  }
});

test("keyboard: a word has at most one error, and a wrong letter is a neighbour of the right one", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const made = words(await vary("keyboard", "quick brown foxes jump over lazy dogs", { rate: 1, kinds: ["neighbour"] }, seed));
    for (const [i, word] of words("quick brown foxes jump over lazy dogs").entries()) {
      const wrong = [...word].flatMap((c, k) => (made[i]![k] === c ? [] : [[c, made[i]![k]!]]));
      expect(wrong.length).toBe(1);
      const near: Record<string, string> = { a: "qwszsx", g: "rtyfhcvb", o: "iplk", k: "iojlmn" };
      const [right, other] = wrong[0]!;
      if (near[right!]) expect(near[right!]).toContain(other);
    }
  }
  // Y and Z have changed places.
  const typed = async (layout: string) =>
    new Set(
      await Promise.all(
        Array.from({ length: 60 }, (_, s) =>
          vary("keyboard", "ttt", { layout, rate: 1, kinds: ["neighbour"] }, s).then(t => [...t].find(c => c !== "t")),
        ),
      ),
    );
  expect((await typed("qwerty")).has("y")).toBe(true);
  expect((await typed("qwertz")).has("y")).toBe(false);
  expect((await typed("qwertz")).has("z")).toBe(true);
});

test("case changes letters' case and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.integer(), async (text, seed) => {
      const made = await vary("case", text, {}, seed);
      if (made !== "unchanged") expect(made.toUpperCase().toLowerCase()).toBe(text.toUpperCase().toLowerCase());
    }),
  );
});

test("synonym replaces what the table names, in the case of the word, and nothing else", async () => {
  const table = { quick: ["fast"], dog: ["hound"] };
  expect(await vary("synonym", "Quick, the QUICK dog's dog. Doggy http://dog.org", { table, rate: 1 })).toBe(
    "Fast, the FAST dog's hound. Doggy http://dog.org",
  );
  expect(await vary("synonym", "nothing of that", { table, rate: 1 })).toBe("unchanged");
  expect(() => methods.synonym.options.parse({})).toThrow("either a table or a file");
});

test("synonym reads tables of a file, JSON or lines, and tells a broken line", async () => {
  const from = (content: string) =>
    methods.synonym.prepare!(methods.synonym.options.parse({ file: "s" }), { ...noResources, file: async () => Buffer.from(content) });
  const both = new Map([["buy", ["get", "purchase"]]]);
  expect(await from('{"Buy": ["get", "purchase"]}')).toEqual(both);
  expect(await from("# mine\nbuy\tget, purchase\r\n")).toEqual(both);
  await expect(from("buy get")).rejects.toThrow('s: entry 1: expected a word, a tab, and words with commas between, got "buy get"');
  await expect(from('{"buy": 1}')).rejects.toMatchObject({ code: "data/resource" });
});

test("markup: the page's words are the text's words, whatever the text", () => {
  fc.assert(
    fc.property(texts, fc.integer(), (text, seed) => {
      // What no page can carry: NUL, and a carriage return, which HTML reads as a line feed.
      const plain = text.replaceAll("\u0000", "");
      const read = htmlToText(toHtml(plain, random(seed), 0.3));
      const bullets = blocksOf(plain).flatMap(b => (b.kind === "list" ? b.lines : []));
      const normal = (t: string) => words(t).filter(w => bullets.length === 0 || !/^[-*•]$/.test(w));
      expect(normal(read)).toEqual(normal(plain));
    }),
    { numRuns: 300 },
  );
});

test("markup: Markdown without its marks is the text's words", () => {
  const unmarked = (md: string) =>
    words(
      md
        .replace(/^# /gm, "")
        .replace(/^[-*+] /gm, "")
        .replace(/(?<!\\)\*\*|(?<!\\)_/g, "")
        .replace(/\\([\\`*_<>#[\]+=.)-])/g, "$1"),
    );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("the", "Word", "1.", "- item", "\n", "\n\n", "x", "#5", "a*b", "<i>", "= 3")),
      fc.integer(),
      (parts, seed) => {
        const text = parts.join(" ");
        const bullets = (w: string) => w !== "-";
        expect(unmarked(toMarkdown(text, random(seed), 0.3)).filter(bullets)).toEqual(words(text).filter(bullets));
      },
    ),
  );
});

test("numbers: the values stay, years and codes too", async () => {
  const text =
    "In 2002 about 1,250,000 people and 48000 cars; order 12345, code 0012345 items, tel. 555-12345 calls, 12% or 7.5 % of $1,000. http://a.org/b?c=1%";
  expect(await vary("numbers", text)).toBe(
    "In 2002 about 1250000 people and 48,000 cars; order 12345, code 0012345 items, tel. 555-12345 calls, 12 percent or 7.5 percent of $1,000. http://a.org/b?c=1%",
  );
  expect(await vary("numbers", "1.250.000 Leute, 12 %", { decimal: ",", percent: "Prozent" })).toBe("1250000 Leute, 12 Prozent");
});

test("template: slots are carried over, inside a sentence only, any number of times", async () => {
  const rules = [{ from: "please send {what} to {who}", to: ["could you send {who} {what}?"] }];
  expect(await vary("template", "Hi. Please send the keys to Ann. Then please send it to me, now.", { rules })).toBe(
    "Hi. Could you send Ann the keys?. Then could you send me, now it?.",
  );
  expect(await vary("template", "Please send it. To whom?", { rules })).toBe("unchanged");
  const leading = [{ from: "{who} is going to", to: ["{who} will"] }];
  expect(await vary("template", "Well; my aunt is going to sing. She is going to.", { rules: leading })).toBe(
    "Well; my aunt will sing. She will.",
  );
  expect(await vary("template", "He xis going to", { rules: leading })).toBe("unchanged");
});

test("template: a frame holds the whole document and its attributes; one whose attribute is missing is not used", async () => {
  const rules = [{ to: ["From {from}: {text}"] }];
  expect(await vary("template", "hello {x}", { rules }, 1, { from: "ann" })).toBe("From ann: hello {x}");
  expect(await vary("template", "hello", { rules })).toBe("unchanged");
});

test("template: what cannot be meant is refused when it is read", () => {
  const parse = (rule: object) => () => methods.template.options.parse({ rules: [rule] });
  expect(parse({ from: "a {b}{c}", to: ["x"] })).toThrow("apart from one another");
  expect(parse({ from: "say {b}", to: ["{c}"] })).toThrow("slots in `to` that `from` has");
  expect(parse({ from: "{b} {c}", to: ["x"] })).toThrow("some words of its own");
  expect(parse({ from: "open {b", to: ["x"] })).toThrow("no other braces");
});

test("template: hostile texts take time in proportion, and any text goes through", async () => {
  const rules = [{ from: "aaa {x} bbb {y} ccc", to: ["{y} {x}"] }];
  expect(await vary("template", "aaa bbb ".repeat(20_000), { rules })).toBe("unchanged");
  await fc.assert(
    fc.asyncProperty(texts, async text => {
      expect(typeof (await vary("template", text, { rules: [{ from: "the {x} Word", to: ["Word {x}"] }] }))).toBe("string");
    }),
  );
});
