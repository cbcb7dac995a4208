import fc from "fast-check";
import { expect, test } from "vitest";
import * as v from "../../../../bench/pii/values.ts";
import { type Random, random } from "../../../base/index.ts";
import { findPrivate } from "./find.ts";
import { privateData, privateStep } from "./private.ts";
import { redactSpans } from "./redact.ts";
import { type PrivateType, privateTypeNames } from "./types.ts";

const document = (text: string) => ({ id: "a", text, source: "s", attributes: {} });
const all = (policy: string) => Object.fromEntries(privateTypeNames.map(type => [type, policy]));
const seed = "a key of this test";
const masked = privateData.options.parse({});
const swapped = privateData.options.parse({ policy: { ...all("surrogate"), ipReserved: "keep" }, seed });
const apply = (text: string, o = masked) => privateData.apply(document(text), o, undefined);

const fours = (s: string) => v.inFours(s);
const makers: readonly [PrivateType, (r: Random) => string][] = [
  ["email", v.emailValue],
  ["phone", r => `+1 212 736 ${v.digitsOf(r, 4)}`],
  ["phone", r => `+49 30 2${v.digitsOf(r, 7)}`],
  ["card", r => v.cardWritten(r, v.cardDigits(r))],
  ["iban", v.ibanValue],
  ["iban", r => fours(v.ibanValue(r))],
  ["nationalId", r => v.ssnDigits(r).replace(/(\d{3})(\d\d)(\d{4})/, "$1-$2-$3")],
  ["nationalId", v.codiceValue],
  ["nationalId", v.dniValue],
  ["nationalId", v.nirDigits],
  ["nationalId", r => v.cpfDigits(r).replace(/(\d{3})(\d{3})(\d{3})/, "$1.$2.$3-")],
  ["ip", v.publicIpv4],
  ["ip", v.publicIpv6],
  ["secret", v.secretValue],
  ["urlCredentials", r => `https://${v.urlLogin(r)}@db.acme.com/`],
];
const pieces = fc.array(
  fc.oneof(
    fc.tuple(fc.integer(), fc.constantFrom(...makers)).map(([s, [, make]]) => make(random(s))),
    fc.constantFrom(
      " ",
      ", ",
      "\n",
      "-",
      "(",
      ")",
      ".",
      "/",
      ":",
      "order ",
      "card ",
      "tel ",
      "SSN ",
      "password: ",
      "version ",
      "x",
      "7",
      "@",
      "[",
      "]",
      "é",
      "中",
      "+",
      "BSN 123456782",
      "#",
    ),
  ),
  { maxLength: 14 },
);

test.each([
  ["masks", masked],
  ["surrogates", swapped],
] as const)("a text run through the step twice is a text run through it once, with %s", (_, o) => {
  fc.assert(
    fc.property(pieces, parts => {
      const text = parts.join("");
      const once = apply(text, o).text ?? text;
      const again = apply(once, o);
      expect(again.text).toBeUndefined();
      expect(again.edits).toBeUndefined();
    }),
    { numRuns: 1500 },
  );
});

test("what is found in a text does not depend on the texts before it", () => {
  const text = "call 2127362403";
  const alone = findPrivate(text);
  expect(alone).toHaveLength(1);
  // its word stands behind it, as far from the number as this one's is long
  expect(findPrivate("2127362403 on my phone")).toHaveLength(1);
  expect(findPrivate(text)).toEqual(alone);
});

test("the ledger and the attributes hold numbers alone", () => {
  fc.assert(
    fc.property(pieces, parts => {
      const { edits = [], attributes, verdicts = [] } = apply(parts.join(""));
      for (const e of edits) expect(typeof e.value).toBe("number");
      expect(Object.keys(attributes!)).toEqual(["private"]);
      for (const x of verdicts) expect(typeof x.value).toBe("number");
    }),
    { numRuns: 200 },
  );
});

test("a surrogate is the same for one entity, however written, and in every document", () => {
  const one = apply("Ann@Corp.com wrote ann@corp.com", swapped).text!;
  expect(one).toMatch(/^(\S+) wrote \1$/);
  expect(apply("to: ann@corp.com", swapped).text).toBe(`to: ${one.split(" ")[0]}`);
  const phones = apply("+1 (212) 736-5000 or 212-736-5000", swapped)
    .text!.split(" or ")
    .map(s => s.replace(/\D/g, "").slice(-10));
  expect(phones[0]).toBe(phones[1]);
  const cards = apply("card 4539 1488 0343 6467, 4539148803436467", swapped).text!.slice(5).split(", ");
  expect(cards[0]!.replaceAll(" ", "")).toBe(cards[1]);
});

test("another seed, or another entity, has another surrogate", () => {
  const other = privateData.options.parse({ policy: all("surrogate"), seed: "another key" });
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom(...makers.filter(([type]) => type === "email" || type === "card" || type === "iban")),
      (s, [, make]) => {
        const [a, b] = [make(random(s)), make(random(s + 1))];
        expect(apply(a, swapped).text).not.toBe(apply(a, other).text);
        if (a.toLowerCase() !== b.toLowerCase()) expect(apply(a, swapped).text).not.toBe(apply(b, swapped).text);
      },
    ),
    { numRuns: 200 },
  );
});

test("surrogates are of the form of their type, in reserved ranges", () => {
  fc.assert(
    fc.property(fc.integer(), s => {
      const r = random(s);
      expect(apply(v.emailValue(r), swapped).text).toMatch(/^[a-z]+\.[a-z]+\d{4}@example\.org$/);
      expect(apply(`+1 212 736 ${v.digitsOf(r, 4)}`, swapped).text).toMatch(/^\+1 \d{3} 555 01\d\d$/);
      const card = apply(v.cardDigits(r), swapped).text!;
      expect(card).toMatch(/^(?:400000\d{10}|370000\d{9})$/);
      expect(v.luhnDigit(card.slice(0, -1))).toBe(card.at(-1));
      expect(apply(v.publicIpv4(r), swapped).text).toMatch(/^(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/);
      expect(apply(v.publicIpv6(r), swapped).text).toMatch(/^2001:db8:/);
      expect(apply(v.ssnDigits(r).replace(/(\d{3})(\d\d)(\d{4})/, "$1-$2-$3"), swapped).text).toMatch(/^9\d\d-0[1-9]-\d{4}$/);
      const iban = v.ibanValue(r);
      expect(apply(iban, swapped).text).toMatch(new RegExp(`^${iban.slice(0, 2)}00.{${iban.length - 4}}$`));
    }),
    { numRuns: 100 },
  );
});

test("the types that are kept stay to the letter, and the rest of the text too", () => {
  const text = "Ping 10.0.0.1 and 8.8.4.4, mail joe@foo.com.";
  expect(apply(text).text).toBe("Ping 10.0.0.1 and [IP], mail [EMAIL].");
  expect(apply(text, privateData.options.parse({ policy: all("keep") })).text).toBeUndefined();
  expect(apply("nothing here").text).toBeUndefined();
});

test("a document with a type to be dropped gets the verdict and no longer holds the value", () => {
  const o = privateData.options.parse({ policy: { card: "drop" }, maxFound: 1 });
  const { text, verdicts, edits, attributes } = apply("card 4539 1488 0343 6467 of joe@foo.com", o);
  expect(text).toBe("card [CARD] of [EMAIL]");
  expect(verdicts).toEqual([
    { rule: "card", keep: false, value: 1, threshold: 0 },
    { rule: "max-found", keep: false, value: 2, threshold: 1 },
  ]);
  expect(edits).toEqual([
    { rule: "email", value: 1 },
    { rule: "card", value: 1 },
  ]);
  expect(attributes).toEqual({ private: 2 });
});

test("a recogniser's names are taken with the rest; what lies outside the text is left out", () => {
  const names = privateStep({
    name: "list/1",
    recognise: text => [
      ...[...text.matchAll(/Anna Berg|Berlin/g)].map(m => ({
        type: m[0] === "Berlin" ? ("place" as const) : ("name" as const),
        start: m.index,
        end: m.index + m[0].length,
        score: 0.9,
      })),
      { type: "name", start: 5, end: 10_000, score: 1 },
      { type: "name", start: -1, end: 2, score: 1 },
    ],
  });
  const text = "Anna Berg (anna@berg.de) lives in Berlin";
  expect(names.apply(document(text), masked, undefined).text).toBe("[NAME] ([EMAIL]) lives in [PLACE]");
  const other = names.apply(document(text), swapped, undefined).text!;
  expect(other).not.toMatch(/Anna|Berg|Berlin/);
  expect(findPrivate(text)).toHaveLength(1);
});

test("redact leaves out spans that overlap or go back, and never throws on them", () => {
  const spans = [
    { type: "email", start: 0, end: 4, score: 1 },
    { type: "phone", start: 2, end: 6, score: 1 },
    { type: "card", start: 6, end: 8, score: 1 },
  ] as const;
  expect(redactSpans("0123456789", spans)).toBe("[EMAIL]45[CARD]89");
  expect(redactSpans("0123456789", spans, { policy: { email: "surrogate" } })).toBe("[EMAIL]45[CARD]89");
});

test("options that cannot be met are refused", () => {
  expect(() => privateData.options.parse({ policy: { email: "surrogate" } })).toThrow("seed");
  expect(() => privateData.options.parse({ policy: { email: "hide" } })).toThrow();
  expect(() => privateData.options.parse({ policy: { mail: "mask" } })).toThrow();
  expect(() => privateData.options.parse({ regions: ["XX"] })).toThrow();
});

test("reserved example domains can be switched on in private", () => {
  const text = "joe@example.com, a@mail.example.org, b@x.example, c@host.test, d@no.invalid, e@my.localhost; icon@2x.png";
  const run = (options: object) =>
    privateData.apply({ id: "d", text, source: "", attributes: {} }, privateData.options.parse(options), undefined);
  expect(run({})).toMatchObject({ attributes: { private: 0 } });
  expect(run({}).text).toBeUndefined();
  const all = run({ exampleDomains: true });
  expect(all.text).toBe("[EMAIL], [EMAIL], [EMAIL], [EMAIL], [EMAIL], [EMAIL]; icon@2x.png");
  expect(all.edits).toEqual([{ rule: "email", value: 6 }]);
  const surrogates = { exampleDomains: true, policy: { email: "surrogate" }, seed: "some seed" };
  expect(() => privateData.options.parse(surrogates)).toThrow("not with surrogates of e-mail addresses");
});
