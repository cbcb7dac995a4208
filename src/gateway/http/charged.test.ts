/** Laws of what is charged, whatever an upstream says. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { apis } from "./apis.ts";
import { boundedUsage, chargedStream, chargedWhole, type Held } from "./charged.ts";

const tokens = fc.oneof(fc.nat(20), fc.nat(10_000), fc.nat(1_000_000_000));
const usage = fc.record({ inputTokens: tokens, outputTokens: tokens, cachedTokens: tokens }).map(u => ({
  ...u,
  cachedTokens: Math.min(u.cachedTokens, u.inputTokens),
}));
const held: fc.Arbitrary<Held> = fc
  .record({
    api: fc.constantFrom(...apis),
    bound: fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
    n: fc.integer({ min: 1, max: 3 }),
    sizeBytes: fc.nat(100_000),
    inputTokens: fc.nat(100_000),
    boundsOutput: fc.boolean(),
    contextTokens: fc.integer({ min: 1, max: 200_000 }),
    usual: fc.integer({ min: 1, max: 20_000 }),
  })
  .map(({ api, bound, n, sizeBytes, inputTokens, boundsOutput, contextTokens, usual }) => {
    const body = { n, max_tokens: bound, max_output_tokens: bound };
    return {
      ask: { api, body, choices: n, sizeBytes },
      routes: [{ boundsOutput, contextTokens, maxOutputTokens: usual }],
      exchange: { inputTokens },
      maxOutputTokens: api.maxOutputTokens(body, usual),
    };
  });

test("nothing is believed beyond what was said; more said is never less charged; and what is charged is believed", () => {
  fc.assert(
    fc.property(held, usage, usage, (f, a, b) => {
      const one = boundedUsage(f, a);
      expect(one.inputTokens).toBeLessThanOrEqual(a.inputTokens);
      expect(one.outputTokens).toBeLessThanOrEqual(a.outputTokens);
      expect(one.cachedTokens).toBeLessThanOrEqual(Math.min(a.cachedTokens, one.inputTokens));
      const more = boundedUsage(f, {
        inputTokens: a.inputTokens + b.inputTokens,
        outputTokens: a.outputTokens + b.outputTokens,
        cachedTokens: 0,
      });
      expect(more.inputTokens).toBeGreaterThanOrEqual(one.inputTokens);
      expect(more.outputTokens).toBeGreaterThanOrEqual(one.outputTokens);
      expect(boundedUsage(f, one)).toEqual(one);
    }),
  );
});

test("what was held is believed; of a bounded answer no more than that, or the model's own; of any, no more than the model takes", () => {
  fc.assert(
    fc.property(held, usage, (f, said) => {
      const [route] = f.routes;
      const { maxOutputTokens: most, ask } = f;
      const { outputTokens, inputTokens } = boundedUsage(f, said);
      if (ask.api.streamed === undefined) {
        expect(outputTokens).toBe(0);
        return;
      }
      if (said.outputTokens <= most) expect(outputTokens).toBe(said.outputTokens);
      const own = Math.max(most, route!.maxOutputTokens * ask.choices);
      const isBounded = ask.body[ask.api.streamed === "responses" ? "max_output_tokens" : "max_tokens"] !== undefined;
      expect(outputTokens).toBeLessThanOrEqual(isBounded ? own : Math.max(own, route!.contextTokens * ask.choices));
      expect(inputTokens).toBeLessThanOrEqual(Math.max(route!.contextTokens, ask.sizeBytes * 2, f.exchange.inputTokens));
      if (said.inputTokens <= ask.sizeBytes) expect(inputTokens).toBe(said.inputTokens);
    }),
  );
});

test("nothing said of a whole answer is what was held; of a stream, its pieces; and a stream is charged an eighth of them at least", () => {
  fc.assert(
    fc.property(held, usage, fc.nat(3_000), (f, said, pieces) => {
      const { inputTokens } = f.exchange;
      expect(chargedWhole(f, undefined, true)).toEqual({ inputTokens, outputTokens: f.maxOutputTokens, cachedTokens: 0 });
      expect(chargedWhole(f, said, false)).toEqual(boundedUsage(f, said));
      expect(chargedStream(f, undefined, pieces)).toEqual(boundedUsage(f, { inputTokens, outputTokens: pieces, cachedTokens: 0 }));
      const { outputTokens } = chargedStream(f, said, pieces);
      expect(outputTokens).toBeGreaterThanOrEqual(boundedUsage(f, { ...said, outputTokens: Math.ceil(pieces / 8) }).outputTokens);
    }),
  );
});
