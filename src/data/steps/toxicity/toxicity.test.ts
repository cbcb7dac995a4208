import fc from "fast-check";
import { expect, test } from "vitest";
import { noResources, type Resources } from "../../resources.ts";
import { ToxicTermFinder } from "./finder.ts";
import { toxicity } from "./toxicity.ts";
import { defaultWords } from "./words.ts";

async function run(text: string, o: object = {}, resources: Resources = noResources) {
  const parsed = toxicity.options.parse(o);
  return toxicity.apply({ id: "a", text, source: "s", attributes: {} }, parsed, await toxicity.prepare!(parsed, resources));
}
const finder = new ToxicTermFinder({ test: { zorgle: 1, "blick*": 0.5, "snorf it": 0.25 } });
const hits = (text: string) => finder.find(text).categories.get("test")?.count ?? 0;

test("a word is found however it is dressed", () => {
  for (const text of [
    "zorgle",
    "Zorgle!",
    "(ZORGLE)",
    "zörglé",
    "z0rgle",
    "z0rgl3",
    "zоrglе",
    "zooorgle",
    "zorrrgleee",
    "z.o.r.g.l.e",
    "z o r g l e",
    "Z-O-R-G-L-E",
    "z*rgle",
    "z**gle",
    "zorgle's",
    "zorgle-like",
    "ｚｏｒｇｌｅ",
    "bl1ck",
    "blickered",
    "b l i c k e r",
    "snorf it",
    "Snorf  IT",
    "snörf\nit",
  ])
    expect([text, hits(`so ${text} then`)]).toEqual([text, 1]);
});

test("what only holds it or is half of it is not found", () => {
  for (const text of [
    "zorgles",
    "azorgle",
    "zorg",
    "******",
    "z****e",
    "ablick",
    "z o r",
    "snorf",
    "snorf, that it",
    "2086",
    "blic",
    "x*x",
  ])
    expect([text, hits(`so ${text} then`)]).toEqual([text, 0]);
  // The town in Lincolnshire, and other whole words that hold an offending one.
  const words = new ToxicTermFinder(defaultWords);
  for (const word of [
    "Scunthorpe",
    "classic",
    "assume",
    "Dickens",
    "cockpit",
    "shiitake",
    "analysis",
    "Essex",
    "therapist",
    "Penistone",
    "455",
    "a55 road",
    "1.5 kg",
  ])
    expect([word, words.find(word).weight]).toEqual([word, 0]);
});

test("weights and counts add up over any order of words", () => {
  const word = fc.constantFrom("zorgle", "blicks", "tree", "sea", "z0rgle", "b l i c k");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), words => {
      const found = finder.find(words.join(", "));
      const of = (...some: string[]) => words.filter(w => some.includes(w)).length;
      const [strong, weak] = [of("zorgle", "z0rgle"), of("blicks", "b l i c k")];
      expect(found.weight).toBeCloseTo(strong + weak / 2, 10);
      expect(found.categories.get("test")?.count ?? 0).toBe(strong + weak);
    }),
  );
});

test("density is by 1,000 words, of a short text by 50 at least", async () => {
  const o = { defaults: false, words: { a: { bad: 1 }, b: { worse: 0.5 } }, maxToxicity: 20, maxByCategory: { b: 5, c: 0 } };
  expect(await run("bad", o)).toEqual({
    attributes: { toxicity: 20, toxicWords: ["a 1"] },
    verdicts: [
      { rule: "toxicity", keep: true, value: 20, threshold: 20 },
      { rule: "toxicity-b", keep: true, value: 0, threshold: 5 },
      { rule: "toxicity-c", keep: true, value: 0, threshold: 0 },
    ],
  });
  const hundred = `${"good ".repeat(97)}bad worse worse`;
  const { verdicts, attributes } = await run(hundred, o);
  expect(attributes).toEqual({ toxicity: 20, toxicWords: ["a 1", "b 2"] });
  expect(verdicts!.map(v => [v.rule, v.value, v.keep])).toEqual([
    ["toxicity", 20, true],
    ["toxicity-b", 10, false],
    ["toxicity-c", 0, true],
  ]);
  expect((await run("bad", { ...o, maxToxicity: null, maxByCategory: {} })).verdicts).toEqual([]);
});

test("lists come from files too, exceptions take words out, and the ledger never holds a word", async () => {
  const files: Readonly<Record<string, string>> = { "a.txt": "# comment\nbad\t0.5\r\nvery bad\n\n", "b.txt": "awful\n" };
  const resources: Resources = { ...noResources, file: async path => Buffer.from(files[path]!) };
  const o = {
    defaults: false,
    files: [
      { file: "a.txt", category: "x" },
      { file: "b.txt", category: "y", weight: 0.1 },
    ],
  };
  expect(toxicity.needs!(toxicity.options.parse(o))).toEqual(["a.txt", "b.txt"].map(path => ({ kind: "file", path })));
  const text = `bad very bad awful ${"word ".repeat(46)}`;
  const found = await run(text, o, resources);
  expect(found.attributes).toEqual({ toxicity: 32, toxicWords: ["x 2", "y 1"] });
  expect((await run(text, { ...o, except: ["bad"] }, resources)).attributes).toEqual({ toxicity: 22, toxicWords: ["x 1", "y 1"] });
  expect(JSON.stringify(found)).not.toMatch(/bad|awful/);
  const wrong: Resources = { ...noResources, file: async () => Buffer.from("good\nbad\t7\n") };
  await expect(run(text, o, wrong)).rejects.toThrow(/a\.txt:2: expected a word.*bad/);
});

test("the default words are found where they stand and their categories are told", async () => {
  const { attributes } = await run("You idiot, shut up, or I will kill you. This is bullsh1t.");
  expect(attributes).toMatchObject({ toxicWords: ["insult 2", "profanity 1", "threat 1"] });
  for (const words of Object.values(defaultWords))
    for (const [word, weight] of Object.entries(words))
      expect([word, new ToxicTermFinder(defaultWords).find(word.replace("*", "")).weight]).toEqual([word, weight]);
});

test("a zero-width space or soft hyphen does not hide a word from toxicity", () => {
  const tags = [..."zorgle"].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("");
  for (const text of [
    "zor\u200bgle",
    "zor\u00adgle",
    "z\u2060o\ufe0fr\u202egle",
    "z0r\u200bgle",
    tags,
    "em9yZ2xl",
    "7a6f72676c65",
    "%7A%6frgle",
    "z. o. r. g. l. e",
    "a z.o.r.g.l.e",
    "z.0.r.g.l.e",
    "z*o*r*g*l*e",
    "z_o_r_g_l_e",
  ])
    expect([text, hits(`so ${text} then`)]).toEqual([text, 1]);
  expect(hits("q=zorgle%20zorgle")).toBe(2);
});

test("what a text scores does not depend on the texts before it, and hostile ones take no time", () => {
  const texts = [
    "a ".repeat(50_000),
    "*".repeat(100_000),
    "z*".repeat(50_000),
    "a.".repeat(50_000),
    "aaa".repeat(30_000),
    "'-".repeat(50_000),
    "zorgle ".repeat(10_000),
  ];
  const alone = texts.map(t => new ToxicTermFinder(defaultWords).find(t));
  const after = new ToxicTermFinder(defaultWords);
  for (const [i, t] of texts.entries()) expect(after.find(t)).toEqual(alone[i]);
});
