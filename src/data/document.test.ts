import fc from "fast-check";
import { expect, test } from "vitest";
import { type Document, documentLine, parseDocument, readDocuments, textLines } from "./document.ts";

const attributes = fc.dictionary(
  fc.string().filter(k => k !== "__proto__"),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string())),
);
const documents = fc.array(
  fc.record({ id: fc.string({ minLength: 1 }), text: fc.string({ unit: "binary" }), source: fc.string(), attributes }),
);

/** The same bytes in pieces of odd sizes, so that lines and characters are cut anywhere. */
async function* cut(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
const all = async <T>(items: AsyncIterable<T>) => {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
};

test("documents survive writing and reading, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.integer({ min: 1, max: 7 }), async (list, size) => {
      const text = list.map(d => documentLine(d)).join("");
      const read = await all(readDocuments(cut(text, size), { place: "x" }));
      expect(read.map(d => ({ ...d, attributes: { ...d.attributes } }))).toEqual(
        list.map(d => ({ ...d, attributes: { ...d.attributes } })),
      );
    }),
  );
});

test("equal documents are equal bytes, in whatever order their attributes were set", () => {
  const a: Document = { id: "a", text: "t", source: "s", attributes: { x: 1, y: 2 } };
  expect(documentLine({ ...a, attributes: { y: 2, x: 1 } })).toBe(documentLine(a));
});

test("a bad line is set aside with its place and the rest is read", async () => {
  const good = documentLine({ id: "a", text: "t", source: "s", attributes: {} });
  const bad: string[] = [];
  const text = `${good}{"id": 1}\n\nnot json\n${good}`;
  const read = await all(readDocuments(cut(text, 5), { place: "f.jsonl", onBad: b => bad.push(`${b.place} ${b.reason}`) }));
  expect(read.map(d => d.id)).toEqual(["a", "a"]);
  expect(bad).toEqual([expect.stringMatching(/^f\.jsonl:2 id: /), expect.stringMatching(/^f\.jsonl:4 not JSON/)]);
});

test("without a place to set it aside, a bad line is an error that names it", async () => {
  await expect(all(readDocuments(cut("{}\n", 9), { place: "f.jsonl" }))).rejects.toThrow("f.jsonl:1: expected a document: id");
});

test("lines end at line feeds, with or without a carriage return, and the last needs none", async () => {
  expect(await all(textLines(cut("a\r\nü\n\nlast", 1)))).toEqual(["a", "ü", "", "last"]);
  expect(parseDocument("[]")).toHaveProperty("reason");
});
