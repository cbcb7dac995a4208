import fc from "fast-check";
import { expect, test } from "vitest";
import { findPrivate, nameRecogniser, shippedNames } from "../../../data/index.ts";
import type { FilteredPiece, TextFilter } from "../contract.ts";
import { replaceSpans } from "./find.ts";
import { type AnswerFinding, jsonPassageFilter, passageFilter } from "./passages.ts";
import { restoreFilter } from "./restore.ts";
import { Vault } from "./vault.ts";

const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const at = [0, ...cuts.map(c => c % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((to, i) => text.slice(at[i], to));
};
const cuts = fc.array(fc.nat({ max: 10_000 }), { maxLength: 10 });

interface Outcome {
  readonly text: string;
  readonly isBlocked: boolean;
}
function run(filter: TextFilter, pieces: readonly string[]): Outcome {
  let text = "";
  for (const piece of [...pieces.map(p => () => filter.push(p)), () => filter.end()]) {
    const got = piece() as FilteredPiece;
    text += got.text;
    if (got.isBlocked) return { text, isBlocked: true };
  }
  return { text, isBlocked: false };
}

const values = { email: 'ann"s\\box@corp-mail.com', secret: "line one\nline two" };
function vaultOf(): Vault {
  const vault = new Vault([], undefined);
  for (const [type, value] of Object.entries(values)) vault.placeholderOf(type, value);
  return vault;
}
const parts = fc.array(
  fc.constantFrom(
    "<EMAIL_1>",
    "<SECRET_1>",
    "<EMAIL_2>",
    "<EMAIL_1",
    "<",
    ">",
    "EMAIL_1>",
    "<<EMAIL_1>>",
    "a",
    " ",
    "_",
    "1",
    "\\",
    "é",
    "<E",
  ),
  { maxLength: 12 },
);

test("restoring is the same however a text is cut, and replaces what is known and nothing else", () => {
  fc.assert(
    fc.property(parts, cuts, (list, at) => {
      const text = list.join("");
      const known = text.replaceAll("<EMAIL_1>", values.email).replaceAll("<SECRET_1>", values.secret);
      // a value that holds a placeholder's beginning would need care here; these hold none
      expect(run(restoreFilter(vaultOf(), "text"), cutAt(text, at)).text).toBe(known);
    }),
    { numRuns: 2000 },
  );
});

test("in a tool's arguments values are escaped, brackets may be, and JSON stays JSON, however it is cut", () => {
  fc.assert(
    fc.property(parts, cuts, fc.boolean(), (list, at, isGo) => {
      const value = list.join("");
      const written = JSON.stringify({ to: value });
      const text = isGo ? written.replaceAll("<", "\\u003c").replaceAll(">", "\\u003E") : written;
      const got = run(restoreFilter(vaultOf(), "json"), cutAt(text, at)).text;
      const wanted = value.replaceAll("<EMAIL_1>", values.email).replaceAll("<SECRET_1>", values.secret);
      expect(JSON.parse(got)).toEqual({ to: wanted });
    }),
    { numRuns: 2000 },
  );
});

test("nothing but what may become a placeholder waits", () => {
  const filter = restoreFilter(vaultOf(), "text");
  expect((filter.push("a <EMAIL_") as FilteredPiece).text).toBe("a ");
  expect((filter.push("x> b <") as FilteredPiece).text).toBe("<EMAIL_x> b ");
  expect((filter.push("3 ") as FilteredPiece).text).toBe("<3 ");
});

test("one value has one placeholder, whatever it stands beside; a kept conversation has numbers of its own", () => {
  const vault = new Vault(["see <EMAIL_1>"], undefined);
  expect([vault.placeholderOf("email", "a@b.de"), vault.placeholderOf("nationalId", "1"), vault.placeholderOf("email", "a@b.de")]).toEqual([
    "<EMAIL_2>",
    "<NATIONAL_ID_1>",
    "<EMAIL_2>",
  ]);
  const [one, two] = ["resp_1", "resp_2"].map(id => new Vault([], id).placeholderOf("email", "a@b.de"));
  expect(one).toMatch(/^<EMAIL_\d+000>$/);
  expect(one).not.toBe(two);
});

test("what replacing lays bare is replaced too, and a placeholder is never taken for something", () => {
  const find = (text: string) => findPrivate(text);
  const vault = new Vault([], undefined);
  const { text } = replaceSpans(
    "password: hunter2Xy9Qz and 4111 1111 1111 1234, ann.lee@corp-mail.com",
    find,
    (t, v) => vault.placeholderOf(t, v),
    /<[A-Z_]+\d+>/g,
  );
  expect(text).not.toContain("hunter2Xy9Qz");
  expect(text).not.toContain("corp-mail");
  expect(text.match(/<[A-Z_]+_\d+>/g)!.length).toBeGreaterThanOrEqual(2);
});

const finding = (action: AnswerFinding["action"]): AnswerFinding => ({ find: text => findPrivate(text), action });
const prose = fc.array(
  fc.constantFrom(
    "ann.lee@corp-mail.com",
    "call +1 (212) 736-5000",
    "word ",
    "\n",
    " ",
    "x".repeat(300),
    "lorem ipsum ".repeat(40),
    `-----BEGIN PRIVATE KEY-----\n${"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(3)}-----END PRIVATE KEY-----`,
    "-----BEGIN ",
  ),
  { maxLength: 10 },
);

test("an answer's own private data is masked the same however it is cut, also in keys of many lines and lines without an end", () => {
  fc.assert(
    fc.property(prose, cuts, fc.constantFrom("redact" as const, "block" as const, "flag" as const), (list, at, action) => {
      const text = list.join("");
      const whole = run(passageFilter(finding(action)), [text]);
      expect(run(passageFilter(finding(action)), cutAt(text, at))).toEqual(whole);
      if (action !== "flag") expect(whole.text).not.toContain("MIIEvQ");
      if (action !== "flag") expect(whole.text).not.toContain("ann.lee@corp-mail.com ");
    }),
    { numRuns: 200 },
  );
});

test("arguments of a tool are looked at whole and stay JSON", () => {
  const text = JSON.stringify({ note: "a\nann.lee@corp-mail.com", n: 1 });
  expect(JSON.parse(run(jsonPassageFilter(finding("redact")), cutAt(text, [5, 20])).text)).toEqual({ note: "a\n[EMAIL]", n: 1 });
  expect(run(jsonPassageFilter(finding("block")), [text])).toEqual({ text: "", isBlocked: true });
  expect(run(jsonPassageFilter(finding("flag")), [text])).toEqual({ text, isBlocked: false });
});

const recogniser = nameRecogniser(shippedNames());
const namedProse = fc.array(
  fc.constantFrom(
    "Dear Katarzyna Wiśniewska,\n",
    "We met Ravi Kumar ",
    "and Mary-Jane O'Connor",
    " in Berlin. ",
    "word ",
    "\n",
    "x".repeat(300),
    "lorem ipsum ".repeat(90),
    "Best,\nTom",
  ),
  { maxLength: 10 },
);

test("names of an answer are masked the same however it is cut, and none of a plain text leaves whole", () => {
  const find = (text: string) => findPrivate(text, { recogniser });
  fc.assert(
    fc.property(namedProse, cuts, fc.constantFrom("redact" as const, "block" as const, "flag" as const), (list, at, action) => {
      const text = list.join("");
      const whole = run(passageFilter({ find, action }), [text]);
      expect(run(passageFilter({ find, action }), cutAt(text, at))).toEqual(whole);
    }),
    { numRuns: 100 },
  );
  const answer = "Dear Katarzyna Wiśniewska,\n\nwe met Ravi Kumar on Monday.\n\nBest,\nTom";
  const pieces = [...answer];
  expect(run(passageFilter({ find, action: "redact" }), pieces).text).toBe("Dear [NAME],\n\nwe met [NAME] on Monday.\n\nBest,\n[NAME]");
});

test("a name that goes on behind the end of a piece waits for its rest: no more is held back than a window", () => {
  const filter = passageFilter({ find: text => findPrivate(text, { recogniser }), action: "redact" });
  expect((filter.push("I met Katarzyna") as FilteredPiece).text).toBe("");
  expect((filter.push(" Wiśniewska.\nMore") as FilteredPiece).text).toBe("I met [NAME].\n");
  let [pushed, left] = [0, 0];
  for (let i = 0; i < 4_000; i++) {
    const piece = "word ";
    pushed += piece.length;
    left += (filter.push(piece) as FilteredPiece).text.length;
    expect(pushed - left).toBeLessThanOrEqual(8_100);
  }
});
