import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bm25, searchWords } from "./index.ts";

interface Golden {
  readonly bm25: {
    readonly documents: readonly string[];
    readonly queries: readonly string[];
    readonly scores: readonly { readonly k1: number; readonly b: number; readonly scores: readonly (readonly number[])[] }[];
  };
}
const { documents, queries, scores }: Golden["bm25"] = (
  JSON.parse(readFileSync(new URL("../../embedding/embedding-tasks.golden.json", import.meta.url), "utf8")) as Golden
).bm25;

test("scores are the formula's over scikit-learn's counts, a word that the query repeats counting again", () => {
  for (const { k1, b, scores: wanted } of scores) {
    const scoresOf = bm25(documents, { k1, b });
    for (const [i, query] of queries.entries())
      for (const [d, score] of scoresOf(query).entries()) expect(score, `${query}: document ${d}`).toBeCloseTo(wanted[i]![d]!, 12);
  }
});

test("words are those of any script; where it writes no spaces, pairs of characters", () => {
  expect(searchWords("L'État, c'est MOI: 3 fois")).toEqual(["l", "état", "c", "est", "moi", "3", "fois"]);
  expect(searchWords("東京都に住む GPT-4")).toEqual(["東京", "京都", "都に", "に住", "住む", "gpt", "4"]);
  expect(searchWords("水")).toEqual(["水"]);
  // the same words, composed and in parts, wide and plain
  expect(searchWords("cafe\u0301 ＡＢＣ")).toEqual(searchWords("caf\u00e9 abc"));
  expect(searchWords(" ... ")).toEqual([]);
});

test("documents and queries without words are no error: nothing is found", () => {
  expect([...bm25(["...", "a word"], { k1: 1.2, b: 0.75 })("!")]).toEqual([0, 0]);
  expect([...bm25(["...", "!"], { k1: 1.2, b: 1 })("word")]).toEqual([0, 0]);
});
