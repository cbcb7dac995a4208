import fc from "fast-check";
import { expect, test } from "vitest";
import type { SourceFile } from "../file.ts";
import { sourceOptions } from "../options.ts";
import { readBytes } from "../read-bytes.laws.ts";
import { readers } from "../readers.ts";
import type { ReadRecord } from "../source.ts";
import { type Drawn, pdfFile, pdfOf } from "./pdf-writer.laws.ts";

const options = sourceOptions.parse({ folder: ".", reader: "pdf" });
const read = async (bytes: Buffer): Promise<ReadRecord> => (await readBytes("a/x.pdf", bytes, options))[0]!;

const textOf = async (bytes: Buffer) => {
  const r = await read(bytes);
  return r.ok ? r.text : `${r.place}! ${r.reason}: ${r.message}`;
};
const editsOf = (r: ReadRecord) => (r.ok ? Object.fromEntries(r.edits.map(e => [e.rule, e.value])) : {});

/** Lines of one column, the first at `y`. */
const column = (texts: readonly string[], x: number, y: number, lead = 12): Drawn[] =>
  texts.map((text, i) => ({ text, x, y: y - i * lead }));
const words = "the quick brown fox jumps over lazy dogs while seven wizards quietly brew a potion of old blue herbs".split(" ");
/** Lines of `letters` letters at most, filled from the words as they come round. */
function filled(n: number, letters: number, from = 0): { lines: string[]; text: string } {
  const lines: string[] = [];
  let i = from;
  for (let k = 0; k < n; k++) {
    let line = "";
    while (line.length + words[i % words.length]!.length + 1 <= letters) line += `${line ? " " : ""}${words[i++ % words.length]}`;
    lines.push(line);
  }
  return { lines, text: lines.join(" ") };
}

test("lines of a paragraph are one, a wider gap parts paragraphs, title and author are attributes", async () => {
  const [a, b] = [filled(4, 60), filled(3, 60, 50)];
  const page = [{ text: "A Title", x: 72, y: 780, size: 18 }, ...column(a.lines, 72, 740), ...column(b.lines, 72, 740 - 4 * 12 - 12)];
  const r = await read(pdfOf([page], { info: "/Title (On Foxes) /Author (A. Writer)" }));
  expect(r).toMatchObject({
    text: `A Title\n\n${a.text}\n\n${b.text}`,
    key: "a/x",
    place: "a/x.pdf",
    attributes: { title: "On Foxes", author: "A. Writer", pages: 1, group: "a" },
    edits: [],
  });
});

test("two columns are read one after the other, whatever order they were drawn in, and a title over both stays above", async () => {
  const [l, r] = [filled(12, 35), filled(12, 35, 7)];
  const title = { text: "A title that stands over both of the columns of this page", x: 80, y: 790 };
  const [left, right] = [column(l.lines, 60, 750), column(r.lines, 310, 750)];
  const want = `${title.text}\n\n${l.text} ${r.text}`;
  const mixed = left.flatMap((line, i) => [line, right[i]!]);
  for (const drawn of [
    [title, ...left, ...right],
    [...right, ...left, title],
    [title, ...mixed],
  ])
    expect(await textOf(pdfOf([drawn]))).toBe(want);
});

test("the order of drawing does not matter to lines that stand apart", async () => {
  const lines = column(
    Array.from({ length: 8 }, (_, i) => `Line ${i} is a sentence of its own.`),
    72,
    700,
    30,
  );
  const want = lines.map(l => l.text).join("\n\n");
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(lines, { minLength: 8 }), async drawn => {
      expect(await textOf(pdfOf([drawn]))).toBe(want);
    }),
    { numRuns: 15 },
  );
});

test("words that are divided at a line's end are put together; compounds keep their hyphen", async () => {
  const page = column(["It was an extraordi-", "nary day for near-", "duplicates, for the near ones and", "the duplicates."], 72, 700);
  const r = await read(pdfOf([page]));
  expect(r).toMatchObject({ text: "It was an extraordinary day for near-duplicates, for the near ones and the duplicates." });
  expect(editsOf(r)).toEqual({ "divided-words": 1 });
});

test("running heads and page numbers go, with an edit that counts them; a sentence goes on over the page", async () => {
  const pages = Array.from({ length: 5 }, (_, i) => {
    const { lines } = filled(5, 60, 11 * i);
    return [
      { text: "The Journal of Foxes", x: 72, y: 810 },
      ...column([...lines, i === 4 ? "and that is all." : "and so"], 72, 760),
      { text: i % 2 ? `${i + 20} Chapter ${i}: more` : `Chapter ${i}: some ${i + 20}`, x: 72, y: 60 },
      { text: `- ${i + 20} -`, x: 290, y: 40 },
    ];
  });
  const r = await read(pdfOf(pages));
  expect(editsOf(r)).toEqual({ "running-heads": 10, "page-numbers": 5 });
  expect(r.ok && r.text).toBe(
    `${Array.from({ length: 5 }, (_, i) => `${filled(5, 60, 11 * i).text} ${i === 4 ? "and that is all." : "and so"}`).join(" ")}`,
  );
});

test("a title that is the running head of the next pages stays where it is the title", async () => {
  const pages = Array.from({ length: 4 }, (_, i) => [
    { text: "Of Foxes", x: 72, y: i === 0 ? 780 : 810, size: i === 0 ? 20 : 9 },
    ...column([...filled(3, 60, 7 * i).lines, `notwithstanding ${words[i]}.`], 72, 700),
  ]);
  expect(await textOf(pdfOf(pages))).toBe(
    `Of Foxes\n\n${[0, 1, 2, 3].map(i => `${filled(3, 60, 7 * i).text} notwithstanding ${words[i]}.`).join("\n\n")}`,
  );
});

test("lists and lines that were left short stay lines; a turned page reads like any other", async () => {
  const list = ["Bring with you:", "- a pen", "- a book of", "- an apple"];
  expect(await textOf(pdfOf([column(list, 72, 700)]))).toBe(list.join("\n"));
  const { lines, text } = filled(6, 50);
  const turned = lines.map((line, i) => ({ text: line, x: 100 + 12 * i, y: 72, turn: 90 }));
  expect(await textOf(pdfOf([turned]))).toBe(text);
  const r = await read(pdfOf([[...column(lines, 72, 700), { text: "DRAFT", x: 100, y: 300, size: 80, turn: 45 }]]));
  expect(r).toMatchObject({ text, edits: [{ rule: "askew-text", value: 1 }] });
});

test("letters that are drawn twice, a hair apart, are read once", async () => {
  const [one, two] = [
    { text: "Bold by hand", x: 72, y: 700 },
    { text: "no no", x: 72, y: 650 },
  ];
  expect(await textOf(pdfOf([[one, { ...one, x: 72.4 }, two, { ...two, x: 72.3, y: 650.3 }]]))).toBe("Bold by hand\n\nno no");
});

test("raised letters belong to their line", async () => {
  const page = [
    { text: "as was shown", x: 72, y: 700 },
    { text: "1", x: 144, y: 704, size: 6 },
    { text: "by others", x: 154, y: 700 },
  ];
  expect(await textOf(pdfOf([page]))).toBe("as was shown1 by others");
});

const said = ["One fox runs.", "Two dogs sleep.", "Three birds sing."];
const simple = (n: number) => Array.from({ length: n }, (_, i) => column([said[i]!], 72, 700));

test("files that are no PDF, cut, empty, encrypted or without a letter are set aside by their reason", async () => {
  const whole = pdfOf(simple(3));
  expect(await read(Buffer.alloc(0))).toMatchObject({ reason: "empty", place: "a/x.pdf" });
  expect(await read(Buffer.from("no such thing"))).toMatchObject({ reason: "pdf" });
  expect(await read(Buffer.alloc(100_000))).toMatchObject({ reason: "pdf" });
  const key = `<${"ab".repeat(32)}>`;
  const locked = pdfOf(simple(1), { more: `/Encrypt << /Filter /Standard /V 1 /R 2 /O ${key} /U ${key} /P -4 >> /ID [<00> <00>]` });
  expect(await read(locked)).toMatchObject({ reason: "encrypted" });
  expect(await read(pdfOf([[], []]))).toMatchObject({ reason: "scanned", message: expect.stringContaining("2 pages") });
  const some = await read(pdfOf([...simple(2), []]));
  expect(some).toMatchObject({ ok: true, edits: [{ rule: "pages-without-text", value: 1 }] });
  // Without its end a PDF is put together from what is there.
  expect(await textOf(whole.subarray(0, whole.length - 30))).toContain("One fox runs.");
});

test("a PDF that is cut or damaged anywhere gives its text or is set aside, and the next is read as ever", async () => {
  const whole = pdfOf(simple(3));
  const want = simple(3)
    .map(p => p[0]!.text)
    .join("\n\n");
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 20 }),
      async (cut, hits) => {
        const bytes = Buffer.from(hits.length > 0 ? whole : whole.subarray(0, cut));
        for (const [at, value] of hits) bytes[at] = value;
        const r = await read(bytes);
        expect(r.ok || ["pdf", "scanned", "empty", "encrypted", "damaged", "too-long", "binary"].includes(r.reason)).toBe(true);
      },
    ),
    { numRuns: 80 },
  );
  expect(await textOf(whole)).toBe(want);
});

test("a tree of pages that leads in a circle is set aside", async () => {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Count 3 /Kids [3 0 R] >>",
    "<< /Type /Pages /Parent 2 0 R /Count 3 /Kids [2 0 R] >>",
  ];
  expect(await read(pdfFile(objects))).toMatchObject({ ok: false, reason: "pdf" });
  expect(await read(pdfFile(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 90000000 /Kids [] >>"]))).toMatchObject({
    ok: false,
  });
});

test("what goes wrong while the file is read stops the reading by name, not as a bad PDF", async () => {
  const file = {
    path: "x.pdf",
    name: "x.pdf",
    sizeBytes: 1000,
    sha256: "",
    random: async () => ({ sizeBytes: 1000, read: () => Promise.reject(new Error("the disk is gone")), close: async () => {} }),
  } as unknown as SourceFile;
  const drain = async () => {
    for await (const _ of readers.pdf.records(file, options));
  };
  await expect(drain()).rejects.toThrow("the disk is gone");
});
