import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { checkShards, type PackedBatch, packer, type TokenShards } from "./packing.ts";

const end = 0;
function shardsOf(seed: string, count: number): { shards: TokenShards; documents: number[][] } {
  const r = random(seed);
  const documents = Array.from({ length: count }, () => Array.from({ length: r.below(9) }, () => 1 + r.below(50)));
  const offsets = Uint32Array.from([0, ...documents.map((_, i) => documents.slice(0, i + 1).reduce((s, d) => s + d.length, 0))]);
  return { shards: { tokens: Uint16Array.from(documents.flat()), offsets }, documents };
}

for (const seed of ["a", "b", "c"])
  test(`an epoch is every document once, each token predicted once, ends included (seed ${seed})`, () => {
    const { shards, documents } = shardsOf(seed, 20);
    const total = documents.reduce((s, d) => s + d.length + 1, 0);
    const p = packer(shards, { rows: 1, length: total, end, seed });
    const { tokens, targets } = p.next();
    expect(p.state()).toEqual({ epoch: 1, document: 0, token: 0 });
    // cut the stream of targets at ends: the documents, in some order
    const text = [...targets].join(" ");
    const got = `${text} `
      .split(/(?<![0-9])0 /)
      .slice(0, -1)
      .map(s => s.trim());
    expect(got.sort()).toEqual(documents.map(d => d.join(" ")).sort());
    // an input is the target before it, and an end comes first
    expect(tokens[0]).toBe(end);
    expect([...tokens.slice(1)]).toEqual([...targets.slice(0, -1)]);
  });

test("segments separate documents and rows; positions count inside them", () => {
  const { shards } = shardsOf("segments", 30);
  const b: PackedBatch = packer(shards, { rows: 4, length: 16, end, seed: 1 }).next();
  for (let i = 1; i < b.tokens.length; i++) {
    const newRow = i % 16 === 0;
    const newDocument = b.targets[i - 1] === end;
    expect(b.segments[i] !== b.segments[i - 1], `at ${i}`).toBe(newRow || newDocument);
    expect(b.positions[i]).toBe(newRow || newDocument ? 0 : b.positions[i - 1]! + 1);
  }
});

test("a packer started from a state goes on exactly", () => {
  const { shards } = shardsOf("resume", 25);
  const options = { rows: 2, length: 13, end, seed: "x" };
  const whole = packer(shards, options);
  const first = Array.from({ length: 30 }, () => ({ state: whole.state(), batch: whole.next() }));
  for (const k of [0, 1, 7, 19]) {
    const again = packer(shards, options, first[k]!.state);
    for (let i = k; i < 30; i++) expect(again.next()).toEqual(first[i]!.batch);
  }
});

test("epochs differ in order, seeds differ, equal seeds agree", () => {
  const { shards } = shardsOf("orders", 40);
  const stream = (seed: number, skip: number) => {
    const p = packer(shards, { rows: 1, length: 200, end, seed });
    for (let i = 0; i < skip; i++) p.next();
    return [...p.next().tokens].join();
  };
  expect(stream(1, 0)).toBe(stream(1, 0));
  expect(stream(1, 0)).not.toBe(stream(2, 0));
});

test("no documents, no tokens, and ids beyond the vocabulary are refused by name", () => {
  expect(() => checkShards({ tokens: new Uint16Array(0), offsets: Uint32Array.of(0) }, 10, "shards")).toThrow(
    /shards: expected at least one document.*0 documents/,
  );
  expect(() => checkShards({ tokens: Uint16Array.of(3, 12), offsets: Uint32Array.of(0, 2) }, 10, "shards")).toThrow(
    /below the model's vocabulary 10, got 12/,
  );
});
