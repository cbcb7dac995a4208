import { describe, expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { inArray, talk } from "../../plan/in-memory.ts";
import { jaccard, shingles } from "../near-duplicates/index.ts";
import { splitOptions } from "./options.ts";
import { splitPlan } from "./plan.ts";
import { type Split, splitDocuments } from "./split.ts";

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

test("every document is on one side, sorted, and the share is as asked", async () => {
  for (const share of ["documents", "bytes"] as const) {
    const split = await splitDocuments(documents, splitOptions.parse({ share, heldOut: 0.2 }));
    expect([...split.train, ...split.heldOut].map(d => d.id).sort()).toEqual(documents.map(d => d.id).sort());
    expect(split.train.map(d => d.id)).toEqual(split.train.map(d => d.id).sort());
    const size = (list: readonly Document[]) => (share === "bytes" ? list.reduce((n, d) => n + d.text.length, 0) : list.length);
    expect(Math.abs(size(split.heldOut) / size(documents) - 0.2)).toBeLessThan(0.02);
  }
});

test("no two documents across the sides are near-duplicates, by brute force over all pairs", async () => {
  for (const seed of [1, 2].slice(0, rounds(2))) {
    const split = await splitDocuments(documents, splitOptions.parse({ seed, heldOut: 0.3 }));
    const [train, held] = [split.train, split.heldOut].map(list => list.map(d => shingles(d.text, 5)));
    for (const h of held!) for (const t of train!) expect(jaccard(h, t)).toBeLessThan(0.7);
    expect(split.crossing).toBe(0);
    expect(split.clusters.size).toBeGreaterThan(50);
  }
});

test("the exact check is needed: what bands miss is refused, and told where near-duplicates may cross", async () => {
  const byDocument = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.3, by: "document" }));
  const [train, held] = [byDocument.train, byDocument.heldOut].map(list => list.map(d => shingles(d.text, 5)));
  const pairs = held!.reduce((n, h) => n + train!.filter(t => jaccard(h, t) >= 0.7).length, 0);
  expect(pairs).toBeGreaterThan(20);
  expect(byDocument.crossing).toBe(pairs);
  // One band of thirty rows finds next to nothing.
  const plan = splitPlan(splitOptions.parse({ heldOut: 0.3 }), { bands: 1, rows: 30 });
  const told = await talk(plan, inArray(documents));
  expect(() => documents.map((d, i) => plan.place(d.id, told[i] ?? []))).toThrow("no train document with a similarity of 0.7 or more");
});

test("the split depends on the seed and the ids, not on the order of documents", async () => {
  const o = splitOptions.parse({ seed: "s" });
  const first = ids(await splitDocuments(documents, o));
  const shuffled = [...random(4).permutation(documents.length)].map(i => documents[i]!);
  expect(ids(await splitDocuments(shuffled, o))).toEqual(first);
  expect(ids(await splitDocuments(documents, splitOptions.parse({ seed: "t" })))).not.toEqual(first);
});

test("a corpus that grows keeps nearly all of its split", async () => {
  const o = splitOptions.parse({ heldOut: 0.2, by: "document" });
  const before = new Set(ids(await splitDocuments(documents, o)).heldOut);
  const grown = new Set(ids(await splitDocuments([...documents, ...corpus(12, 8).map(d => ({ ...d, id: `new:${d.id}` }))], o)).heldOut);
  const moved = documents.filter(d => before.has(d.id) !== grown.has(d.id)).length;
  expect(moved / documents.length).toBeLessThan(0.03);
});

test("large groups are not favoured: over many seeds they are held out as often as single documents", async () => {
  let [large, single] = [0, 0];
  const sizes = new Map<unknown, number>();
  const first = await splitDocuments(documents, splitOptions.parse({}));
  for (const cluster of first.clusters.values()) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const isLarge = (d: Document) => (sizes.get(d.attributes.cluster) ?? 1) >= 3;
  const all = [...first.train, ...first.heldOut];
  const seeds = rounds(25, 8);
  for (let seed = 0; seed < seeds; seed++)
    for (const d of (await splitDocuments(documents, splitOptions.parse({ seed, heldOut: 0.2 }))).heldOut) {
      if (isLarge(d)) large++;
      else single++;
    }
  const share = (held: number, of: number) => held / (seeds * of);
  expect(share(large, all.filter(isLarge).length)).toBeCloseTo(0.2, 1);
  expect(share(single, all.filter(d => !isLarge(d)).length)).toBeCloseTo(0.2, 1);
});

test("documents of one value of an attribute stay together", async () => {
  const split = await splitDocuments(documents, splitOptions.parse({ by: { attribute: "from" }, heldOut: 0.2 }));
  const train = new Set(split.train.map(d => d.attributes.from));
  expect(split.heldOut.length).toBeGreaterThan(0);
  for (const d of split.heldOut) expect(train).not.toContain(d.attributes.from);
});

test("clusters are named in the documents and by their smallest id", async () => {
  const split = await splitDocuments(documents, splitOptions.parse({}));
  for (const d of [...split.train, ...split.heldOut]) {
    expect(d.attributes.cluster).toBe(split.clusters.get(d.id));
    if (d.attributes.cluster !== undefined) expect(`${d.attributes.cluster}` <= d.id).toBe(true);
  }
});

test("a small corpus still has both sides; one document, or many that are alike, cannot be split", async () => {
  const [a, b, c] = corpus(1, 40).filter(d => d.id.endsWith(".0"));
  for (const few of [
    [a!, b!],
    [a!, b!, c!],
  ]) {
    const split = await splitDocuments(few, splitOptions.parse({}));
    expect(split.heldOut).toHaveLength(1);
    expect(split.train).toHaveLength(few.length - 1);
  }
  const alike = [a!, { ...a!, id: "copy" }];
  for (const one of [[a!], alike]) await expect(splitDocuments(one, splitOptions.parse({}))).rejects.toThrow("expected at least 2 groups");
  expect(await splitDocuments([a!], splitOptions.parse({ heldOut: 0 }))).toMatchObject({ train: [{ id: a!.id }], heldOut: [] });
});

test("values that stay together are on one side, over several links, and beside near-duplicates", async () => {
  const split = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.2, together: ["from"] }));
  const senders = (list: readonly Document[]) => new Set(list.map(d => d.attributes.from));
  for (const sender of senders(split.heldOut)) expect(senders(split.train)).not.toContain(sender);
  expect(split.heldOut.length).toBeGreaterThan(0);
  expect(split.crossing).toBe(0);
  expect(split.crossingValues).toEqual({});
  const apart = await splitDocuments(documents, splitOptions.parse({ heldOut: 0.2, check: ["from"] }));
  const both = [...senders(apart.heldOut)].filter(s => senders(apart.train).has(s));
  expect(both.length).toBeGreaterThan(3);
  expect(apart.crossingValues).toEqual({ from: both.length });
});

test("stratified: every value has its share on both sides, as nearly as groups allow", async () => {
  const labelled = documents.map((d, i) => ({
    ...d,
    attributes: { ...d.attributes, label: i % 10 < 7 ? "many" : i % 10 < 9 ? "some" : "few" },
  }));
  const split = await splitDocuments(labelled, splitOptions.parse({ heldOut: 0.2, stratify: "label" }));
  for (const label of ["many", "some", "few"]) {
    const of = (list: readonly Document[]) => list.filter(d => d.attributes.label === label).length;
    expect(Math.abs(of(split.heldOut) / of(labelled) - 0.2), label).toBeLessThan(0.03);
  }
  const shuffled = [...random(5).permutation(labelled.length)].map(i => labelled[i]!);
  expect(ids(await splitDocuments(shuffled, splitOptions.parse({ heldOut: 0.2, stratify: "label" })))).toEqual(ids(split));
});

test("by time: nothing that is trained on is newer than the cut, but for groups that lie across it", async () => {
  const dated = documents.map((d, i) => ({
    ...d,
    attributes: { ...d.attributes, date: i % 9 === 4 ? null : `20${String(10 + (i % 12)).padStart(2, "0")}-05-01` },
  }));
  const split = await splitDocuments(dated, splitOptions.parse({ heldOut: 0.3, by: "document", time: {} }));
  const dates = (list: readonly Document[]) => list.flatMap(d => (typeof d.attributes.date === "string" ? [d.attributes.date] : []));
  const oldest = dates(split.heldOut).sort()[0]!;
  expect(dates(split.train).every(date => date < oldest)).toBe(true);
  expect(split.heldOut.length / dates(dated).length).toBeCloseTo(0.3, 1);
  expect(() => splitOptions.parse({ time: {}, stratify: "label" })).toThrow("either time or stratify");
});

describe("a user's own split", () => {
  const part = (i: number) => (i % 10 === 0 ? "test" : i % 10 === 1 ? "dev" : "train");
  const own = documents.map((d, i) => ({ ...d, attributes: { ...d.attributes, split: part(i), fold: i % 3 } }));
  const parse = (o: object) => splitOptions.parse(o);

  test("holds out the documents it names and no other, and trains on the rest", async () => {
    for (const by of ["near-duplicate", "document"] as const) {
      const split = await splitDocuments(own, parse({ heldOut: { split: "test" }, by }));
      expect(split.heldOut.map(d => d.id)).toEqual(own.flatMap((d, i) => (part(i) === "test" ? [d.id] : [])).sort());
      expect(split.train).toHaveLength(own.length - split.heldOut.length);
      const two = await splitDocuments(own, parse({ heldOut: { split: ["dev", "test"] }, by }));
      expect(two.heldOut.every(d => d.attributes.split !== "train")).toBe(true);
      expect(two.train.every(d => d.attributes.split === "train")).toBe(true);
    }
    const numbers = await splitDocuments(own, parse({ heldOut: { fold: 2 } }));
    expect(numbers.heldOut.every(d => d.attributes.fold === 2) && numbers.train.every(d => d.attributes.fold !== 2)).toBe(true);
  });

  test("counts near-duplicates across its sides instead of failing, and keeps groups within a side", async () => {
    const split = await splitDocuments(own, parse({ heldOut: { split: "test" } }));
    const [train, held] = [split.train, split.heldOut].map(list => list.map(d => shingles(d.text, 5)));
    const pairs = held!.reduce((n, h) => n + train!.filter(t => jaccard(h, t) >= 0.7).length, 0);
    expect(pairs).toBeGreaterThan(5);
    expect(split.crossing).toBe(pairs);
    const heldOut = new Set(split.heldOut.map(d => d.id));
    expect(split.clusters.size).toBeGreaterThan(50);
    for (const [id, cluster] of split.clusters) expect(heldOut.has(cluster)).toBe(heldOut.has(id));
  });

  test("an attribute or value that no document has is refused, with those that exist and the nearest", async () => {
    const refused = async (heldOut: object, says: RegExp) => {
      const failed = splitDocuments(own, parse({ heldOut }));
      await expect(failed).rejects.toMatchObject({ code: "data/ownSplit" });
      await expect(failed).rejects.toThrow(says);
    };
    await refused({ splt: "test" }, /with the attribute "splt", got none of .*they have fold, from, split.* Did you mean "split"\?/);
    await refused({ split: "tests" }, /"split" is "tests", got none; its values are "dev" \(\d+\), "test" .* Did you mean "test"\?/);
    await refused({ split: ["train", "dev", "test"] }, /got none: all \d+ are of this part/);
  });

  test("is refused together with what draws another one", () => {
    const heldOut = { split: "test" };
    for (const more of [{ time: {} }, { stratify: "from" }, { share: "bytes" }])
      expect(() => parse({ heldOut, ...more })).toThrow("your own split by an attribute");
    expect(() => parse({ heldOut: { split: "test", fold: 1 } })).toThrow("one attribute with the values");
    expect(parse({ heldOut: { split: ["b", "a", "a"] } }).heldOut).toEqual({ split: ["a", "b"] });
  });
});
