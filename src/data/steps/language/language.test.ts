import { eld } from "eld/extrasmall";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noResources } from "../../resources.ts";
import { confidence, maxWindows } from "./detect.ts";
import type { Detect } from "./eld.ts";
import { language } from "./language.ts";
import { languageCodes } from "./names.ts";
import { languageParagraphs } from "./paragraphs.ts";
import { countLetters, runningText } from "./running-text.ts";

const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });
const detect = await language.prepare!(language.options.parse({ tables: "extrasmall" }), noResources);
const apply = (text: string, o: object = {}) =>
  language.apply(document(text), language.options.parse({ tables: "extrasmall", ...o }), detect);

const german =
  "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander begegnen.";
const french =
  "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et doivent agir les uns envers les autres.";
const english =
  "All human beings are born free and equal in dignity and rights. They are endowed with reason and should act towards one another kindly.";
const chinese = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。";

/** UTF-16 as it may come, halves of characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map(codes => String.fromCharCode(...codes));

test("the languages that may be asked for are those the tables know", () => {
  expect([...languageCodes].sort()).toEqual(Object.values(eld.info().Languages).sort());
  expect(() => language.options.parse({ allow: ["english"] })).toThrow();
});

test("documents stay exactly when their language is allowed and as sure as asked", () => {
  for (const [text, code] of [
    [german, "de"],
    [french, "fr"],
    [english, "en"],
    [chinese, "zh"],
  ] as const) {
    const { attributes, verdicts } = apply(text, { allow: ["de", "zh"], minScore: 0.5 });
    expect(attributes!.language).toBe(code);
    expect(verdicts).toContainEqual({ rule: "language", keep: ["de", "zh"].includes(code), value: code, threshold: "de zh" });
    expect(verdicts).toContainEqual({ rule: "language-score", keep: true, value: attributes!.languageScore, threshold: 0.5 });
  }
  expect(apply(german).verdicts).toEqual([]);
});

test("where nothing is language, the document is und, and und can be allowed", () => {
  const blob = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7919) % 251)).toString("base64");
  for (const text of [
    "",
    "2002-08-30 10:25 +0200 1234567",
    "https://www.beispiel.de/alle/menschen/sind/frei/und/gleich/geboren jemand@beispiel.de",
    blob,
    blob.replace(/(.{76})/g, "$1\n"),
    "```\nalle menschen sind frei und gleich an würde geboren\n```",
    'for (let i = 0; i < n; i++) { total += prices[i] * (1 + tax["standard"]); }\nreturn compute(total, { round: true });',
    "Hallo Welt",
    "ស្វាគមន៍មកកាន់ប្រទេសកម្ពុជា ប្រជាជនទាំងអស់កើតមកមានសេរីភាព",
  ]) {
    const { attributes } = apply(text);
    expect([text, attributes!.language, attributes!.languageScore]).toEqual([text, "und", 0]);
    expect(apply(text, { allow: ["de"] }).verdicts![0]!.keep).toBe(false);
    expect(apply(text, { allow: ["de", "und"] }).verdicts![0]!.keep).toBe(true);
  }
});

test("what is no language does not move the verdict of what is", () => {
  const noise = `https://example.com/this/is/an/english/address/of/some/length\n${"const value = compute(items[0], { deep: true });\n".repeat(5)}`;
  expect(apply(`${noise}\n${german}\n${noise}`).attributes).toMatchObject({ language: "de", languages: ["de 1.00"] });
});

test("shares add up the paragraphs by their characters", () => {
  const { attributes } = apply(`${german}\n\n${french}\n\n${german}`);
  expect(attributes!.language).toBe("de");
  const share = (2 * german.length + 4) / (2 * german.length + french.length + 4);
  expect(attributes!.languages).toEqual([`de ${share.toFixed(2)}`, `fr ${(1 - share).toFixed(2)}`]);
});

test("a document of several languages is of the one that most of it is in, not of what the mixture looks like", () => {
  const short = "Wir haben das gestern lange besprochen und sind uns einig geworden.";
  for (const [first, second] of [
    [short, french],
    [french, english],
  ] as const) {
    const mixed = `${first}\n\n${second.slice(0, first.length * 1.3)}\n\n${first}`;
    const { attributes } = apply(mixed);
    expect([(attributes!.languages as string[])[0]!.slice(0, 2), attributes!.language]).toEqual(
      first === short ? ["de", "de"] : ["fr", "fr"],
    );
  }
});

test("drop-foreign takes out exactly the paragraphs in other languages, and what goes is kept as it was", () => {
  const mixed = `${german}\n\nKurz.\n\n${french}\n\n${german} Zweimal.\n\n${english}`;
  const one = apply(mixed, { paragraphs: "drop-foreign", minParagraphScore: 0.5 });
  expect(one.text).toBe(`${german}\n\nKurz.\n\n${german} Zweimal.`);
  expect(one.edits).toEqual([{ rule: "foreign-paragraphs", value: 2 }]);
  const two = apply(mixed, { paragraphs: "drop-foreign", minParagraphScore: 0.5, allow: ["de", "fr"] });
  expect(two.text).toBe(`${german}\n\nKurz.\n\n${french}\n\n${german} Zweimal.`);
  expect(apply(mixed, { paragraphs: "drop-foreign", allow: ["fr"] }).text).toBeUndefined();
  expect(apply(mixed, { paragraphs: "drop-foreign", minParagraphScore: 1 }).text).toBeUndefined();
  // Once more there is nothing to take.
  expect(apply(one.text!, { paragraphs: "drop-foreign", minParagraphScore: 0.5 }).text).toBeUndefined();
});

test("a document of which nothing would be left goes instead", () => {
  // A detector that takes mixtures for Basque, as one may.
  const fooled: Detect = t => {
    const [de, fr] = [t.includes("Menschen"), t.includes("humains")];
    const code = de && fr ? "eu" : de ? "de" : "fr";
    return { language: code, evidence: () => [[code, 200]] };
  };
  const o = language.options.parse({ allow: ["eu"], paragraphs: "drop-foreign", minParagraphScore: 0.1 });
  const mixed = `${german.slice(0, 100)}\n\n${french.slice(0, 100)}`;
  const gone = language.apply(document(mixed), o, fooled);
  expect(gone.text).toBeUndefined();
  expect(gone.verdicts).toContainEqual({ rule: "only-foreign", keep: false, value: 2, threshold: 0 });
});

test("a long text costs no more than its windows", () => {
  let calls = 0;
  const counted: Detect = text => {
    calls++;
    return detect(text);
  };
  const long = `${german} `.repeat(10_000);
  const o = language.options.parse({ tables: "extrasmall", paragraphs: "ignore" });
  const { attributes } = language.apply(document(long), o, counted);
  expect(attributes).toMatchObject({ language: "de" });
  expect(attributes!.languages).toBeUndefined();
  expect(calls).toBe(maxWindows);
});

test("paragraphs joined are the text, and each but the last has a line feed at its end", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "bc", "\n", "\n\n", " ", "\r\n", "é"), { maxLength: 40 }), parts => {
      const text = parts.join("");
      const all = languageParagraphs(text);
      expect(all.map(p => text.slice(p.start, p.end)).join("")).toBe(text);
      for (const p of all.slice(0, -1)) expect(text[p.end - 1]).toBe("\n");
    }),
  );
});

test("any text, halves of characters too, gets an answer that depends on nothing else", () => {
  fc.assert(
    fc.property(anyText, text => {
      const first = apply(text, { paragraphs: "drop-foreign" });
      apply(french, { paragraphs: "ignore" });
      expect(apply(text, { paragraphs: "drop-foreign" })).toEqual(first);
    }),
    { numRuns: 40 },
  );
});

test("the chance grows with the evidence, with the lead and with the letters", () => {
  const base = { best: 80, second: 50, letters: 100 };
  expect(confidence({ ...base, best: 90, second: 56.25 })).toBeGreaterThan(confidence(base));
  expect(confidence({ ...base, second: 40 })).toBeGreaterThan(confidence(base));
  expect(confidence({ ...base, letters: 200 })).toBeGreaterThan(confidence(base));
  expect(confidence({ ...base, best: 0.001, second: 0 })).toBeGreaterThanOrEqual(0);
});

test("hostile runs are read in linear time", () => {
  // Quadratic work would take minutes.
  for (const unit of ["a", "<", "&", "a@", "www.", "```\n", "\n", "http://"]) {
    const text = unit.repeat(200_000 / unit.length);
    expect(runningText(text).length).toBeLessThanOrEqual(text.length);
    languageParagraphs(text);
  }
});

test("signs for syllables count as three letters, digits and marks as none", () => {
  expect(countLetters("abc é 12 !?")).toBe(4);
  expect(countLetters("人ひカ한")).toBe(12);
});
