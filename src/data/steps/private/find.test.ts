import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as v from "../../../../bench/pii/values.ts";
import { rounds } from "../../../../test/support/deep.ts";
import { type Random, random } from "../../../base/index.ts";
import { findPrivate, scanText } from "./find.ts";
import type { PrivateType } from "./types.ts";

const found = (text: string, minScore?: number) =>
  findPrivate(text, minScore === undefined ? {} : { minScore }).map(s => `${s.type}: ${text.slice(s.start, s.end)}`);
const runs = 200;

interface Kind {
  readonly type: PrivateType;
  readonly make: (r: Random) => string;
  /** How it may be written, besides bare. */
  readonly write?: (value: string) => string;
  /** A word that must be near. */
  readonly word: string;
  /** Whether a changed digit always shows: not where several rows share a length, or the check lets one in ten through. */
  readonly noFalse: boolean;
  /** Only so many of the last digits, where a rule gives two remainders one check digit. */
  readonly onlyLast?: number;
}
const kinds: Readonly<Record<string, Kind>> = {
  card: { type: "card", make: v.cardDigits, word: "Visa card", noFalse: true },
  "card in fours": {
    type: "card",
    make: v.cardDigits,
    write: s => (s.length === 16 ? v.inFours(s) : `${s.slice(0, 4)} ${s.slice(4, 10)} ${s.slice(10)}`),
    word: "card",
    noFalse: true,
  },
  iban: { type: "iban", make: v.ibanValue, word: "transfer to", noFalse: true },
  "iban in fours": { type: "iban", make: v.ibanValue, write: v.inFours, word: "", noFalse: true },
  "us ssn": {
    type: "nationalId",
    make: v.ssnDigits,
    write: s => `${s.slice(0, 3)}-${s.slice(3, 5)}-${s.slice(5)}`,
    word: "SSN",
    noFalse: false,
  },
  "uk nhs": {
    type: "nationalId",
    make: v.nhsDigits,
    write: s => `${s.slice(0, 3)} ${s.slice(3, 6)} ${s.slice(6)}`,
    word: "NHS number",
    noFalse: true,
  },
  "german tax id": { type: "nationalId", make: v.taxIdDigits, word: "Steuer-ID", noFalse: true },
  dni: { type: "nationalId", make: v.dniValue, word: "", noFalse: true },
  nie: { type: "nationalId", make: v.nieValue, word: "", noFalse: true },
  "codice fiscale": { type: "nationalId", make: v.codiceValue, word: "", noFalse: true },
  nir: { type: "nationalId", make: v.nirDigits, word: "", noFalse: true },
  bsn: { type: "nationalId", make: v.bsnDigits, word: "BSN", noFalse: true },
  pesel: { type: "nationalId", make: v.peselDigits, word: "PESEL", noFalse: true },
  cpf: {
    type: "nationalId",
    make: v.cpfDigits,
    write: s => `${s.slice(0, 3)}.${s.slice(3, 6)}.${s.slice(6, 9)}-${s.slice(9)}`,
    word: "",
    noFalse: true,
    onlyLast: 2,
  },
  aadhaar: { type: "nationalId", make: v.aadhaarDigits, write: v.inFours, word: "Aadhaar", noFalse: true },
  ahv: {
    type: "nationalId",
    make: v.ahvDigits,
    write: s => `${s.slice(0, 3)}.${s.slice(3, 7)}.${s.slice(7, 11)}.${s.slice(11)}`,
    word: "",
    noFalse: true,
  },
  nino: { type: "nationalId", make: v.ninoValue, word: "National Insurance", noFalse: false },
};

describe("check digits", () => {
  for (const [name, kind] of Object.entries(kinds)) {
    const written = (value: string) => kind.write?.(value) ?? value;
    test(`every valid ${name} is found, whole`, () => {
      fc.assert(
        fc.property(fc.integer(), seed => {
          const value = written(kind.make(random(seed)));
          const text = `${kind.word} ${value}, thanks`;
          expect(found(text)).toEqual([`${kind.type}: ${value}`]);
        }),
        { numRuns: runs },
      );
    });
    if (kind.noFalse)
      test(`no ${name} with one digit changed is found as one`, () => {
        fc.assert(
          fc.property(fc.integer(), fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, place, by) => {
            const value = kind.make(random(seed));
            const places = [...value].flatMap((c, i) => (/\d/.test(c) ? [i] : []));
            const at = places.slice(-(kind.onlyLast ?? 99))[place % Math.min(places.length, kind.onlyLast ?? 99)]!;
            const changed = value.slice(0, at) + String((Number(value[at]) + by) % 10) + value.slice(at + 1);
            // Digits of a fiscal code that stand where a letter may: the form still holds, the check letter does not.
            const text = `${kind.word} ${written(changed)}, thanks`;
            expect(found(text).filter(f => f.startsWith(`${kind.type}:`))).toEqual([]);
          }),
          { numRuns: runs },
        );
      });
  }
});

test("values of other types are found whole, beside any mark, at the start and at the end", () => {
  const makers: readonly [PrivateType, (r: Random) => string][] = [
    ["email", v.emailValue],
    ["ip", v.publicIpv4],
    ["ip", v.publicIpv6],
    ["secret", v.secretValue],
    ["phone", r => `+4930${2 + r.below(7)}${v.digitsOf(r, 7)}`],
  ];
  const around = fc.constantFrom("", " ", "\n", "(", ")", "“", "”", "「", "」", ",", "„", "…", "🙂", "中", "\t", ";", "—");
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...makers), around, around, (seed, [type, make], before, after) => {
      const value = make(random(seed));
      expect(found(`${before}${value}${after}`)).toEqual([`${type}: ${value}`]);
    }),
    { numRuns: 600 },
  );
});

test("phone numbers as people write them are found", () => {
  let missed = 0;
  const r = random("phones");
  const phones = rounds(300, 100);
  for (let i = 0; i < phones; i++) {
    const phone = v.phoneWritten(r);
    if (!found(`Call me: ${phone}.`).includes(`phone: ${phone}`)) missed++;
  }
  // Some of the drawn area codes and exchanges are not in use: libphonenumber knows them.
  expect(missed).toBeLessThan(phones / 20);
});

test.each([
  ["an order number that passes Luhn", "order 4539148803436467"],
  ["a card inside a longer number", "no. 94539148803436467112233"],
  ["a card hanging on a word", "ORD-4539148803436467"],
  ["a version", "version 1.2.3.4 of the driver"],
  ["a version on a name", "openssl-1.0.2.14 and foo_1.2.3.4"],
  ["four single digits without a word", "+++ RUNME 21 Aug 2002 1.1.4.1"],
  ["ZIP codes and part numbers", "Newark, NJ 07102-2992, or 096400-0920"],
  ["rows and amounts in groups", "rows 4577 9594 7227 0448 7190 1463 and 045 183 886 units"],
  ["five dotted numbers", "OID 1.3.6.1.4"],
  ["dates", "on 2002-08-22, 22.08.2002, 08/22/2002, 20020822101530 and 2002-08-22 10:15:30"],
  ["an ISBN", "ISBN 978-3-16-148410-0 or 9783161484100, ISBN 0-306-40615-2"],
  ["hashes", "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["UUIDs", "550e8400-e29b-41d4-a716-446655440000 and 123e4567-e89b-12d3-a456-426614174000"],
  ["message ids", "Message-ID: <20020822.abc@mail.gmail.com>\nReferences: <a.b@x.com>\n <c.d@y.com>\nIn-Reply-To: <e@z.com>"],
  ["a message id in a sentence", "In message <1029944441.398.TMDA@deepeddy.vircio.com>"],
  ["names reserved for examples", "joe@example.org, a@mail.example.com, x@host.test"],
  ["package versions and file names", "lodash@4.17.21, icon@2x.png, git@github.com:a/b.git"],
  ["published test cards", "card 4111 1111 1111 1111 or 4242424242424242"],
  ["fictional phones", "call (212) 555-0147 or 01632 960123"],
  ["amounts and measures", "$4539148803436467, 1234567890 bytes, 3.14159265358979"],
  ["words after password:", "password: please choose one; token: undefined; secret: correcthorse"],
  ["placeholders", "api_key=YOUR_API_KEY_123 https://user:password@host/ token=<TOKEN_123456>"],
  ["times and MAC addresses", "at 10:15:30 00:1a:2b:3c:4d:5e std::vector a::b"],
  ["documented keys", "AKIAIOSFODNN7EXAMPLE"],
  ["numbers of weak check digits without their word", "123456782, 9434765919, 44051401359"],
])("%s is not private", (_, text) => {
  expect(found(text)).toEqual([]);
});

test("what has no word beside it comes with a lower minScore", () => {
  expect(found("123456782", 0.3)).toEqual(["nationalId: 123456782"]);
  expect(found("order 4539148803436467", 0.3)).toEqual(["card: 4539148803436467"]);
});

test.each([
  ["https://bob:s3cr3tPw@db.acme.com/x", ["urlCredentials: bob:s3cr3tPw"]],
  ["password: hunter2xYz9", ["secret: hunter2xYz9"]],
  ['"api_key": "Zk38dkq02LLs9"', ["secret: Zk38dkq02LLs9"]],
  ["Authorization: Bearer Zk38dkq02LLs9aa", ["secret: Zk38dkq02LLs9aa"]],
  ["?user=a&token=9f86d081884c7d65&x=1", ["secret: 9f86d081884c7d65"]],
  [
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\nx",
    ["privateKey: -----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"],
  ],
  ["von jörg.müller@bücher.de, 谢谢joe@foo.com谢谢", ["email: jörg.müller@bücher.de", "email: joe@foo.com"]],
  ["unsub?email=joe@foo.com&id=3", ["email: joe@foo.com"]],
  ["10.0.0.1 and http://8.8.4.4:80/ and [2a00:1450:4001::1]", ["ipReserved: 10.0.0.1", "ip: 8.8.4.4", "ip: 2a00:1450:4001::1"]],
  [
    "Order form: fax TO (240) 371-0672 or 800-933-6632x8 or 1-(888) 817-9902",
    ["phone: (240) 371-0672", "phone: 800-933-6632", "phone: 1-(888) 817-9902"],
  ],
  ["4539148803436467:12/27", ["card: 4539148803436467"]],
])("%j", (text, expected) => {
  expect(found(text)).toEqual(expected);
});

test("findings are by place, without overlaps, within the text, and the same again", () => {
  const alphabet = fc.constantFrom(
    "a",
    "@",
    ".",
    "1",
    "4",
    "-",
    " ",
    ":",
    "/",
    "=",
    "+",
    "(",
    ")",
    "DE89",
    "password",
    "joe@foo.com",
    "4539148803436467",
    "8.8.8.8",
    "://",
    "eyJ",
    "é",
    "\n",
  );
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 60 }), parts => {
      const text = parts.join("");
      const spans = findPrivate(text, { minScore: 0.3 });
      let end = 0;
      for (const s of spans) {
        expect(s.start).toBeGreaterThanOrEqual(end);
        expect(s.end).toBeGreaterThan(s.start);
        end = s.end;
      }
      expect(end).toBeLessThanOrEqual(text.length);
      expect(findPrivate(text, { minScore: 0.3 })).toEqual(spans);
    }),
    { numRuns: 500 },
  );
});

test.each([
  "@",
  "1",
  "a",
  "1.",
  "a.",
  "a@",
  "a@a.",
  "1 ",
  "1-",
  "12 ",
  ":",
  "1:",
  "a:",
  "::",
  "://",
  "a://a@",
  "a://a:a@",
  "=",
  "password=",
  "password: ",
  "eyJ.",
  "eyJa.eyJ",
  "ghp_",
  "sk-",
  "sk-a",
  "-----BEGIN ",
  "-----BEGIN PRIVATE KEY-----",
  "AKIA",
  "DE89 ",
  "AB 12 ",
  "4539 ",
  "0301 234567 ",
  "(212) 736-500",
  "+1 ",
  "+49",
  "<a@a>",
  "Message-ID: <a@a>",
  "a1",
  "1(",
  "(",
  ")1",
  "4539148803436467 ",
  "8.8.8.8.",
  "joe@foo.com",
  "2001:db8::",
  "ffff:",
  "\u00e9@",
  "\u00e9",
  "xoxb-1-",
  "SG.",
  "212-736-5000-",
])("work on a text of nothing but %j is linear", unit => {
  const at = (length: number) => scanText(unit.repeat(Math.ceil(length / unit.length))).work;
  const [small, large] = [at(1 << 14), at(1 << 17)];
  expect(large).toBeLessThan(100 * (1 << 17));
  expect(large / small).toBeLessThan(9);
});

test("invisible characters, full-width digits and encodings do not hide a card number, and the whole of it is found", () => {
  const card = "4556 7375 8689 9855";
  const wide = card.replace(/\d/g, d => String.fromCodePoint(0xff10 + Number(d)));
  const tags = [...card].map(c => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("");
  const percent = card.replaceAll(" ", "%20");
  for (const hidden of [
    card.replace("7375", "73\u200b75"),
    card.replace("45", "4\u00ad5"),
    card.replaceAll(" ", "\u2060 "),
    wide,
    tags,
    percent,
    Buffer.from(`card ${card}`).toString("base64"),
  ])
    expect(found(`my card ${hidden}, thanks`)).toEqual([`card: ${hidden}`]);
});
