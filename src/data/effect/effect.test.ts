import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { measureEffect, type ProxyTrainer } from "./effect.ts";
import { differenceInterval } from "./interval.ts";

/** Differences with a true effect, deviations of documents and of seeds. */
function drawn(draw: ReturnType<typeof random>, seeds: number, documents: number, effect: number, ofDocuments: number, ofSeeds: number) {
  const bytes = Array.from({ length: documents }, () => 200 + draw.below(2000));
  const own = bytes.map(() => ofDocuments * draw.normal());
  const bits = Array.from({ length: seeds }, () => {
    const shift = ofSeeds * draw.normal();
    return bytes.map((b, i) => b * (effect + own[i]! + shift + 0.01 * draw.normal()));
  });
  return { bytes, bits };
}

test("an interval of 95 % holds the truth nineteen times of twenty, whether documents or seeds differ most", () => {
  const draw = random(11);
  for (const [seeds, documents, ofDocuments, ofSeeds] of [
    [3, 100, 0.05, 0.02],
    [3, 100, 0.05, 0.001],
    [4, 50, 0.005, 0.02],
    [2, 200, 0.2, 0.005],
  ] as const) {
    let held = 0;
    const times = rounds(600, 200);
    for (let i = 0; i < times; i++) {
      const { bits, bytes } = drawn(draw, seeds, documents, -0.02, ofDocuments, ofSeeds);
      const { low, high } = differenceInterval(bits, bytes);
      held += Number(low <= -0.02 && -0.02 <= high);
    }
    // 95 % less three standard deviations (of 200: 181, which an interval of 88 % misses four times in five). Adding two variances may only be too careful.
    const fewest = 0.95 * times - 3 * Math.sqrt(0.95 * 0.05 * times);
    expect(held, `${seeds} seeds, ${documents} documents`).toBeGreaterThanOrEqual(fewest);
  }
});

test("the difference is that of the sums, with no doubt where nothing varies", () => {
  const { difference, low, high } = differenceInterval(
    [
      [-10, -30],
      [-10, -30],
    ],
    [100, 300],
  );
  expect([difference, low, high]).toEqual([-0.1, -0.1, -0.1]);
  expect(() => differenceInterval([[1, 2]], [1, 1])).toThrow("two seeds");
});

/** A model whose cost a byte is what its training texts say: the share of words it knows, with noise of the seed. */
const trainer: ProxyTrainer = {
  async train(texts, seed) {
    const known = new Set(texts.join(" ").split(" "));
    const noise = 0.01 * random(seed).normal();
    return {
      score: async asked =>
        asked.map(t => {
          const words = t.split(" ");
          const share = words.filter(w => known.has(w)).length / words.length;
          return { bits: Buffer.byteLength(t) * (4 - 2 * share + noise), bytes: Buffer.byteLength(t) };
        }),
      [Symbol.dispose]() {},
    };
  },
};

test("what a side knows more shows, on the documents as they are and as the step leaves them", async () => {
  const asked = [
    ...Array.from({ length: 10 }, (_, i) => ({ id: `a${i}`, before: `the sea ${i} [ad]`, after: `the sea ${i}` })),
    ...Array.from({ length: 5 }, (_, i) => ({ id: `b${i}`, before: `junk ${i} junk` })),
  ];
  const { kept, all } = await measureEffect({ without: ["junk junk"], with: ["the sea"], asked, seeds: [1, 2, 3], trainer });
  expect(kept!.documents).toBe(10);
  expect(all!.documents).toBe(15);
  // Two of three words of each kept text: 4/3 bits per byte less, and noise of a seed is the same on both sides.
  expect(kept!.difference).toBeCloseTo(-4 / 3, 6);
  expect(kept!.high).toBeLessThan(-1.3);
  expect(kept!.with - kept!.without).toBeCloseTo(kept!.difference, 9);
  expect(all!.difference).toBeGreaterThan(kept!.difference);
});

test("a step that drops everything leaves nothing to ask about among the kept", async () => {
  const asked = [
    { id: "a", before: "one two" },
    { id: "b", before: "two three" },
  ];
  const { kept, all } = await measureEffect({ without: ["one"], with: ["two"], asked, seeds: [1, 2], trainer });
  expect(kept).toBeUndefined();
  expect(all!.documents).toBe(2);
});
