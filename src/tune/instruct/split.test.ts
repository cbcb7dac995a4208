import { expect, test } from "vitest";
import type { PlacedExample } from "./read.ts";
import { checkExampleCrossing, splitExamples } from "./split.ts";

const of = (place: string, prompt: string): PlacedExample => ({ place, example: { kind: "completion", prompt, completion: "yes" } });

test("a short validation example that differs from a trained one in a word is refused, and one that does not passes", () => {
  const train = [of("t.jsonl:1", "my parcel has not arrived and I want my money back"), of("t.jsonl:2", "open the window")];
  expect(() => checkExampleCrossing(train, [of("v.jsonl:1", "my order has not arrived and I want my money back")])).toThrow(
    /v\.jsonl:1: .*got a near-duplicate \(0\.\d\d\) of t\.jsonl:1/,
  );
  expect(() => checkExampleCrossing(train, [of("v.jsonl:1", "how do I change the address of my next delivery")])).not.toThrow();
});

test("examples of one template are divided by default, and what was divided does not count as crossing", async () => {
  const all = Array.from({ length: 100 }, (_, i) => of(`f.jsonl:${i}`, `please set an alarm for ${i} in the morning`));
  const { train, validation } = await splitExamples(all, { validation: 0.1, seed: 1 });
  expect([train.length, validation.length]).toEqual([90, 10]);
  expect(() => checkExampleCrossing(train, validation)).not.toThrow();
});
