import { expect, test } from "vitest";
import { cacheBytes, cachePages, type DecoderConfig, llamaConfig } from "../../nn/index.ts";
import { chosenContext, leastContext, mostDefaultContext } from "./default-context.ts";

const config = (context: number): DecoderConfig => llamaConfig({ vocab: 1000, width: 64, layers: 4, heads: 4, context });
const bytes = (context: number, slots: number) => cacheBytes(config(context), slots, cachePages(config(context), context));
const plenty = 2 ** 40;

test("a model gets what it was trained for where that fits", () => {
  expect(chosenContext({ config: config(512), slots: 8, availableBytes: plenty })).toMatchObject({ context: 512, reason: "trained" });
  expect(chosenContext({ config: config(8192), slots: 8, availableBytes: plenty })).toMatchObject({ context: 8192, reason: "trained" });
  expect(chosenContext({ config: config(131_072), slots: 8, availableBytes: plenty })).toMatchObject({
    context: mostDefaultContext,
    longest: 131_072,
    reason: "default",
  });
});

test("keys and values of all sequences take at most half of the free memory, in the longest power of two that does", () => {
  for (const slots of [1, 8, 32])
    for (const share of [0.3, 0.6, 0.9]) {
      const availableBytes = 2 * share * bytes(8192, slots);
      const { context, reason, cacheBytes: taken } = chosenContext({ config: config(8192), slots, availableBytes });
      expect(reason).toBe("memory");
      expect(Math.log2(context) % 1).toBe(0);
      expect(taken).toBeLessThanOrEqual(availableBytes / 2);
      expect(bytes(2 * context, slots)).toBeGreaterThan(availableBytes / 2);
    }
});

test("however little memory there is, a model has the 2,048 tokens that it always had", () => {
  expect(chosenContext({ config: config(8192), slots: 8, availableBytes: 0 })).toMatchObject({ context: leastContext, reason: "memory" });
  expect(chosenContext({ config: config(1000), slots: 8, availableBytes: 0 })).toMatchObject({ context: 1000, reason: "trained" });
});

test("what somebody asks for goes first, up to what the model reads", () => {
  const wish = { config: config(8192), slots: 8, availableBytes: 0 };
  expect(chosenContext({ ...wish, given: 5000 })).toMatchObject({ context: 5000, reason: "given" });
  expect(chosenContext({ ...wish, given: 100_000 })).toMatchObject({ context: 8192, reason: "trained" });
});
