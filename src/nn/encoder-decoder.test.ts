/** What T5's relative positions are; whole models are held to PyTorch in `golden.test.ts`. */
import { expect, test } from "vitest";
import { bucketOf } from "./encoder-decoder.ts";

/** The least distances of the buckets of T5 as published, by `transformers` 5.24's `T5Attention._relative_position_bucket`. */
const published = {
  both: [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91],
  past: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113],
};
const t5 = { buckets: 32, farthest: 128 };

test("distances share numbers as in T5: 32 of them, to 128 and beyond, both ways and to the past alone", () => {
  for (const [name, isCausal] of [
    ["both", false],
    ["past", true],
  ] as const)
    for (let far = 0; far <= 400; far++) {
      const own = published[name].filter(least => least <= far).length - 1;
      expect(bucketOf(t5, -far, isCausal), `${name} ${far}`).toBe(own);
      expect(bucketOf(t5, far, isCausal), `${name} ${far} ahead`).toBe(isCausal ? 0 : far === 0 ? 0 : 16 + own);
    }
});
