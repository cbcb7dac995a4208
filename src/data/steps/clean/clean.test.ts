import fc from "fast-check";
import { expect, test } from "vitest";
import { clean, cleanText } from "./clean.ts";

const defaults = clean.options.parse({});
const dropAll = clean.options.parse({ quotes: "drop", signature: "drop", footer: "drop" });

/** Texts made of what the rules act on, so that they meet in every order. */
const line = fc.oneof(
  fc.constantFrom(
    "",
    "words and words",
    "> quoted",
    ">",
    "Ann wrote:",
    "-- ",
    "--",
    "_".repeat(30),
    "List mailing list",
    "unsubscribe",
    "begin 644 a.gif",
    "end",
    "-----BEGIN PGP SIGNED MESSAGE-----",
    "Hash: SHA1",
    "-----BEGIN PGP SIGNATURE-----",
    "-----END PGP SIGNATURE-----",
    `${"aB3+".repeat(19)}`,
    "aB3=",
    "trailing \t ",
    "\u200b",
    "e\u0301",
    "\u00a0x\u2003y",
    "a\u0000b\u001b[31mred",
    "\ud800",
    "\u0093quote\u0094",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const text = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r", "\n\n\n\n", "\u2028", "")), { maxLength: 25 })
  .map(l => l.flat().join(""));

test("cleaning twice is cleaning once, with every option", () => {
  fc.assert(
    fc.property(text, fc.constantFrom(defaults, dropAll), (t, o) => {
      const once = cleanText(t, o).text;
      const again = cleanText(once, o);
      expect(again.text).toBe(once);
      expect(again.edits).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test("clean text is NFC, well-formed, without controls, invisible marks, spaces before line ends or long gaps", () => {
  fc.assert(
    fc.property(text, t => {
      const { text: c } = cleanText(t, defaults);
      expect(c).toBe(c.normalize("NFC"));
      expect(Buffer.from(c).toString()).toBe(c);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the claim
      expect(c).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\ufeff\u00a0]|[ \t]\n|[ \t]$|\n{4}|^\n|\n$/);
    }),
    { numRuns: 400 },
  );
});

test("a text that is already clean is not touched", () => {
  const t = "Hello — naïve 日本語 👩‍👩‍👧\n\n  indented\n> quoted\n-- \nAnn";
  expect(cleanText(t.replace("-- \n", "--\n"), defaults)).toEqual({ text: t.replace("-- \n", "--\n"), edits: [] });
});

const blob = Array.from({ length: 4 }, (_, i) => "Qk0+".repeat(19).replace("0", String(i))).join("\n");

test("blobs go by name and the words around them stay", () => {
  const rows: [string, string, string][] = [
    [`a\n${blob}\nQUJD\nb`, "a\nb", "base64"],
    ["a\nbegin 644 x.gif\nM1234\nM5678\n`\nend\nb", "a\nb", "uuencode"],
    ["-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nwords", "words", "pgp-signed"],
    ["a\n-----BEGIN PGP SIGNATURE-----\nVersion: x\n\niD8D\n-----END PGP SIGNATURE-----\nb", "a\nb", "pgp-block"],
  ];
  for (const [dirty, expected, rule] of rows) {
    const cleaned = cleanText(dirty, defaults);
    expect(cleaned.text).toBe(expected);
    expect(cleaned.edits.map(e => e.rule)).toContain(rule);
    expect(cleanText(dirty, { ...defaults, blobs: "keep" }).text).toBe(dirty);
  }
});

test("rulers, long words and unfinished blocks are no blobs", () => {
  for (const t of [`${"+".repeat(76)}\n`.repeat(5).trim(), "begin 644 chapters of a book", "x".repeat(100), `one\n${"aB3+".repeat(19)}`])
    expect(cleanText(t, defaults).text).toBe(t);
});

test("quotes, signatures and list footers go only when asked, each by name", () => {
  const t = `Yes.\n\nAnn wrote:\n> Really?\n\nI think so.\n--\nBob\n\n${"_".repeat(47)}\nList mailing list\nList@x.org`;
  expect(cleanText(t, defaults).text).toBe(t);
  const all = cleanText(t, dropAll);
  expect(all.text).toBe("Yes.\n\n\nI think so.");
  expect(all.edits.map(e => e.rule)).toEqual(["footer", "signature", "quotes"]);
});

test("a run of a hundred thousand spaces takes linear time", () => {
  expect(cleanText(`a${" ".repeat(100_000)}b${"\n".repeat(100_000)}c`, defaults).text).toBe(`a${" ".repeat(100_000)}b\n\n\nc`);
});

test("a document with nothing left is judged empty", () => {
  const applied = clean.apply({ id: "a", text: "\u200b \n", source: "s", attributes: {} }, defaults);
  expect(applied.verdicts).toEqual([{ rule: "empty", keep: false, value: 0, threshold: 1 }]);
});
