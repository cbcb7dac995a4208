import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { good, runRecords } from "../../plan/runs.laws.ts";
import { bagSimilarity, wordBag } from "../near-duplicates/index.ts";
import { splitOptions } from "./options.ts";
import { splitDocuments } from "./split.ts";

const document = (id: string, text: string): Document => ({ id, text, source: "", attributes: {} });
const [hours, days, rooms] = [
  Array.from({ length: 12 }, (_, i) => `${i + 1}`),
  ["monday", "tuesday", "wednesday", "thursday", "friday"],
  ["kitchen", "bedroom", "office"],
];
const templates: readonly ((hour: string, day: string, room: string) => string)[] = [
  (hour, day, room) => `please set an alarm for ${hour} in the morning on ${day} in the ${room}`,
  (hour, day, room) => `switch off every light of the ${room} at ${hour} sharp on each ${day}`,
];
/** Intents as people generate them: every filling of every template. */
const intents = templates.flatMap((t, k) =>
  hours.flatMap(hour => days.flatMap(day => rooms.map(room => document(`${k}/${hour}/${day}/${room}`, t(hour, day, room))))),
);
/** Two texts of each that differ in a word. */
const twins = Array.from({ length: 40 }, (_, i) => {
  const own = Array.from({ length: 10 }, (_, w) => `w${i}x${w}`);
  return [document(`t${i}.a`, own.join(" ")), document(`t${i}.b`, own.with(3, "other").join(" "))];
}).flat();

test("texts of a few templates are split by default, each template on both sides; their near copies across the sides are counted", async () => {
  const { train, heldOut, crossing, templated } = await splitDocuments([...intents, ...twins], splitOptions.parse({ heldOut: 0.2 }));
  expect(heldOut.length / (intents.length + twins.length)).toBeCloseTo(0.2, 2);
  for (const side of [train, heldOut]) for (const k of templates.keys()) expect(side.some(d => d.id.startsWith(`${k}/`))).toBe(true);
  expect(crossing).toBe(0);
  const bags = train.map(d => wordBag(d.text, 60));
  const like = heldOut.filter(d => bags.some(b => bagSimilarity(wordBag(d.text, 60), b, 0.7) !== undefined));
  expect(like.every(d => !d.id.startsWith("t"))).toBe(true);
  expect(like.length).toBeGreaterThan(10);
  expect(templated).toBe(like.length);
  // what has few texts stays whole
  const held = new Set(heldOut.map(d => d.id));
  for (let i = 0; i < 40; i++) expect(held.has(`t${i}.a`)).toBe(held.has(`t${i}.b`));
});

test("copies and shingles hold together in a divided group, and groups of at most twenty texts stay whole", async () => {
  const few = hours.map(hour => document(`few/${hour}`, `would you kindly remind me to water all plants at ${hour}`));
  const copies = intents.slice(0, 60).map(d => document(`copy of ${d.id}`, `${d.text.toUpperCase()}!`));
  const { heldOut, clusters } = await splitDocuments([...intents, ...few, ...copies], splitOptions.parse({ heldOut: 0.3, seed: 4 }));
  const held = new Set(heldOut.map(d => d.id));
  for (const { id } of intents.slice(0, 60)) expect(held.has(`copy of ${id}`)).toBe(held.has(id));
  expect(new Set(few.map(d => held.has(d.id))).size).toBe(1);
  expect(new Set(few.map(d => clusters.get(d.id))).size).toBe(1);
});

test("largestGroup: 1 divides nothing, so that two templates alone are on a side each", async () => {
  const { train, heldOut, templated } = await splitDocuments(intents, splitOptions.parse({ heldOut: 0.2, near: { largestGroup: 1 } }));
  expect([new Set(train.map(d => d.id[0])).size, new Set(heldOut.map(d => d.id[0])).size, templated]).toEqual([1, 1, 0]);
});

test("one template alone is split by default", async () => {
  const { train, heldOut } = await splitDocuments(
    intents.filter(d => d.id.startsWith("0/")),
    splitOptions.parse({ heldOut: 0.1 }),
  );
  expect([train.length, heldOut.length]).toEqual([162, 18]);
});

test("partitions, bins and the order of documents do not change what is divided", async () => {
  const documents = [...intents, ...twins];
  const split = splitOptions.parse({ heldOut: 0.2 });
  const sides: string[] = [];
  const counts: number[] = [];
  for (const [partitions, bins, seed] of [
    [1, 1, 0],
    [3, 4, 1],
  ] as const) {
    const order = seed === 0 ? documents.keys() : random(seed).permutation(documents.length);
    const list = [...order].map(i => good(documents[i]!.id, documents[i]!.text));
    const parts = Array.from({ length: partitions }, (_, p) => list.filter((_, i) => i % partitions === p));
    const made = await runRecords(parts, { steps: [], split, bins });
    sides.push(made.files.get("held-out.jsonl")!.toString("utf8"));
    counts.push(made.templated);
  }
  expect(sides[1]).toBe(sides[0]);
  expect(counts[1]).toBe(counts[0]);
  expect(counts[0]).toBeGreaterThan(10);
});
