import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { jaccard, shingles } from "../near-duplicates/index.ts";
import { type Split, splitDocuments, splitOptions } from "./split.ts";

/** Families of like texts: similarity between members falls with their distance, and lies around the threshold. */
function corpus(seed: number, families: number): Document[] {
  const draw = random(seed);
  return Array.from({ length: families }, (_, f) => {
    const original = Array.from({ length: 70 }, () => `w${draw.below(5000)}`);
    return Array.from({ length: 1 + draw.below(4) }, (_, k) => ({
      id: `d:${f}.${k}`,
      text: original.map(w => (k > 0 && draw.uniform() < 0.03 ? `x${draw.below(999)}` : w)).join(" "),
      source: `f${f}`,
      attributes: { from: `sender${f % 17}` },
    }));
  }).flat();
}
const ids = (s: Split) => ({ train: s.train.map(d => d.id), heldOut: s.heldOut.map(d => d.id) });
const documents = corpus(11, 150);

test("every document is on one side, sorted, and the share is as asked", () => {
  for (const share of ["documents", "bytes"] as const) {
    const split = splitDocuments(documents, splitOptions.parse({ share, heldOut: 0.2 }));
    expect([...split.train, ...split.heldOut].map(d => d.id).sort()).toEqual(documents.map(d => d.id).sort());
    expect(split.train.map(d => d.id)).toEqual(split.train.map(d => d.id).sort());
    const size = (list: readonly Document[]) => (share === "bytes" ? list.reduce((n, d) => n + d.text.length, 0) : list.length);
    expect(Math.abs(size(split.heldOut) / size(documents) - 0.2)).toBeLessThan(0.02);
  }
});

test("no two documents across the sides are near-duplicates, by brute force over all pairs", () => {
  for (const seed of [1, 2]) {
    const split = splitDocuments(documents, splitOptions.parse({ seed, heldOut: 0.3 }));
    const [train, held] = [split.train, split.heldOut].map(list => list.map(d => shingles(d.text, 5)));
    for (const h of held!) for (const t of train!) expect(jaccard(h, t)).toBeLessThan(0.7);
    expect(split.crossing).toEqual([]);
    expect(split.clusters.size).toBeGreaterThan(50);
  }
});

test("the exact check is needed: bands alone would leave pairs across the sides", () => {
  // One band of thirty rows finds next to nothing; the check across the sides joins the rest.
  const near = { bands: 1, rows: 30 };
  const split = splitDocuments(documents, splitOptions.parse({ heldOut: 0.3, near }));
  const byDocument = splitDocuments(documents, splitOptions.parse({ heldOut: 0.3, near, by: "document" }));
  expect(byDocument.crossing.length).toBeGreaterThan(20);
  expect(split.crossing).toEqual([]);
});

test("the split depends on the seed and the ids, not on the order of documents", () => {
  const o = splitOptions.parse({ seed: "s" });
  const first = ids(splitDocuments(documents, o));
  const shuffled = [...random(4).permutation(documents.length)].map(i => documents[i]!);
  expect(ids(splitDocuments(shuffled, o))).toEqual(first);
  expect(ids(splitDocuments(documents, splitOptions.parse({ seed: "t" })))).not.toEqual(first);
});

test("a corpus that grows keeps nearly all of its split", () => {
  const o = splitOptions.parse({ heldOut: 0.2, by: "document" });
  const before = new Set(ids(splitDocuments(documents, o)).heldOut);
  const grown = new Set(ids(splitDocuments([...documents, ...corpus(12, 8).map(d => ({ ...d, id: `new:${d.id}` }))], o)).heldOut);
  const moved = documents.filter(d => before.has(d.id) !== grown.has(d.id)).length;
  expect(moved / documents.length).toBeLessThan(0.03);
});

test("large groups are not favoured: over many seeds they are held out as often as single documents", () => {
  let [large, single] = [0, 0];
  const sizes = new Map<unknown, number>();
  const first = splitDocuments(documents, splitOptions.parse({}));
  for (const cluster of first.clusters.values()) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const isLarge = (d: Document) => (sizes.get(d.attributes.cluster) ?? 1) >= 3;
  const all = [...first.train, ...first.heldOut];
  const rounds = 25;
  for (let seed = 0; seed < rounds; seed++)
    for (const d of splitDocuments(documents, splitOptions.parse({ seed, heldOut: 0.2 })).heldOut) {
      if (isLarge(d)) large++;
      else single++;
    }
  const share = (held: number, of: number) => held / (rounds * of);
  expect(share(large, all.filter(isLarge).length)).toBeCloseTo(0.2, 1);
  expect(share(single, all.filter(d => !isLarge(d)).length)).toBeCloseTo(0.2, 1);
});

test("documents of one value of an attribute stay together", () => {
  const split = splitDocuments(documents, splitOptions.parse({ by: { attribute: "from" }, heldOut: 0.2 }));
  const train = new Set(split.train.map(d => d.attributes.from));
  expect(split.heldOut.length).toBeGreaterThan(0);
  for (const d of split.heldOut) expect(train).not.toContain(d.attributes.from);
});

test("clusters are named in the documents and by their smallest id", () => {
  const split = splitDocuments(documents, splitOptions.parse({}));
  for (const d of [...split.train, ...split.heldOut]) {
    expect(d.attributes.cluster).toBe(split.clusters.get(d.id));
    if (d.attributes.cluster !== undefined) expect(`${d.attributes.cluster}` <= d.id).toBe(true);
  }
});

test("a small corpus still has both sides; one document, or many that are alike, cannot be split", () => {
  const [a, b, c] = corpus(1, 40).filter(d => d.id.endsWith(".0"));
  for (const few of [
    [a!, b!],
    [a!, b!, c!],
  ]) {
    const split = splitDocuments(few, splitOptions.parse({}));
    expect(split.heldOut).toHaveLength(1);
    expect(split.train).toHaveLength(few.length - 1);
  }
  const alike = [a!, { ...a!, id: "copy" }];
  for (const one of [[a!], alike]) expect(() => splitDocuments(one, splitOptions.parse({}))).toThrow("expected at least 2 groups");
  expect(splitDocuments([a!], splitOptions.parse({ heldOut: 0 }))).toMatchObject({ train: [{ id: a!.id }], heldOut: [] });
});
