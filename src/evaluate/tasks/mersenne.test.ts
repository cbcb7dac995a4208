import { expect, test } from "vitest";
import { PythonRandom } from "./mersenne.ts";

test("samples are CPython's (3.11: random.Random(seed).sample(range(n), k))", () => {
  const first = new PythonRandom(1234);
  expect(first.sample(10, 3)).toEqual([7, 1, 0]);
  expect(first.sample(1000, 5)).toEqual([92, 932, 965, 961, 826]);
  expect(first.sample(100, 30)).toEqual([
    74, 4, 85, 88, 10, 12, 45, 30, 2, 3, 91, 44, 82, 79, 61, 78, 59, 19, 11, 23, 14, 1, 64, 62, 31, 8, 69, 83, 99, 81,
  ]);
  const second = new PythonRandom(7);
  expect([second.sample(5000, 8), second.sample(5000, 8)]).toEqual([
    [2652, 1235, 3234, 395, 593, 4389, 771, 2995],
    [4774, 475, 4156, 1758, 307, 704, 3552, 3425],
  ]);
});
