import { expect, test } from "vitest";
import type { DescribedExample } from "./examples.ts";
import { predictionLines } from "./predictions.ts";

const examples = (of: (i: number) => Partial<DescribedExample>, n = 120): DescribedExample[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `d${i}`,
    text: `text ${i}`,
    label: i % 2,
    group: `g${i >> 1}`,
    isMade: false,
    attributes: {},
    ...of(i),
  }));
const linesOf = (test: readonly DescribedExample[]) =>
  predictionLines({
    test,
    label: "mood",
    classes: ["glad", "low"],
    predicted: test.map(() => 0),
    probabilities: test.map(() => [0.75, 0.25]),
  })
    .trimEnd()
    .split("\n")
    .map(line => JSON.parse(line) as { text: string; attributes: Record<string, unknown> });

test("a line has the text's group, its beginning, and attributes that tell kinds of texts", () => {
  const lines = linesOf(
    examples(i => ({
      text: `${"x".repeat(i)}`,
      attributes: {
        mood: "glad",
        cluster: "c",
        augmentedFrom: "d0",
        language: i % 3 ? "en" : "de",
        hasLinks: i % 5 === 0,
        score: i / 7,
        tags: ["a"],
        sender: `${i}@example.org`,
        source: "one",
        ...(i === 4 ? { language: null } : {}),
      },
    })),
  );
  expect(lines[1]).toEqual({
    id: "d1",
    group: "g0",
    truth: "low",
    predicted: "glad",
    scores: [0.75, 0.25],
    text: "x",
    attributes: { "length of text": 1, hasLinks: "false", language: "en", score: 1 / 7 },
  });
  expect(lines[4]!.attributes).not.toHaveProperty("language");
});

test("a text is bounded and no character of it cut in two; attributes are bounded, kinds before measures", () => {
  const [long] = linesOf(
    examples(i => ({
      text: `${"a".repeat(499)}😀${"b".repeat(5000)}`,
      attributes: Object.fromEntries([..."abcdefgh"].map(c => [c, c < "e" ? i : `${c}${i % 2}`])),
    })),
  );
  expect(long!.text).toBe("a".repeat(499));
  expect(Object.keys(long!.attributes)).toEqual(["length of text", "e", "f", "g", "h", "a"]);
  expect(long!.attributes["length of text"]).toBe(5501);
});
