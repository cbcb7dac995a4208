import { expect, test } from "vitest";
import { random } from "../../../base/index.ts";
import { bagSimilarity, jaccard, likeAcross, likeDefaults, likeGroups, likeIndex, shingles, wordBag } from "./index.ts";

/** Texts of few words of a small vocabulary, some of them alike, and of one in five many words. */
function drawn(seed: string, count: number): string[] {
  const r = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const length = i % 5 === 0 ? 70 : 6 + r.below(12);
    return Array.from({ length }, (_, k) => `${"abcdefgh"[k % 8]}${r.below(i % 5 === 0 ? 2 : 3)}`).join(" ");
  });
}

test("what is found to be alike is what comparing each with each finds, short texts by words and by shingles", () => {
  const judged = drawn("judged", 60);
  const changed = judged.map((t, i) =>
    t
      .split(" ")
      .with(i % 6, "other")
      .join(" "),
  );
  const texts = [...drawn("texts", 120), ...changed];
  for (const shortWords of [0, 60]) {
    const o = { ...likeDefaults, threshold: 0.6, shortWords };
    const alike = (a: string, b: string) =>
      jaccard(shingles(a, 5), shingles(b, 5)) >= 0.6 || bagSimilarity(wordBag(a, shortWords), wordBag(b, shortWords), 0.6) !== undefined;
    const index = likeIndex(judged, o);
    let found = 0;
    for (const text of texts) {
      const like = index.like(text);
      expect(like !== undefined, text).toBe(judged.some(j => alike(j, text)));
      if (!like) continue;
      expect(alike(judged[like.text]!, text)).toBe(true);
      found++;
    }
    expect(found).toBeGreaterThan(shortWords ? 60 : 5);
    expect(found).toBeLessThan(texts.length);
  }
});

test("a short text with one word changed is like its twin, on either side", () => {
  const text = "my parcel has not arrived and I want my money back today";
  const [twin, other] = [text.replace("parcel", "order"), "how do I change the address of the delivery for next week"];
  expect(likeAcross([text], [twin, other]).map(l => l?.text)).toEqual([0, undefined]);
  const sets = likeGroups([text, twin, other]);
  expect([sets.find(1), sets.find(2)]).toEqual([sets.find(0), 2]);
});

test("texts of a large template are not all one group, and are alike only within a piece of it", () => {
  const texts = Array.from({ length: 60 }, (_, i) => `please set an alarm for ${i} in the morning`);
  const sets = likeGroups(texts);
  expect(new Set(texts.map((_, i) => sets.find(i))).size).toBe(60);
  expect(likeAcross(texts.slice(0, 30), texts.slice(30)).filter(Boolean)).toEqual([]);
  expect(likeAcross(texts.slice(0, 30), [texts[3]!])[0]).toMatchObject({ text: 3, similarity: 1 });
  const few = likeGroups(texts.slice(0, 20));
  expect(new Set(texts.slice(0, 20).map((_, i) => few.find(i))).size).toBe(1);
});
