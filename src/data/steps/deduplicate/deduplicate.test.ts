import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import type { Document } from "../../document.ts";
import { deduplicate } from "./deduplicate.ts";

const document = (id: string, text: string): Document => ({ id, text, source: id, attributes: {} });
const judge = (documents: readonly Document[], options: unknown = {}) => {
  const pass = deduplicate.begin(deduplicate.options.parse(options));
  for (const d of documents) pass.see(d);
  return new Map([...pass.judge()].map(([id, j]) => [id, j.verdicts![0]!] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
};
const base = Array.from({ length: 80 }, (_, i) => `word${i}`);
const long = base.join(" ");

test("texts equal but for case, spacing and form are one; the longest stays, then the smallest id", () => {
  const verdicts = judge([
    document("b", "Hello  World"),
    document("a", "hello world"),
    document("c", "hello world"),
    document("d", "other"),
  ]);
  expect([...verdicts.keys()]).toEqual(["a", "c"]);
  expect(verdicts.get("a")).toEqual({ rule: "exact", keep: false, value: 1, threshold: 1, cluster: "b", survivor: "b" });
});

test("without fuzzy, near-duplicates stay", () => {
  expect(judge([document("a", long), document("b", `${long} more`)]).size).toBe(0);
});

test("fuzzy: a near-duplicate goes with its similarity, and a copy of it names the one that stays", () => {
  const verdicts = judge([document("a", `${long} more`), document("b", long), document("c", long.toUpperCase())], { fuzzy: true });
  expect(verdicts.get("b")).toMatchObject({ rule: "near-duplicate", survivor: "a", threshold: 0.7, value: 76 / 77 });
  expect(verdicts.get("c")).toMatchObject({ rule: "exact", survivor: "a" });
});

test("chains do not run away: what is only like a text that goes stays itself", () => {
  // Each differs from the next by ten words of eighty; the first and the last have little in common.
  const chain = Array.from({ length: 5 }, (_, k) => document(`d${k}`, base.map((w, i) => (i < 10 * k ? `new${i}` : w)).join(" ")));
  const verdicts = judge(chain, { fuzzy: { threshold: 0.6 } });
  for (const [, v] of verdicts) {
    expect(v.value as number).toBeGreaterThanOrEqual(0.6);
    expect(verdicts.has(v.survivor!)).toBe(false);
  }
  expect(verdicts.size).toBeGreaterThan(0);
  expect(verdicts.size).toBeLessThan(4);
});

test("who stays does not depend on the order of reading", () => {
  const documents = Array.from({ length: 60 }, (_, i) => {
    const changed = base.map((w, k) => ((k * 7 + i * 3) % 80 < i % 4 ? `x${i}` : w));
    return document(`d${i % 20}-${i}`, i % 5 === 0 ? long : changed.join(" "));
  });
  const first = judge(documents, { fuzzy: true });
  expect(first.size).toBeGreaterThan(20);
  for (const seed of [1, 2, 3]) {
    const shuffled = [...random(seed).permutation(documents.length)].map(i => documents[i]!);
    expect(judge(shuffled, { fuzzy: true })).toEqual(first);
  }
});

test("an impossible threshold is refused", () => {
  expect(() => deduplicate.options.parse({ fuzzy: { threshold: 1.2 } })).toThrow();
  expect(() => deduplicate.options.parse({ fuzzy: { bands: 0 } })).toThrow();
});
