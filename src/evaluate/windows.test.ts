import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { layWindows, likelihoodWindows } from "./windows.ts";

test("every target of a document is scored once, and with enough past", () => {
  for (const tokens of [0, 1, 5, 7, 8, 9, 15, 16, 17, 40])
    for (const [length, stride] of [
      [8, 4],
      [8, 8],
      [8, 1],
      [16, 5],
    ] as const) {
      const scored = new Array<number>(tokens + 1).fill(0);
      for (const w of likelihoodWindows(0, tokens, length, stride)) {
        expect(w.size).toBeLessThanOrEqual(length);
        for (let k = w.scoredFrom; k < w.size; k++) {
          scored[w.from + k]!++;
          // past inside the window: all of the document's past, or at least length - stride of it
          expect(w.from === 0 || k >= length - stride).toBe(true);
        }
      }
      expect(
        scored.every(n => n === 1),
        `${tokens} tokens in windows of ${length} by ${stride}`,
      ).toBe(true);
    }
});

test("rows hold each window once and never overflow", () => {
  const r = random("rows");
  const windows = Array.from({ length: 200 }, (_, i) => likelihoodWindows(i, r.below(60), 32, 16)).flat();
  const rows = layWindows(windows, 32);
  expect(rows.flat().length).toBe(windows.length);
  expect(new Set(rows.flat()).size).toBe(windows.length);
  for (const row of rows) expect(row.reduce((s, w) => s + w.size, 0)).toBeLessThanOrEqual(32);
  // first fit by decreasing size wastes little
  expect(rows.length).toBeLessThan(1.1 * Math.ceil(windows.reduce((s, w) => s + w.size, 0) / 32) + 2);
});
