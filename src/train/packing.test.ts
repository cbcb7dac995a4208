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

for (const [seed, length, packing] of [
  ["a", 5, undefined],
  ["b", 8, undefined],
  ["c", 64, undefined],
  ["d", 8, "none"],
  ["e", 64, "none"],
] as const)
  test(`an epoch predicts every token of every document once, from the one before it, and every end once (rows of ${length}, packing ${packing ?? "by default"})`, () => {
    const r = random(seed);
    // every token has an id of its own, so a target tells where it stands
    let next = 1;
    const documents = Array.from({ length: 30 }, () => Array.from({ length: r.below(40) }, () => next++));
    const offsets = Uint32Array.from({ length: 31 }, (_, i) => documents.slice(0, i).reduce((s, d) => s + d.length, 0));
    const before = new Map(documents.flatMap(d => d.map((t, i) => [t, i === 0 ? end : d[i - 1]!] as const)));
    const lasts = documents.map(d => d.at(-1) ?? end).sort((a, b) => a - b);
    const p = packer({ tokens: Uint16Array.from(documents.flat()), offsets }, { rows: 1, length, end, seed, packing });
    const seen: number[] = [];
    const ends: number[] = [];
    while (p.state().epoch === 0) {
      const b = p.next();
      for (let at = 0; at < length; at++) {
        if (!b.weights[at]) continue;
        if (b.targets[at] === end) ends.push(b.tokens[at]!);
        else {
          seen.push(b.targets[at]!);
          expect(b.tokens[at]).toBe(before.get(b.targets[at]!));
        }
      }
    }
    expect(seen.sort((x, y) => x - y)).toEqual(documents.flat());
    expect(ends.sort((x, y) => x - y)).toEqual(lasts);
  });

test("segments separate pieces, positions count inside them, and what is empty weighs nothing", () => {
  const { shards } = shardsOf("segments", 30);
  const b: PackedBatch = packer(shards, { rows: 4, length: 16, end, seed: 1 }).next();
  for (let i = 0; i < b.tokens.length; i++) {
    expect(b.weights[i]).toBe(b.segments[i] === -1 ? 0 : 1);
    if (b.segments[i] === -1) continue;
    const sameRow = i % 16 !== 0;
    const goesOn = sameRow && b.segments[i] === b.segments[i - 1];
    expect(b.positions[i]).toBe(goesOn ? b.positions[i - 1]! + 1 : 0);
    // inside a piece an input is the target before it
    if (goesOn) expect(b.tokens[i]).toBe(b.targets[i - 1]);
  }
});

test("without packing each row holds one piece and padding behind it; by default it is best fit, which takes fewer rows", () => {
  const { shards } = shardsOf("padded", 60);
  const rowsIn = (packing: "none" | "best-fit" | undefined) => {
    const p = packer(shards, { rows: 1, length: 16, end, seed: 1, packing });
    const rows: PackedBatch[] = [];
    while (p.state().epoch === 0) rows.push(p.next());
    return rows;
  };
  const padded = rowsIn("none");
  for (const b of padded) {
    const used = b.weights.reduce((n, w) => n + w, 0);
    expect(used).toBeGreaterThan(0);
    expect([...b.segments]).toEqual(Array.from({ length: 16 }, (_, k) => (k < used ? 0 : -1)));
  }
  expect(rowsIn(undefined)).toEqual(rowsIn("best-fit"));
  expect(rowsIn(undefined).length).toBeLessThan(padded.length / 1.5);
});

test("a document much longer than a step is spread over the epoch", () => {
  const long = Array.from({ length: 4000 }, (_, i) => 1 + (i % 50));
  const short = Array.from({ length: 400 }, () => Array.from({ length: 10 }, () => 1));
  const all = [long, ...short];
  const offsets = Uint32Array.from({ length: all.length + 1 }, (_, i) => all.slice(0, i).reduce((s, d) => s + d.length, 0));
  const p = packer({ tokens: Uint16Array.from(all.flat()), offsets }, { rows: 4, length: 40, end, seed: 2 });
  let worst = 0;
  while (p.state().epoch === 0) {
    const b = p.next();
    worst = Math.max(worst, [...b.targets].filter(x => x > 1).length / b.targets.length);
  }
  // half of all tokens are its own; no step is all of it (16 windows of it in a row would be chance 2^-16)
  expect(worst).toBeLessThan(1);
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
