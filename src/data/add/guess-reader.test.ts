import { expect, test } from "vitest";
import { guessReader, readersFor } from "./guess-reader.ts";

test("the reader of most files is guessed, compressed ones too; a tie is nobody's", () => {
  expect(guessReader(["a.jsonl", "b.jsonl.gz", "C.JSONL.zst", "README.md"])).toEqual({ reader: "jsonl", files: 3 });
  expect(guessReader(["a.html", "b.pdf"])).toBeUndefined();
  expect(readersFor(["a.html", "b.pdf", "c.pdf"]).map(g => [g.reader, g.files])).toEqual([
    ["pdf", 2],
    ["html", 1],
  ]);
  expect(guessReader(["a.xyz"])).toBeUndefined();
  expect(guessReader([])).toBeUndefined();
});
