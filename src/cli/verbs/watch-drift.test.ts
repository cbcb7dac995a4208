import { expect, test } from "vitest";
import { addToSketch, compareSeason, compareSketches, emptySketch, type SketchSpec, seasonOf, weekMs } from "../../watch/index.ts";
import { seasonLines } from "./watch-drift.ts";

const spec: SketchSpec = { tokenizer: null, features: { words: { type: "number" }, language: { type: "category" } } };
const nowMs = Date.UTC(2026, 11, 5);

function hour(atMs: number, more: number, german: number) {
  const sketch = emptySketch(spec);
  for (let i = 0; i < 300; i++)
    addToSketch(sketch, { words: ((i * 7) % 40) + more, language: i % 10 < german ? "de" : "en" }, `${atMs} ${i}`);
  return { atMs, sketch };
}

test("`loam watch drift` names the changes that are usual for these hours, and those that are not", () => {
  const now = hour(nowMs, 20, 5);
  const report = compareSketches(hour(0, 0, 1).sketch, now.sketch);
  const season = compareSeason(report, seasonOf([now], [hour(nowMs - weekMs, 20, 1), hour(nowMs - 2 * weekMs, 20, 1)])!);
  expect([...seasonLines({ version: "mail@2", ...season })]).toEqual([
    "  season: drift from the same hours of 2 earlier weeks (600 requests to mail@2 since 2026-11-21; 100 % of the traffic has a counterpart)",
    "    as usual in these hours: words",
    "    unusual for these hours too: language",
  ]);
  const one = compareSeason(report, seasonOf([now], [hour(nowMs - weekMs, 20, 5)])!);
  expect([...seasonLines({ version: "mail@2", ...one })][0]).toContain("no drift from the same hours of 1 week before (300 requests");
});
