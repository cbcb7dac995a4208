import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { good, runRecords } from "../../plan/runs.laws.ts";
import { bagSimilarity, wordBag } from "../near-duplicates/index.ts";
import { splitOptions } from "./options.ts";
import { splitDocuments } from "./split.ts";

type Draw = ReturnType<typeof random>;

/** A word of a vocabulary in which a few words are common and most are rare (Zipf). */
const zipf = (draw: Draw): string => `w${Math.floor(Math.exp(draw.uniform() * Math.log(3000)))}`;

/** One edit of a text that changes one word, or the places of two. */
const edits: Readonly<Record<string, (words: readonly string[], draw: Draw) => string[]>> = {
  changed: (words, draw) => words.with(draw.below(words.length), "other"),
  inserted: (words, draw) => words.toSpliced(draw.below(words.length + 1), 0, "other"),
  deleted: (words, draw) => words.toSpliced(draw.below(words.length), 1),
  swapped: (words, draw) => {
    const [i, j] = [draw.below(words.length), draw.below(words.length)];
    return words.with(i, words[j]!).with(j, words[i]!);
  },
};

const document = (id: string, words: readonly string[]): Document => ({ id, text: words.join(" "), source: "", attributes: {} });

/** Texts of `length` words, every second of them its predecessor with one word changed. */
function twins(seed: number | string, pairs: number, length: number, edit = edits.changed!): Document[] {
  const draw = random(seed);
  return Array.from({ length: pairs }, (_, p) => {
    const words = Array.from({ length }, () => zipf(draw));
    return [document(`${p}.a`, words), document(`${p}.b`, edit(words, draw))];
  }).flat();
}

test("a short text with one word changed, inserted, deleted or swapped stays on its twin's side, at any length", async () => {
  for (const [name, edit] of Object.entries(edits)) {
    const draw = random(name);
    // Of fewer than six words, a changed one leaves less than 0.7.
    const documents = Array.from({ length: 67 }, (_, i) => i + 4)
      .filter(length => length >= 6 || name !== "changed")
      .flatMap(length =>
        [0, 1].flatMap(k => {
          // Words of its own, so that no other text of the corpus links the two.
          const words = Array.from({ length }, (_, i) => (i % 3 === 0 ? zipf(draw) : `${length}${"abc"[k]!}${i}`));
          return [document(`${length}.${k}.a`, words), document(`${length}.${k}.b`, edit(words, draw))];
        }),
      );
    for (const seed of [1, 2]) {
      const { train, heldOut } = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.4, seed }));
      const held = new Set(heldOut.map(d => d.id));
      expect(held.size).toBeGreaterThan(80);
      expect(train.length).toBeGreaterThan(80);
      for (const { id } of documents) if (id.endsWith(".a")) expect(held.has(id.replace(".a", ".b")), `${name} ${id}`).toBe(held.has(id));
    }
  }
});

test("texts of twelve words, half of them twins: no pair across the sides is alike, by brute force", async () => {
  const documents = twins(5, 200, 12);
  const bags = (list: readonly Document[]) => list.map(d => wordBag(d.text, 60));
  const pairsAcross = (a: readonly Uint32Array[], b: readonly Uint32Array[]) =>
    a.reduce((n, x) => n + b.filter(y => bagSimilarity(x, y, 0.7) !== undefined).length, 0);
  const split = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.3 }));
  expect(split.heldOut.length).toBe(120);
  expect(pairsAcross(bags(split.train), bags(split.heldOut))).toBe(0);
  // By shingles alone most twins cross; where near-duplicates may cross, every pair is counted.
  const shingled = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.3, near: { shortWords: 0 } }));
  expect(pairsAcross(bags(shingled.train), bags(shingled.heldOut))).toBeGreaterThan(40);
  expect(shingled.crossing).toBe(0);
  const single = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.3, by: "document" }));
  expect(single.crossing).toBe(pairsAcross(bags(single.train), bags(single.heldOut)));
  expect(single.crossing).toBeGreaterThan(40);
});

test("short texts that have nothing but common words in common stay apart", async () => {
  const draw = random(9);
  const documents = Array.from({ length: 1000 }, (_, i) =>
    document(
      `${i}`,
      Array.from({ length: 6 + draw.below(20) }, () => zipf(draw)),
    ),
  );
  const { clusters } = await splitDocuments(documents, splitOptions.parse({}));
  expect(clusters.size).toBeLessThanOrEqual(2);
});

test("a corpus without short texts is split as without word-by-word comparison", async () => {
  const documents = twins(3, 40, 61);
  const options = [{}, { near: { shortWords: 0 } }].map(o => splitOptions.parse({ heldOut: 0.3, ...o }));
  const [first, second] = await Promise.all(options.map(o => splitDocuments(documents, o)));
  expect(first).toEqual(second);
});

test("copies of one short text are one group, however many they are", async () => {
  const copies = Array.from({ length: 3000 }, (_, i) => document(`copy${i}`, ["see", "you", "tomorrow"]));
  const split = await splitDocuments([...copies, ...twins(1, 20, 12)], splitOptions.parse({ heldOut: 0.01 }));
  expect(split.clusters.get("copy0")).toBe("copy0");
  expect([...split.clusters.values()].filter(c => c === "copy0")).toHaveLength(3000);
});

test("partitions, bins and the order of documents do not change the split of short texts", async () => {
  const documents = twins(8, 60, 12);
  const records = documents.map(d => good(d.id, d.text));
  const split = { heldOut: 0.3 };
  const sides: string[] = [];
  for (const [partitions, bins, seed] of [
    [1, 1, 0],
    [3, 4, 1],
    [5, 2, 2],
  ] as const) {
    const list = seed === 0 ? records : [...random(seed).permutation(records.length)].map(i => records[i]!);
    const parts = Array.from({ length: partitions }, (_, p) => list.filter((_, i) => i % partitions === p));
    const made = await runRecords(parts, { steps: [], split: splitOptions.parse(split), bins });
    sides.push(["train.jsonl", "held-out.jsonl"].map(name => made.files.get(name)!.toString("utf8")).join("--"));
  }
  expect(new Set(sides).size).toBe(1);
  // What is at hand is split the same way.
  const inMemory = await splitDocuments(
    documents.map(d => ({ ...d, id: `t:${d.id}` })),
    splitOptions.parse(split),
  );
  const heldOut = sides[0]!
    .split("--")[1]!
    .trim()
    .split("\n")
    .map(line => (JSON.parse(line) as Document).id);
  expect(inMemory.heldOut.map(d => d.id)).toEqual(heldOut);
});
