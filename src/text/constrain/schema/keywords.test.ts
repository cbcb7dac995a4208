/** Laws of every keyword at once, under a judge that nobody here wrote: what the grammar says is valid, and what is valid is said. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { judgeOf } from "../../../../test/support/schemas/judge.ts";
import { changedValue, hasSafeNumbers, isSmallValue, randomSchemas, randomValue } from "../../../../test/support/schemas/random.ts";
import { drawText, opened, reads, readsInSomeOrder, recogniserOfSchema } from "../../../../test/support/schemas/texts.ts";
import { isLoamError, random } from "../../../base/index.ts";

const compiled = (schema: unknown) => {
  try {
    return recogniserOfSchema(schema);
  } catch (error) {
    if (isLoamError(error) && error.code === "text/constraint") return undefined;
    throw error;
  }
};

test("every keyword: texts of the grammar are valid, valid values are texts of it once its objects are open, and no text comes to a dead end", () => {
  const counts = { schemas: 0, refused: 0, relaxed: 0, drawn: 0, valid: 0, invalid: 0 };
  fc.assert(
    fc.property(randomSchemas, fc.nat(), (schema, seed) => {
      counts.schemas++;
      const judge = judgeOf(schema);
      const rng = random(`keywords ${seed}`);
      const r = compiled(schema);
      const open = compiled(opened(schema));
      const near: unknown[] = [];
      if (r) {
        if (r.relaxed.length > 0) counts.relaxed++;
        for (let i = 0; i < 6; i++) {
          const text = drawText(r, rng);
          if (text === undefined) continue;
          counts.drawn++;
          const v: unknown = JSON.parse(text);
          if (!hasSafeNumbers(v)) continue;
          if (r.relaxed.length === 0) expect([schema, text, judge(v)]).toEqual([schema, text, true]);
          if (isSmallValue(v)) near.push(v, changedValue(v, rng));
        }
      } else counts.refused++;
      for (let i = 0; i < 12; i++) near.push(randomValue(rng));
      for (const v of near) {
        const isValid = judge(v);
        counts[isValid ? "valid" : "invalid"]++;
        // a contradiction is refused wherever it stands, though values could do without that part
        if (isValid && open) expect([schema, v, readsInSomeOrder(open, v)]).toEqual([schema, v, true]);
        else if (!isValid)
          for (const one of [r, open])
            if (one?.relaxed.length === 0) expect([schema, v, reads(one, JSON.stringify(v))]).toEqual([schema, v, false]);
      }
    }),
    { seed: 5, numRuns: 150 },
  );
  expect(counts.drawn).toBeGreaterThan(rounds(200));
  expect(counts.valid).toBeGreaterThan(rounds(300));
  expect(counts.relaxed).toBeLessThan(counts.schemas / 5);
});

test("bounds that exclude each other once schemas are merged leave no value, and drop neither of them", () => {
  // as JSON: an object with `then` would be taken for a promise
  const schema: unknown = JSON.parse(
    '{"type":"object","if":{"maxProperties":2},"then":{"properties":{"d":{"type":"integer"}}},"else":{"maxProperties":2}}',
  );
  const r = recogniserOfSchema(schema);
  expect(r.relaxed).toEqual([]);
  for (const value of [{}, { d: 1 }, { d: "b" }, { a: 1, d: "b" }, { a: 1, b: 2, c: 3 }])
    expect([value, reads(r, JSON.stringify(value))]).toEqual([value, judgeOf(schema)(value)]);
});
