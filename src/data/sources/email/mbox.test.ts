import fc from "fast-check";
import { expect, test } from "vitest";
import { sourceLines } from "../file.ts";
import { mboxMails } from "./mbox.ts";

const mails = async (text: string, size = 7) => {
  async function* pieces() {
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
  }
  const out: { line: number; text: string | undefined }[] = [];
  for await (const m of mboxMails(sourceLines(pieces()))) out.push({ line: m.line, text: m.bytes?.toString() });
  return out;
};

test("mails part at From lines after an empty line, and quoted From lines lose one mark", async () => {
  const box = "From a Mon\nSubject: 1\n\nbody\nFrom here on\n>From quoted\n>>From twice\n\nFrom b Tue\nSubject: 2\n\nlast\n";
  expect(await mails(box)).toEqual([
    { line: 1, text: "Subject: 1\n\nbody\nFrom here on\nFrom quoted\n>From twice\n\n" },
    { line: 9, text: "Subject: 2\n\nlast\n" },
  ]);
});

test("what is written as mboxrd is read back, mail by mail", async () => {
  const body = fc.array(fc.constantFrom("", "From x", ">From y", "words", ">>From", "> quote"), { maxLength: 8 }).map(l => l.join("\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 30 }), async (bodies, size) => {
      const box = bodies.map(b => `From a\nH: x\n\n${b.replace(/^(>*From )/gm, ">$1")}\n\n`).join("");
      expect((await mails(box, size)).map(m => m.text)).toEqual(bodies.map(b => `H: x\n\n${b}\n\n`));
    }),
  );
});

test("a file without a From line is one mail", async () => {
  expect(await mails("Subject: 1\n\nFrom me\n")).toHaveLength(1 + 1);
  expect(await mails("Subject: 1\n\nfor you\n")).toHaveLength(1);
  expect(await mails("")).toEqual([]);
});
