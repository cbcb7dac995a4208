import fc from "fast-check";
import { expect, test } from "vitest";
import { charsetOf } from "./charset.ts";
import { decodeMail } from "./decode.ts";

/** A mail of header lines and a body in bytes. */
const mail = (headers: readonly string[], body: string | Buffer) =>
  Buffer.concat([Buffer.from(`${headers.join("\r\n")}\r\n\r\n`, "latin1"), typeof body === "string" ? Buffer.from(body, "latin1") : body]);
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map(p => (typeof p === "string" ? Buffer.from(p, "latin1") : Buffer.from(p))));
const japanese = bytes([0x1b], "$B", [0x46, 0x7c, 0x4b, 0x5c, 0x38, 0x6c], [0x1b], "(B");
const privet = bytes([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]);
const text = (charset: string, encoding = "8bit") => [
  "Subject: s",
  `Content-Type: text/plain; charset=${charset}`,
  `Content-Transfer-Encoding: ${encoding}`,
];

test("bodies in old character sets become the characters they mean", async () => {
  const rows: [string, Buffer, string][] = [
    ["iso-2022-jp", japanese, "日本語"],
    ["koi8-r", privet, "Привет"],
    ["KOI8-R", privet, "Привет"],
    ["windows-1252", bytes([0x93], "smart", [0x94], " ", [0x80], "5"), "“smart” €5"],
    ['"iso-8859-1"', bytes("caf", [0xe9]), "café"],
    ["cp1251", bytes([0xcf, 0xf0, 0xe8]), "При"],
    ["x-gbk", bytes([0xc4, 0xe3, 0xba, 0xc3]), "你好"],
    ["ks_c_5601-1987", bytes([0xc7, 0xd1]), "한"],
    ["utf-8", Buffer.from("ü€😀"), "ü€😀"],
  ];
  for (const [charset, body, expected] of rows) {
    const { body: got, edits } = await decodeMail(mail(text(charset), body));
    expect(got.trim(), charset).toBe(expected);
    expect(edits, charset).toEqual([]);
  }
});

test("an unknown character set is decoded by evidence and noted by name", async () => {
  const utf8 = await decodeMail(mail(text("default_charset"), Buffer.from("grüß Gott €")));
  expect(utf8.body.trim()).toBe("grüß Gott €");
  expect(utf8.edits).toEqual([{ rule: "unknown-charset", value: "default_charset read as utf-8" }]);
  const latin = await decodeMail(mail(text("x-unknown"), bytes("caf", [0xe9])));
  expect(latin.body.trim()).toBe("café");
  expect(latin.edits).toEqual([{ rule: "unknown-charset", value: "x-unknown read as windows-1252" }]);
});

test("eight-bit text without a character set is UTF-8 if it can be, else what its markup says, else windows-1252", async () => {
  const plain = await decodeMail(mail(["Subject: s"], bytes("na", [0xef], "ve")));
  expect(plain.body.trim()).toBe("naïve");
  expect(plain.edits).toEqual([{ rule: "undeclared-charset", value: "windows-1252" }]);
  const page = bytes('<html><meta http-equiv="content-type" content="text/html; charset=koi8-r"><p>', [...privet], "</p></html>");
  const html = await decodeMail(mail(["Subject: s", "Content-Type: text/html"], page));
  expect(html.body).toBe("Привет");
  expect(html.edits).toEqual([]);
  expect((await decodeMail(mail(["Subject: s"], Buffer.from("naïve")))).body.trim()).toBe("naïve");
});

test("quoted-printable: soft breaks join, escapes decode, broken escapes stay", async () => {
  const { body } = await decodeMail(mail(text("utf-8", "quoted-printable"), "a long=\r\n line =C3=BC and =ZZ\r\nnext=20\r\n"));
  expect(body.trimEnd()).toBe("a long line ü and =ZZ\nnext");
});

test("base64: junk a mailing list appended is cut and noted", async () => {
  const body = `${Buffer.from("Grüße, alle miteinander!").toString("base64")}\r\n\r\n_______________\r\nA mailing list\r\nlist@example.org\r\n`;
  const decoded = await decodeMail(mail(text("utf-8", "base64"), body));
  expect(decoded.body.trim()).toBe("Grüße, alle miteinander!");
  expect(decoded.edits.map(e => e.rule)).toEqual(["base64-junk"]);
});

test("of an alternative the plain side is read; a page alone is turned to text", async () => {
  const part = (type: string, content: string) => `--b\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`;
  const alternative = mail(
    ["Subject: s", 'Content-Type: multipart/alternative; boundary="b"'],
    `${part("text/plain", "plain words")}${part("text/html", "<p>html words</p>")}--b--\r\n`,
  );
  expect(await decodeMail(alternative)).toMatchObject({ body: expect.stringMatching(/^plain words\s*$/), attributes: { format: "plain" } });
  const page = mail(["Subject: s", "Content-Type: text/html"], "<p>html</p><p>words</p>");
  expect(await decodeMail(page)).toMatchObject({ body: "html\n\nwords", attributes: { format: "html" } });
});

test("nested multipart: every text is read, in order, with its own character set; attachments are not", async () => {
  const raw = bytes(
    "Subject: s\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\npreamble\r\n--out\r\nContent-Type: multipart/related; boundary=in\r\n\r\n",
    "--in\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n",
    [...privet],
    "\r\n--in\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw=\r\n--in--\r\n",
    "--out\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nf",
    [0xfc],
    "nf\r\n--out\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached\r\n--out--\r\n",
  );
  const { body, edits } = await decodeMail(raw);
  expect(body.replace(/\s+/g, " ").trim()).toBe("Привет fünf");
  expect(edits).toEqual([]);
});

test("a mail cut off in the middle of a part is read as far as it goes, and noted", async () => {
  const cut = mail(["Subject: s", "Content-Type: multipart/mixed; boundary=b"], "--b\r\nContent-Type: text/plain\r\n\r\nhalf a sen");
  const { body, edits } = await decodeMail(cut);
  expect(body.trim()).toBe("half a sen");
  expect(edits.map(e => e.rule)).toEqual(["truncated-mime"]);
});

test("a body that is plainly multipart is read so although its header lost that; a mail that shows such a source keeps it", async () => {
  const parts = "\r\n--x1\r\nContent-Type: text/plain\r\n\r\nwords\r\n--x1--\r\n";
  expect((await decodeMail(mail(["Subject: s"], parts))).body.trim()).toBe("words");
  const shown = `${"I got this and wonder why it looks like it does. ".repeat(8)}\r\n${parts}`;
  expect((await decodeMail(mail(["Subject: s"], shown))).body).toContain("--x1\nContent-Type: text/plain");
});

test("a forwarded mail inside is part of the text, the same on every machine", async () => {
  const inner = "Subject: inner\r\nDate: Tue, 01 Oct 2002 12:00:00 +0000\r\nFrom: a@b.org\r\n\r\ninner words";
  const raw = mail(
    ["Subject: outer", "Content-Type: multipart/mixed; boundary=b"],
    `--b\r\nContent-Type: text/plain\r\n\r\nlook:\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n${inner}\r\n--b--\r\n`,
  );
  const { body } = await decodeMail(raw);
  expect(body.replace(/\n+/g, "|")).toMatch(/^look:\|inner\|inner words\|?$/);
});

test("subjects: encoded words, folded lines, and raw bytes in the mail's character set", async () => {
  const encoded = await decodeMail(mail(["Subject: =?koi8-r?B?8NLJ18XU?=\r\n =?utf-8?Q?_=E2=82=AC?="], "x"));
  expect(encoded.subject).toBe("Привет €");
  const raw = bytes("Subject: ", [...privet], "\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx");
  expect((await decodeMail(raw)).subject).toBe("Привет");
});

test("sender and day are attributes; an impossible day is none", async () => {
  const headers = (date: string) => ["From: Ann <Ann@Example.ORG>", `Date: ${date}`];
  expect((await decodeMail(mail(headers("Tue, 01 Oct 2002 23:30:00 -0300"), "x"))).attributes).toEqual({
    format: "plain",
    from: "ann@example.org",
    date: "2002-10-02",
  });
  expect((await decodeMail(mail(headers("not a day"), "x"))).attributes).not.toHaveProperty("date");
});

test("thousands of nested parts are refused, not followed", async () => {
  const nested = Array.from({ length: 3000 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`).join("");
  await expect(decodeMail(Buffer.from(`Subject: s\r\n${nested}`))).rejects.toThrow("nesting depth");
});

test("any bytes decode to some text or are refused by name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async raw => {
      expect(typeof (await decodeMail(raw)).body).toBe("string");
    }),
    {
      numRuns: 200,
    },
  );
});

test("labels nobody knows have no character set", () => {
  for (const label of ["", "default_charset", "x-unknown", "unicode-1-1-utf-7"]) expect(charsetOf(label), label).toBeUndefined();
});
