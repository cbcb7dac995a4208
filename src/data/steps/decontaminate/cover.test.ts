import fc from "fast-check";
import { expect, test } from "vitest";
import { coverer, windowOf } from "./cover.ts";
import { evaluationIndex, gramAt } from "./evaluation-index.ts";
import { contaminationWords } from "./words.ts";

const options = { seedWords: 5, gramWords: 3, minWords: 1, minAnswerWords: 1, minPairWords: 1 };
const sentence = (max: number) => fc.array(fc.constantFrom(..."abcdefgh"), { minLength: 1, maxLength: max });

test("the share is the greatest of all windows, counted word by word", () => {
  fc.assert(
    fc.property(sentence(14), sentence(60), sentence(9), (prompt, text, other) => {
      const index = evaluationIndex(
        [prompt, other].map((p, i) => ({ key: `s#${i}`, prompt: p.join(" "), answer: "", passage: "" })),
        options,
      );
      const words = contaminationWords(text.join(" "));
      const found = coverer(index, options.gramWords)(0, words, 0, words.length);
      const n = Math.min(options.gramWords, prompt.length);
      const mine = index.words.subarray(0, prompt.length);
      let best = 0;
      for (let from = 0; from < words.length; from++) {
        const window = words.subarray(from, from + windowOf(prompt.length));
        const grams = new Set(Array.from({ length: Math.max(0, window.length - n + 1) }, (_, i) => gramAt(window, i, n)));
        const isCovered = new Uint8Array(prompt.length);
        for (let g = 0; g + n <= prompt.length; g++) if (grams.has(gramAt(mine, g, n))) isCovered.fill(1, g, g + n);
        best = Math.max(
          best,
          isCovered.reduce((sum, c, i) => sum + c * index.weights[i]!, 0),
        );
      }
      expect(found.share).toBeCloseTo(best / index.masses[0]!, 12);
      expect(found.to - found.from).toBeLessThanOrEqual(windowOf(prompt.length));
      if (found.share > 0) expect(found.from).toBeLessThan(found.to);
    }),
    { numRuns: 300 },
  );
});

test("a run that every item has weighs less than one that only one has", () => {
  const items = Array.from({ length: 50 }, (_, i) => ({
    key: `s#${i}`,
    prompt: `which of the following is true number${i} word${i} thing${i}`,
    answer: "",
    passage: "",
  }));
  const { weights } = evaluationIndex(items, options);
  expect(weights[1]! * 3).toBeLessThan(weights[7]!);
});
