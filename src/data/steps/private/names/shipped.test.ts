import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { trainedNames } from "../../../../../bench/names/recipe.ts";
import { ownFolder, sha256 } from "../../../../base/index.ts";
import { noResources } from "../../../resources.ts";
import { findPrivate } from "../find.ts";
import { privateData } from "../private.ts";
import { decodeNames, encodeNames, nameRecogniser, namesIn } from "./model.ts";
import { shippedNames, shippedNamesBytes, shippedNamesFile } from "./shipped.ts";

const folder = mkdtempSync(join(tmpdir(), "names-"));
afterAll(() => rmSync(folder, { recursive: true }));
const model = shippedNames();
const recogniser = nameRecogniser(model);
const names = (text: string) => findPrivate(text, { recogniser }).flatMap(s => (s.type === "name" ? [text.slice(s.start, s.end)] : []));

test("the shipped model is at most 6 MB, of eight-bit weights, and written again as it was read", () => {
  const bytes = readFileSync(join(ownFolder(), shippedNamesFile));
  expect(bytes.length).toBeLessThan(6e6);
  expect(model.weights).toBeInstanceOf(Int8Array);
  const again = decodeNames(encodeNames(model), "again");
  expect(Buffer.from(again.weights.buffer).equals(Buffer.from(model.weights.buffer))).toBe(true);
  expect({ ...again, weights: 0 }).toEqual({ ...model, weights: 0 });
});

test.each([
  ["Yesterday I met Katarzyna Wiśniewska at the station.", ["Katarzyna Wiśniewska"]],
  ["Hi Priya,\n\nthe invoice is attached.\n\nBest,\nTom", ["Priya", "Tom"]],
  ["From: Jane Doe <jane@acme.com>\nTo: Ravi Kumar <ravi@acme.com>", ["Jane Doe", "Ravi Kumar"]],
  ["We spoke to Dr. Okonkwo about it.", ["Okonkwo"]],
  ["Mary-Jane O'Connor's car is red.", ["Mary-Jane O'Connor"]],
  ["my name is sarah johnson and i live in leeds", ["sarah johnson"]],
  ["Please call J. R. Hartley on Monday.", ["J. R. Hartley"]],
])("%j", (text, expected) => {
  expect(names(text)).toEqual(expected);
});

test.each([
  "The conference takes place in Jordan in May.",
  "She works for Siemens Energy and buys at Marks & Spencer.",
  "May I ask when the shop opens?",
  "Will you come to Paris in April?",
  "Please install Windows and restart the Server.",
  "The quick brown fox jumps over the lazy dog.",
  "",
  " \n\t ",
])("%j names nobody", text => {
  expect(names(text)).toEqual([]);
});

test("findings are exact slices, by place and apart, whatever the text, and the same again", () => {
  const part = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 8 }),
    fc.constantFrom(
      "Anna Smith",
      " ",
      "\r\n",
      "👩‍👩‍👧",
      "[NAME]",
      "[EMAIL]",
      "東京",
      "’s",
      "\u0000",
      "\ud83d",
      "\u200b",
      "Ａｎｎａ",
      "e\u0301",
      "\u202e",
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), parts => {
      const text = parts.join("");
      let end = 0;
      for (const s of namesIn(text, model)) {
        expect(s.start >= end && s.end > s.start && s.end <= text.length && s.score > 0 && s.score <= 1).toBe(true);
        expect(text.slice(s.start, s.end)).toMatch(/^\S(?:[\s\S]*\S)?$/);
        end = s.end;
      }
      expect(namesIn(text, model)).toEqual(namesIn(text, model));
    }),
    { numRuns: 200 },
  );
});

test("a megabyte without a space, and one of nothing but names, are read to their end", () => {
  expect(namesIn("x".repeat(2 ** 20), model).every(s => s.end <= 2 ** 20)).toBe(true);
  const many = "Anna Smith, ".repeat(20_000);
  const found = namesIn(many, model);
  expect(found.length).toBeGreaterThan(15_000);
  expect(found.every(s => /Anna|Smith/.test(many.slice(s.start, s.end)))).toBe(true);
});

test("a file that was cut, changed or exchanged is refused by name, with what to do", () => {
  const bytes = readFileSync(join(ownFolder(), shippedNamesFile));
  const changed = Buffer.from(bytes);
  changed[bytes.length >> 1]! ^= 1;
  for (const [name, content] of Object.entries({ cut: bytes.subarray(0, 1000), changed, empty: Buffer.alloc(0) })) {
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, content);
    expect(() => shippedNamesBytes(file), name).toThrow(`${name}.bin: expected the model of names that ships with Loam`);
    expect(() => shippedNamesBytes(file), name).toThrow("Reinstall Loam");
    expect(() => decodeNames(content, name)).toThrow(`${name}: expected`);
  }
  expect(() => shippedNamesBytes(join(folder, "none.bin"))).toThrow("none.bin");
});

test("`names: true` and `names: {}` are the shipped model in the step; it needs no file, and a least score leaves findings out", async () => {
  const document = { id: "a", source: "s", attributes: {}, text: "Dear Mr. Okonkwo,\n\nI met Katarzyna Wiśniewska. Write to a@acme.com" };
  const run = async (names: unknown) => {
    const o = privateData.options.parse({ names, policy: { place: "keep" } });
    expect(privateData.needs!(o)).toEqual([]);
    return privateData.apply(document, o, await privateData.prepare!(o, noResources)).text;
  };
  const masked = "Dear Mr. [NAME],\n\nI met [NAME]. Write to [EMAIL]";
  expect(await run(true)).toBe(masked);
  expect(await run({})).toBe(masked);
  expect(await run({ minScore: 1 })).toContain("Okonkwo");
  expect(() => privateData.options.parse({ names: false })).toThrow();
});

test("training is reproducible: a small recipe gives the very weights that it gave when the model was made", async () => {
  const small = { seed: "small", bits: 12, passes: 1, positives: 150, negatives: 60, named: 50, exchanges: 1, plain: 50 };
  const { weights } = await trainedNames(small);
  expect(sha256(Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength))).toBe(
    "ad1a9d889af1fcf238526d48dcfead996313e5c247305560ed19be49fcd15c5a",
  );
}, 60_000);
